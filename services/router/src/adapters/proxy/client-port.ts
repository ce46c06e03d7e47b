import type { Socket } from 'node:net';

/** Who uses a client connection between two request heads: an exchange, or a tunnel. */
export interface ClientUser {
  /** Has no end of its own: nothing waits for it. */
  readonly isTunnel: boolean;
  onClientBytes(bytes: Buffer): void;
  onClientDrain(): void;
  /** The client will send no more. */
  onClientEnd(): void;
  /** The connection is closed; nothing is called after this. */
  onClientGone(): void;
  onDeadline(): void;
  /** One of the above threw. */
  onFault(error: unknown): void;
}

/** A client connection as its user sees it. */
export interface ClientPort {
  readonly socket: Socket;
  readonly ip: string;
  /** `ip:port`. */
  readonly address: string;
  /** When the user's `onDeadline` is to be called, in monotonic ms; seen at the next sweep. */
  deadline: number;
  /** Bytes that were held; reading goes on. */
  takeHeld(): Buffer | undefined;
  /** Keeps bytes for later, and reads no more until they are taken. */
  hold(bytes: Buffer): void;
  /** Back-pressure: read no more, until `resume`. */
  pause(): void;
  resume(): void;
  send(head: string, pieces: readonly Uint8Array[]): boolean;
  sendPieces(pieces: readonly Uint8Array[]): boolean;
  /** The user's response is sent: the next request may come, or the connection closes when that was the last. */
  done(closes: boolean): void;
  /** The connection goes over to another user, for good. */
  handOver(user: ClientUser): void;
  /** Breaks the connection off, so that the client cannot take half a response for a whole one. */
  abort(): void;
}
