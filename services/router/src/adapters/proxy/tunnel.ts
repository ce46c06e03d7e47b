import { interimHeadOut } from '../../domain/forwarding/response-head-out.ts';
import type { ResponseHead } from '../../domain/http/response-head.ts';
import type { ClientPort, ClientUser } from './client-port.ts';
import type { ProxyContext } from './proxy-context.ts';
import type { UpstreamConnection, UpstreamUser } from './upstream-connection.ts';

/** A tunnel of which one side has said its last word closes when the other stays silent for so long. */
const HALF_CLOSED_TIMEOUT_MS = 60_000;

type TunnelContext = Pick<ProxyContext, 'now' | 'onFault'>;

/** Called once, when the tunnel is gone. */
type OnTunnelEnd = (bytes: { readonly fromClient: number; readonly toClient: number }, error: string) => void;

/** Sends the response that switches protocols, then joins both connections until one of them closes. */
export function startTunnel(
  client: ClientPort,
  upstream: UpstreamConnection,
  response: ResponseHead,
  rest: Buffer | undefined,
  context: TunnelContext,
  onEnd: OnTunnelEnd,
): void {
  const tunnel = new Tunnel(client, upstream, context, onEnd);
  upstream.user = tunnel;
  client.send(interimHeadOut(response), []);
  client.handOver(tunnel);
  if (rest !== undefined) tunnel.onUpstreamBytes(rest);
}

/** Bytes both ways, uninterpreted, without time limit. */
class Tunnel implements ClientUser, UpstreamUser {
  readonly isTunnel = true;
  readonly #client: ClientPort;
  readonly #upstream: UpstreamConnection;
  readonly #context: TunnelContext;
  readonly #onEnd: OnTunnelEnd;
  #fromClient = 0;
  #toClient = 0;
  #isHalfClosed = false;
  #isOver = false;

  constructor(client: ClientPort, upstream: UpstreamConnection, context: TunnelContext, onEnd: OnTunnelEnd) {
    this.#client = client;
    this.#upstream = upstream;
    this.#context = context;
    this.#onEnd = onEnd;
    client.deadline = Number.POSITIVE_INFINITY;
  }

  onClientBytes(bytes: Buffer): void {
    this.#fromClient += bytes.length;
    this.#stayAwake();
    if (!this.#upstream.socket.write(bytes)) this.#client.pause();
  }

  onClientDrain(): void {
    this.#upstream.socket.resume();
  }

  onClientEnd(): void {
    this.#upstream.socket.end();
    this.#halfClose();
  }

  onClientGone(): void {
    this.#upstream.discard();
    this.#end('');
  }

  onDeadline(): void {
    this.#upstream.discard();
    this.#client.abort();
    this.#end('half-closed for too long');
  }

  onUpstreamReady(): void {}

  onUpstreamBytes(bytes: Buffer): void {
    this.#toClient += bytes.length;
    this.#stayAwake();
    if (!this.#client.sendPieces([bytes])) this.#upstream.socket.pause();
  }

  onUpstreamDrain(): void {
    this.#client.resume();
  }

  onUpstreamEnd(): void {
    this.#client.socket.end();
    this.#halfClose();
  }

  onUpstreamClosed(error: Error | undefined): void {
    if (error === undefined) this.#client.done(true);
    else this.#client.abort();
    this.#end(error === undefined ? '' : `endpoint_failure (${error.message})`);
  }

  onFault(error: unknown): void {
    this.#context.onFault(error);
    this.#upstream.discard();
    this.#client.abort();
    this.#end('fault');
  }

  #halfClose(): void {
    this.#isHalfClosed = true;
    this.#stayAwake();
  }

  #stayAwake(): void {
    if (this.#isHalfClosed) this.#client.deadline = this.#context.now() + HALF_CLOSED_TIMEOUT_MS;
  }

  #end(error: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#onEnd({ fromClient: this.#fromClient, toClient: this.#toClient }, error);
  }
}
