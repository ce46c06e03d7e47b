import type { ForwardedProtoMode } from '../../domain/forwarding/request-head-out.ts';
import type { StickySettings } from '../../domain/forwarding/sticky-session.ts';
import type { BalancerSettings } from '../../domain/routes/balance.ts';

/** How the data path behaves; times in ms. Defaults and their origins: `config.ts`. */
export interface ProxySettings {
  /** Of a request or response head, and of a trailer section. */
  readonly maxHeadBytes: number;
  readonly maxFields: number;
  /** From the first byte of a request head to its last. */
  readonly headTimeoutMs: number;
  /** Between two requests on a client connection. */
  readonly idleTimeoutMs: number;
  /** A whole exchange, bodies included; upgraded connections have no limit. */
  readonly requestTimeoutMs: number;
  readonly dialTimeoutMs: number;
  /** Endpoints one request may be tried on. */
  readonly maxAttempts: number;
  readonly forwardedProto: ForwardedProtoMode;
  readonly sticky: StickySettings;
  readonly balancer: BalancerSettings;
}
