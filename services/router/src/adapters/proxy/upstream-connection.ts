import type { Socket } from 'node:net';
import type { Backend } from '../../domain/routes/backend.ts';
import { writeMessage, writePieces } from './write-message.ts';

/** Who uses an upstream connection at the moment. Nothing is called after `onUpstreamClosed`. */
export interface UpstreamUser {
  onUpstreamReady(): void;
  onUpstreamBytes(bytes: Buffer): void;
  onUpstreamDrain(): void;
  /** The backend will send no more. */
  onUpstreamEnd(): void;
  onUpstreamClosed(error: Error | undefined): void;
  /** One of the above threw. */
  onFault(error: unknown): void;
}

/**
 * A connection to a backend. Its listeners are attached once and pass on to whoever uses it, because adding and removing
 * them for each request costs more than reading the request does.
 */
export class UpstreamConnection {
  readonly backend: Backend;
  readonly socket: Socket;
  /** Undefined while idle. */
  user: UpstreamUser | undefined;
  ready = false;
  /** Requests answered on it. */
  served = 0;
  /** While idle: since when, and until when it may be used again. */
  idleSince = 0;
  idleUntil = 0;
  readonly #onUnused: (connection: UpstreamConnection) => void;
  #error: Error | undefined;

  /** @param onUnused called when something happens to it while nobody uses it: it must not be used again */
  constructor(backend: Backend, socket: Socket, onUnused: (connection: UpstreamConnection) => void) {
    this.backend = backend;
    this.socket = socket;
    this.#onUnused = onUnused;
    socket.once(backend.tls ? 'secureConnect' : 'connect', () => {
      this.ready = true;
      this.#tell((user) => user.onUpstreamReady());
    });
    socket.on('data', (bytes: Buffer) => this.#onBytes(bytes));
    socket.on('drain', () => this.#tell((user) => user.onUpstreamDrain()));
    socket.on('end', () => {
      if (this.user === undefined) this.#onUnused(this);
      // A TLS alert comes as an error before the end; `close` follows and says so.
      else if (this.#error === undefined) this.#tell((user) => user.onUpstreamEnd());
    });
    socket.on('error', (error) => {
      this.#error = error;
    });
    socket.on('close', () => {
      if (this.user === undefined) this.#onUnused(this);
      else {
        this.#tell((user) => {
          this.user = undefined;
          user.onUpstreamClosed(this.#error);
        });
      }
    });
  }

  /** False when no more should be sent until it drains. */
  send(head: string, pieces: readonly Uint8Array[]): boolean {
    return writeMessage(this.socket, head, pieces);
  }

  sendPieces(pieces: readonly Uint8Array[]): boolean {
    return writePieces(this.socket, pieces);
  }

  /** Closes it for good; its user hears nothing more. */
  discard(): void {
    this.user = undefined;
    this.socket.destroy();
  }

  #onBytes(bytes: Buffer): void {
    const { user } = this;
    if (user === undefined) {
      this.#onUnused(this);
      return;
    }
    try {
      user.onUpstreamBytes(bytes);
    } catch (error) {
      user.onFault(error);
    }
  }

  /** A fault of ours ends one exchange, not the process and with it everybody's. */
  #tell(event: (user: UpstreamUser) => void): void {
    const { user } = this;
    if (user === undefined) return;
    try {
      event(user);
    } catch (error) {
      user.onFault(error);
    }
  }
}
