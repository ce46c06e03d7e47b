import type { BodyScanner } from '../../domain/http/body-scanner.ts';
import { createBodyScanner } from '../../domain/http/create-body-scanner.ts';
import type { RequestHead } from '../../domain/http/request-head.ts';
import type { ClientPort } from './client-port.ts';
import type { ProxySettings } from './proxy-settings.ts';
import type { UpstreamConnection } from './upstream-connection.ts';

/** Passes one request on. Until it is sent, its body waits unread at the client's connection. */
export class RequestRelay {
  readonly #client: ClientPort;
  readonly #body: BodyScanner;
  #upstream: UpstreamConnection | undefined;
  /** What still comes is read and thrown away. */
  #ignores = false;

  constructor(request: RequestHead, client: ClientPort, { maxHeadBytes, maxFields }: ProxySettings) {
    this.#client = client;
    this.#body = createBodyScanner(request.framing, 'as-is', { maxTrailerBytes: maxHeadBytes, maxFields });
  }

  /** The whole request was read from the client. */
  get done(): boolean {
    return this.#body.done;
  }

  get payloadBytes(): number {
    return this.#body.payloadBytes;
  }

  /** Sends the head and what is here of the body. False when the body is malformed; then nothing was sent. */
  send(upstream: UpstreamConnection, head: string): boolean {
    const pieces: Uint8Array[] = [];
    if (!this.#body.done) {
      const held = this.#client.takeHeld();
      if (held !== undefined && !this.#scan(held, pieces)) return false;
    }
    this.#upstream = upstream;
    if (!upstream.send(head, pieces) && !this.#body.done) this.#client.pause();
    return true;
  }

  /** False when the body is malformed. */
  onClientBytes(bytes: Buffer): boolean {
    if (this.#body.done || (this.#upstream === undefined && !this.#ignores)) {
      this.#client.hold(bytes);
      return true;
    }
    const pieces: Uint8Array[] = [];
    if (!this.#scan(bytes, pieces)) return false;
    if (!this.#ignores && pieces.length > 0 && this.#upstream?.sendPieces(pieces) === false) this.#client.pause();
    return true;
  }

  /** The connection is gone; what comes is held for the next attempt. */
  detach(): void {
    this.#upstream = undefined;
  }

  /** The backend has drained. */
  onUpstreamDrain(): void {
    this.#client.resume();
  }

  /** The backend wants no more of it. */
  ignoreRest(): void {
    this.#ignores = true;
    this.#client.resume();
  }

  #scan(bytes: Buffer, pieces: Uint8Array[]): boolean {
    const end = this.#body.scan(bytes, 0, pieces);
    if (end < 0) return false;
    if (end < bytes.length) this.#client.hold(bytes.subarray(end));
    return true;
  }
}
