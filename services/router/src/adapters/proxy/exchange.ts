import { requestHeadOut } from '../../domain/forwarding/request-head-out.ts';
import { type ResponseOut, responseHeadOut } from '../../domain/forwarding/response-head-out.ts';
import { stickyCookie } from '../../domain/forwarding/sticky-session.ts';
import type { RequestHead } from '../../domain/http/request-head.ts';
import type { ResponseHead } from '../../domain/http/response-head.ts';
import { isReplayable } from '../../domain/replayable.ts';
import { type RoutedRequest, routeRequest } from '../../domain/route-request.ts';
import { bodyOf, type RouterAnswer, renderAnswer, routerAnswers } from '../../domain/router-answer.ts';
import type { Endpoint } from '../../domain/routes/endpoint.ts';
import { hostKey } from '../../domain/routes/route-uri.ts';
import { answerFor, consequenceOf, decideRetry, type UpstreamFailure } from '../../domain/upstream-failure.ts';
import type { ClientPort, ClientUser } from './client-port.ts';
import { brokenFailure, dialFailure } from './dial-failure.ts';
import { httpDate } from './http-date.ts';
import type { ProxyContext } from './proxy-context.ts';
import { RequestRelay } from './request-relay.ts';
import { type RelayStep, ResponseRelay } from './response-relay.ts';
import { startTunnel } from './tunnel.ts';
import { UpstreamAttempts } from './upstream-attempts.ts';
import type { UpstreamUser } from './upstream-connection.ts';

/**
 * One request and its response: finds the route, tries endpoints until one takes the request, and passes both bodies on,
 * each as fast as its receiver takes it. Ends in exactly one of `#complete`, `#answer`, `#breakOff`, `onClientGone` or
 * a tunnel.
 */
export class Exchange implements ClientUser, UpstreamUser {
  readonly isTunnel = false;
  readonly #context: ProxyContext;
  readonly #client: ClientPort;
  readonly #request: RequestHead;
  readonly #requestRelay: RequestRelay;
  readonly #attempts: UpstreamAttempts;
  #responseRelay: ResponseRelay;
  readonly #requestId: string;
  readonly #receivedAt: number;
  readonly #startedAt: number;
  #sentAt = 0;
  #routed: RoutedRequest | undefined;
  #closes = false;

  constructor(context: ProxyContext, client: ClientPort, request: RequestHead) {
    this.#context = context;
    this.#client = client;
    this.#request = request;
    this.#requestRelay = new RequestRelay(request, client, context.settings);
    this.#attempts = new UpstreamAttempts(context, isReplayable(request));
    this.#responseRelay = this.#newResponseRelay();
    this.#requestId = context.newGuid();
    this.#receivedAt = context.wallClock();
    this.#startedAt = context.now();
  }

  start(): void {
    const { settings, routes } = this.#context;
    const routed = routeRequest(this.#request, this.#client.ip, routes, settings.sticky);
    if ('status' in routed) {
      this.#answer(routed);
      return;
    }
    this.#routed = routed;
    const chosen = this.#attempts.choose(routed);
    if (chosen === 'busy') this.#answer(routerAnswers.connectionLimit(hostKey(this.#request.host)));
    else if (chosen === 'none') this.#answer(answerFor({ kind: 'no-endpoint', text: 'No endpoints available' }));
    else this.#attempt(chosen, false);
  }

  onClientBytes(bytes: Buffer): void {
    if (!this.#requestRelay.onClientBytes(bytes)) this.#refuseBody();
  }

  onClientDrain(): void {
    this.#attempts.upstream?.socket.resume();
  }

  onClientEnd(): void {
    // A client that has only finished sending cannot be told from one that is gone; Gorouter, too, takes it for gone.
    this.onClientGone();
    this.#client.abort();
  }

  onClientGone(): void {
    this.#dropUpstream();
    this.#record(this.#responseRelay.response?.status ?? 499, 'endpoint_failure (context canceled)');
  }

  onDeadline(): void {
    const { upstream } = this.#attempts;
    if (upstream === undefined || upstream.ready) this.#fail({ kind: 'timeout', text: 'context deadline exceeded' });
    else this.#fail({ kind: 'dial-timeout', text: `dial tcp ${upstream.backend.address}: i/o timeout` });
  }

  onUpstreamReady(): void {
    this.#send();
  }

  onUpstreamBytes(bytes: Buffer): void {
    this.#follow(this.#responseRelay.read(bytes));
  }

  onUpstreamDrain(): void {
    this.#requestRelay.onUpstreamDrain();
  }

  onUpstreamEnd(): void {
    this.#follow(this.#responseRelay.end());
  }

  onUpstreamClosed(error: Error | undefined): void {
    const { upstream } = this.#attempts;
    if (upstream === undefined) return;
    this.#fail(upstream.ready ? brokenFailure(error) : dialFailure(upstream.backend, error));
  }

  onFault(error: unknown): void {
    this.#context.onFault(error);
    this.#dropUpstream();
    this.#client.abort();
  }

  /** @param again see `UpstreamAttempts.start` */
  #attempt(endpoint: Endpoint, again: boolean): void {
    const { settings, now } = this.#context;
    const upstream = this.#attempts.start(endpoint, again, this);
    this.#client.deadline = Math.min(this.#startedAt + settings.requestTimeoutMs, now() + settings.dialTimeoutMs);
    if (upstream.ready) this.#send();
  }

  #send(): void {
    const { settings, now } = this.#context;
    const { upstream, endpoint } = this.#attempts;
    if (upstream === undefined || endpoint === undefined) return;
    this.#client.deadline = this.#startedAt + settings.requestTimeoutMs;
    this.#sentAt = now();
    const head = requestHeadOut(this.#request, endpoint.spec, {
      ip: this.#client.ip,
      proto: 'http',
      forwardedProto: settings.forwardedProto,
      requestId: this.#requestId,
      receivedAt: this.#receivedAt,
    });
    if (!this.#requestRelay.send(upstream, head)) this.#refuseBody();
  }

  #newResponseRelay(): ResponseRelay {
    return new ResponseRelay(this.#request, this.#client, this.#context.settings, (response) => this.#plan(response));
  }

  /** The final response's head came: how it goes out. */
  #plan(response: ResponseHead): ResponseOut {
    const { settings, wallClock, isDraining } = this.#context;
    this.#attempts.stopWaiting();
    const wanted = this.#routed?.wantedInstance ?? '';
    const path = this.#routed?.pool.contextPath ?? '/';
    const spec = this.#attempts.endpoint?.spec;
    const out = responseHeadOut(this.#request, response, {
      requestId: this.#requestId,
      // Whether the rest of the request will come is the client's guess, so that nothing can follow it.
      mustClose: !this.#requestRelay.done || isDraining(),
      stickyCookie: spec === undefined ? '' : stickyCookie(wanted, response.fields, spec, path, settings.sticky),
      date: httpDate(wallClock()),
    });
    this.#closes = out.closes;
    return out;
  }

  #follow(step: RelayStep): void {
    switch (step.kind) {
      case 'more':
        if (!step.clear) this.#attempts.upstream?.socket.pause();
        if (this.#responseRelay.response?.connection.close === true && !this.#requestRelay.done) {
          this.#requestRelay.ignoreRest();
        }
        return;
      case 'done':
        this.#complete(step.reusable);
        return;
      case 'failed':
        this.#fail(step.failure);
        return;
      case 'switching':
        this.#switchProtocols(step.response, step.rest);
    }
  }

  #switchProtocols(response: ResponseHead, rest: Buffer | undefined): void {
    if (this.#request.upgrade === '') {
      this.#fail({ kind: 'malformed', text: 'malformed HTTP response: unexpected 101' });
      return;
    }
    const upstream = this.#attempts.take();
    if (upstream === undefined) return;
    startTunnel(this.#client, upstream, response, rest, this.#context, (bytes, error) =>
      this.#record(101, error, bytes),
    );
  }

  #fail(failure: UpstreamFailure): void {
    const { settings, now, onEndpointFailure } = this.#context;
    const { endpoint, upstream } = this.#attempts;
    const routed = this.#routed;
    if (endpoint === undefined || routed === undefined) return;
    const reused = upstream !== undefined && upstream.served > 0;
    this.#dropUpstream();
    if (this.#responseRelay.response !== undefined) {
      this.#breakOff(failure.text);
      return;
    }
    const decision = decideRetry(failure, {
      reused,
      answered: this.#responseRelay.answered,
      bodySent: this.#requestRelay.payloadBytes > 0,
      replayable: isReplayable(this.#request),
    });
    this.#responseRelay = this.#newResponseRelay();
    if (decision === 'same') {
      this.#attempt(endpoint, true);
      return;
    }
    if (consequenceOf(failure).marksFailed) endpoint.backend.markFailed(now());
    onEndpointFailure(routed.pool, endpoint, failure);
    this.#attempts.markFailed(endpoint);
    const mayTry = decision === 'another' && this.#attempts.count < settings.maxAttempts;
    const next = mayTry ? this.#attempts.choose(routed) : 'none';
    if (next === 'none' || next === 'busy') this.#answer(answerFor(failure));
    else this.#attempt(next, false);
  }

  /** The request's body is malformed: whatever follows it on the connection cannot be told apart from it. */
  #refuseBody(): void {
    this.#context.onRejected(this.#client.address, 'malformed-body');
    this.#dropUpstream();
    if (this.#responseRelay.response === undefined) this.#answer(routerAnswers.malformed('malformed-body'));
    else this.#breakOff('malformed request body');
  }

  #answer(answer: RouterAnswer): void {
    const { wallClock, isDraining } = this.#context;
    const { method, connection, minorVersion } = this.#request;
    const old = minorVersion === 0;
    const close = !this.#requestRelay.done || connection.close || isDraining() || (old && !connection.keepAlive);
    const withBody = method !== 'HEAD';
    this.#client.send(renderAnswer(answer, { withBody, close, keepAlive: old, date: httpDate(wallClock()) }), []);
    this.#record(answer.status, answer.routerError, { toClient: withBody ? bodyOf(answer).length : 0 });
    this.#client.done(close);
  }

  #complete(reusable: boolean): void {
    const { response } = this.#responseRelay;
    if (reusable && this.#requestRelay.done) this.#attempts.giveBack(response?.keepAliveSeconds ?? -1);
    else this.#attempts.drop();
    this.#record(response?.status ?? 0, '');
    this.#client.done(this.#closes);
  }

  /** The response has begun and cannot be finished. */
  #breakOff(reason: string): void {
    this.#record(this.#responseRelay.response?.status ?? 0, `endpoint_failure (${reason})`);
    this.#client.abort();
  }

  #dropUpstream(): void {
    this.#requestRelay.detach();
    this.#attempts.drop();
  }

  #record(status: number, routerError: string, bytes: { fromClient?: number; toClient?: number } = {}): void {
    const finishedAt = this.#context.now();
    const totalMs = finishedAt - this.#startedAt;
    this.#context.onAccess({
      request: this.#request,
      receivedAt: this.#receivedAt,
      status,
      requestBytes: bytes.fromClient ?? this.#requestRelay.payloadBytes,
      responseBytes: bytes.toClient ?? this.#responseRelay.payloadBytes,
      remoteAddress: this.#client.address,
      requestId: this.#requestId,
      endpoint: this.#attempts.endpoint?.spec,
      attempts: this.#attempts.count,
      totalMs,
      routerMs: this.#sentAt === 0 ? totalMs : this.#sentAt - this.#startedAt,
      routerError,
    });
  }
}
