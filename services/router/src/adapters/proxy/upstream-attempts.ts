import { chooseEndpoint } from '../../domain/choose-endpoint.ts';
import type { RoutedRequest } from '../../domain/route-request.ts';
import type { Pick } from '../../domain/routes/balance.ts';
import type { Endpoint } from '../../domain/routes/endpoint.ts';
import type { ProxyContext } from './proxy-context.ts';
import type { UpstreamConnection, UpstreamUser } from './upstream-connection.ts';

const NONE_TRIED: ReadonlySet<Endpoint> = new Set();

/** The attempts of one exchange to be answered by a backend, of which at most one is under way. */
export class UpstreamAttempts {
  /** Endpoints tried so far. */
  count = 0;
  /** Of the last attempt. */
  endpoint: Endpoint | undefined;
  /** Undefined when no attempt is under way. */
  upstream: UpstreamConnection | undefined;
  readonly #context: ProxyContext;
  readonly #replayable: boolean;
  #failed: Set<Endpoint> | undefined;
  /** Counted in the backend's `waiting`. */
  #isWaiting = false;

  /** @param replayable the request may be sent twice */
  constructor(context: ProxyContext, replayable: boolean) {
    this.#context = context;
    this.#replayable = replayable;
  }

  choose(routed: RoutedRequest): Pick {
    const { settings, now, random } = this.#context;
    return chooseEndpoint(routed, this.#failed ?? NONE_TRIED, now(), random, settings.balancer);
  }

  /** @param again the endpoint had closed the idle connection that was used; this time a new one is made */
  start(endpoint: Endpoint, again: boolean, user: UpstreamUser): UpstreamConnection {
    const { upstreams } = this.#context;
    const { backend } = endpoint;
    this.endpoint = endpoint;
    if (!again) this.count++;
    this.#isWaiting = true;
    backend.waiting++;
    const idle = again ? undefined : upstreams.takeIdle(backend, this.#replayable);
    const upstream = idle ?? upstreams.dial(backend);
    upstream.user = user;
    this.upstream = upstream;
    return upstream;
  }

  /** The endpoint is not chosen again for this request. */
  markFailed(endpoint: Endpoint): void {
    this.#failed ??= new Set();
    this.#failed.add(endpoint);
  }

  /** The response's head has come, or will not. */
  stopWaiting(): void {
    if (!this.#isWaiting || this.endpoint === undefined) return;
    this.#isWaiting = false;
    this.endpoint.backend.waiting--;
  }

  /** Breaks off the attempt under way. */
  drop(): void {
    this.stopWaiting();
    this.upstream?.discard();
    this.upstream = undefined;
  }

  /** The exchange is over and its connection free for another one. */
  giveBack(keepAliveSeconds: number): void {
    if (this.upstream !== undefined) this.#context.upstreams.giveBack(this.upstream, keepAliveSeconds);
    this.upstream = undefined;
  }

  /** Hands the connection over to somebody else, for good. */
  take(): UpstreamConnection | undefined {
    const { upstream } = this;
    this.stopWaiting();
    this.upstream = undefined;
    return upstream;
  }
}
