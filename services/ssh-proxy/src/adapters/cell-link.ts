import { Duplex, PassThrough, type Readable } from 'node:stream';
import { connect, type TLSSocket } from 'node:tls';
import {
  SESSION_KEY_IDENTITY,
  type SessionRequest,
  sessionExitSchema,
  sessionFrames,
  sessionRefusalSchema,
} from '@slipway/contracts';
import { encodeFrame, encodeFrames, type Frame, FrameReader, sharedKeyClient } from '@slipway/service-kit';

const OPEN_TIMEOUT_MS = 15_000;

/** The cell says no. */
export class SessionRefused extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'SessionRefused';
  }
}

/**
 * A session in a container, or a connection from within one: what is written goes to its input, what is read is its
 * output. Whoever destroys it ends what runs.
 */
export class CellSession extends Duplex {
  readonly stderr: Readable;
  /** Resolves with the exit status; undefined when the cell was lost. Forwarded connections have none. */
  readonly exited: Promise<number | undefined>;
  readonly #socket: TLSSocket;
  readonly #reader = new FrameReader();
  readonly #errors = new PassThrough();
  readonly #opened = Promise.withResolvers<void>();
  readonly #exit = Promise.withResolvers<number | undefined>();

  constructor(socket: TLSSocket) {
    super({ allowHalfOpen: true });
    this.#socket = socket;
    this.stderr = this.#errors;
    this.exited = this.#exit.promise;
    socket.on('data', (piece: Buffer) => this.#receive(piece));
    socket.on('error', (error) => this.#lost(error));
    socket.on('close', () => this.#lost(new Error('the cell closed the connection')));
    this.#errors.on('drain', () => socket.resume());
  }

  /** Resolves when it has begun. Throws SessionRefused, or why the cell cannot be reached. */
  async opened(): Promise<void> {
    const timer = setTimeout(() => this.#socket.destroy(new Error('the cell does not answer')), OPEN_TIMEOUT_MS);
    try {
      await this.#opened.promise;
    } finally {
      clearTimeout(timer);
    }
  }

  resize(size: { readonly columns: number; readonly rows: number }): void {
    this.#say(sessionFrames.resize, JSON.stringify(size));
  }

  /** `SIGINT` and so on. */
  signal(name: string): void {
    this.#say(sessionFrames.signal, name);
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    let more = true;
    for (const frame of encodeFrames(sessionFrames.data, chunk)) more = this.#socket.write(frame);
    if (more || this.#socket.destroyed) done();
    else this.#socket.once('drain', () => done());
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#say(sessionFrames.end, '');
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }

  #say(kind: number, text: string): void {
    if (!this.#socket.destroyed) this.#socket.write(encodeFrame(kind, text));
  }

  #receive(piece: Buffer): void {
    try {
      for (const frame of this.#reader.push(piece)) this.#take(frame);
    } catch (error) {
      this.#socket.destroy(error as Error);
    }
  }

  #take({ kind, bytes }: Frame): void {
    const json = (): unknown => JSON.parse(bytes.toString());
    if (kind === sessionFrames.opened) this.#opened.resolve();
    else if (kind === sessionFrames.refused) {
      this.#opened.reject(new SessionRefused(sessionRefusalSchema.parse(json()).message));
    } else if (kind === sessionFrames.data) {
      if (!this.push(bytes)) this.#socket.pause();
    } else if (kind === sessionFrames.error) {
      if (!this.#errors.write(bytes)) this.#socket.pause();
    } else if (kind === sessionFrames.end) this.push(null);
    else if (kind === sessionFrames.exit) this.#ended(sessionExitSchema.parse(json()).status);
    else if (kind !== sessionFrames.alive) throw new Error(`a frame of the kind ${kind}`);
  }

  #ended(status: number | undefined): void {
    this.#exit.resolve(status);
    if (!this.readableEnded) this.push(null);
    this.#errors.end();
  }

  #lost(error: Error): void {
    this.#opened.reject(error);
    this.#ended(undefined);
    // Nobody takes what is still to be written.
    if (!this.writableEnded) this.end();
  }
}

/** Begins a session at a cell. Throws SessionRefused, or why the cell cannot be reached. */
export async function openSession(
  cell: { readonly address: string; readonly port: number },
  key: Buffer,
  request: SessionRequest,
): Promise<CellSession> {
  const tls = sharedKeyClient({ identity: SESSION_KEY_IDENTITY, key });
  const socket = connect({ ...tls, host: cell.address, port: cell.port });
  socket.setNoDelay(true);
  const session = new CellSession(socket);
  // Whoever waits for it to open hears of it.
  session.on('error', () => undefined);
  const opened = session.opened();
  opened.catch(() => undefined);
  socket.once('secureConnect', () => socket.write(encodeFrame(sessionFrames.open, JSON.stringify(request))));
  try {
    await opened;
    return session;
  } catch (error) {
    session.destroy();
    throw error;
  }
}
