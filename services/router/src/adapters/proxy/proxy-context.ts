import type { AccessRecord } from '../../domain/access-record.ts';
import type { Endpoint } from '../../domain/routes/endpoint.ts';
import type { Pool } from '../../domain/routes/pool.ts';
import type { UpstreamFailure } from '../../domain/upstream-failure.ts';
import type { ProxySettings } from './proxy-settings.ts';
import type { UpstreamPool } from './upstream-pool.ts';

/** What every connection of a proxy shares. */
export interface ProxyContext {
  readonly settings: ProxySettings;
  readonly routes: { lookup(authority: string, path: string): Pool | undefined };
  readonly upstreams: UpstreamPool;
  /** Monotonic ms. */
  readonly now: () => number;
  /** ms since the epoch. */
  readonly wallClock: () => number;
  readonly random: () => number;
  readonly newGuid: () => string;
  /** The router is stopping: responses say that they are the last on their connection. */
  readonly isDraining: () => boolean;
  readonly onAccess: (record: AccessRecord) => void;
  readonly onEndpointFailure: (pool: Pool, endpoint: Endpoint, failure: UpstreamFailure) => void;
  /** A fault of the router itself; the exchange that it happened in is over. */
  readonly onFault: (error: unknown) => void;
  /** A request that never became one; no access record is made. */
  readonly onRejected: (remoteAddress: string, reason: string) => void;
}
