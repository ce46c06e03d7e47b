import type { Socket } from 'node:net';
import { errors } from 'undici';
import { evictOldest } from './evict-oldest.ts';

/** Sockets that fail at one time; what is told of later ones is only less precise. */
const MAX_FAULTS = 100;

/**
 * What TLS itself had to say on sockets that then ended. With TLS 1.3 a server refuses a client certificate after the
 * handshake, by an alert, and closes the connection; undici tells of the close alone ("other side closed").
 */
export class TlsFaults {
  readonly #faults = new Map<string, Error>();

  /** Listens to a socket from when it is connected. */
  watch(socket: Socket): void {
    const key = keyOf(socket);
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (!error.code?.startsWith('ERR_SSL_')) return;
      this.#faults.set(key, error);
      evictOldest(this.#faults, MAX_FAULTS);
    });
  }

  /** The better error, if there is one for the socket that this one is about. */
  of(error: unknown): unknown {
    if (!(error instanceof errors.SocketError) || error.socket === null) return error;
    const key = keyOf(error.socket);
    const fault = this.#faults.get(key);
    this.#faults.delete(key);
    return fault ?? error;
  }
}

function keyOf({
  localAddress,
  localPort,
}: {
  localAddress?: string | undefined;
  localPort?: number | undefined;
}): string {
  return `${localAddress} ${localPort}`;
}
