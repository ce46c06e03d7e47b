import { once } from 'node:events';
import { isIP, type Socket } from 'node:net';
import { constants } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import {
  type SessionRefusal,
  type SessionRequest,
  sessionFrames,
  sessionRequestSchema,
  terminalSizeSchema,
} from '@slipway/contracts';
import { type Container, GardenError, type Session } from '@slipway/garden';
import { encodeFrame, encodeFrames, type Frame, FrameReader } from '@slipway/service-kit';

/** From the handshake to the request. */
const REQUEST_TIMEOUT_MS = 5_000;
const CONNECT_TIMEOUT_MS = 10_000;
/**
 * How often something is written. While a process does not take its input nothing is read of the connection, so that its
 * end is not seen there; what is written to an end that is gone is answered with a reset.
 */
const ALIVE_MS = 5_000;
/** What the last words of a process may take to reach a client that reads slowly. */
const LAST_WORDS_MS = 30_000;

const LOOPBACK = ['127.0.0.1', '::1'];

export interface SessionContext {
  readonly container: (instanceGuid: string) => Pick<Container, 'exec' | 'connect'> | undefined;
  /** Whether there are too many of a container. */
  readonly isBusy: (instanceGuid: string) => boolean;
  /** The addresses of a host name. */
  readonly resolve: (host: string) => Promise<readonly string[]>;
  readonly onProblem: (error: unknown) => void;
}

/** What a connection leads to. */
interface Target {
  readonly input: Writable;
  readonly session: Session | undefined;
  readonly close: () => Promise<void>;
}

/** One connection of ssh-proxy: a session in a container, or a forwarded port. */
export class SessionConnection {
  instanceGuid: string | undefined;
  readonly closed: Promise<void>;
  readonly #socket: TLSSocket;
  readonly #context: SessionContext;
  readonly #gone = new AbortController();

  constructor(socket: TLSSocket, context: SessionContext) {
    this.#socket = socket;
    this.#context = context;
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy()); // the other side is gone, which is an end like any
    socket.once('close', () => this.#gone.abort());
    this.closed = this.#serve();
  }

  async close(): Promise<void> {
    this.#socket.destroy();
    await this.closed;
  }

  async #serve(): Promise<void> {
    let target: Target | undefined;
    const timer = setTimeout(() => this.#socket.destroy(), REQUEST_TIMEOUT_MS);
    const reader = new FrameReader();
    let alive: NodeJS.Timeout | undefined;
    try {
      for await (const piece of this.#socket) {
        for (const frame of reader.push(piece as Buffer)) {
          if (target === undefined) {
            target = await this.#open(frame);
            clearTimeout(timer);
            if (target === undefined) return;
            alive = setInterval(() => this.#showLife(), ALIVE_MS);
          } else await this.#take(frame, target);
        }
      }
    } catch (error) {
      // With the connection destroyed the other side is gone, as at any end; else it has said something wrong.
      if (!this.#socket.destroyed) this.#context.onProblem(error);
    } finally {
      clearTimeout(timer);
      clearInterval(alive);
      this.#socket.destroy();
      await target?.close().catch(this.#context.onProblem);
    }
  }

  #showLife(): void {
    // With something on its way already, that does.
    if (this.#socket.writable && this.#socket.writableLength === 0)
      this.#socket.write(encodeFrame(sessionFrames.alive));
  }

  async #open(frame: Frame): Promise<Target | undefined> {
    if (frame.kind !== sessionFrames.open) throw new Error(`it began with a frame ${frame.kind}`);
    const request = sessionRequestSchema.parse(JSON.parse(frame.bytes.toString()));
    const { instanceGuid } = request;
    this.instanceGuid = instanceGuid;
    const container = this.#context.container(instanceGuid);
    if (container === undefined) return this.#refuse('not-found', 'There is no such instance on this cell');
    if (this.#context.isBusy(instanceGuid)) return this.#refuse('busy', 'There are too many sessions in this instance');
    try {
      const target = await (request.type === 'exec'
        ? this.#exec(container, request)
        : this.#connect(container, request));
      this.#socket.write(encodeFrame(sessionFrames.opened));
      return target;
    } catch (error) {
      if (!(error instanceof GardenError)) throw error;
      return this.#refuse('failed', error.message);
    }
  }

  #refuse(reason: SessionRefusal['reason'], message: string): undefined {
    this.#socket.end(encodeFrame(sessionFrames.refused, JSON.stringify({ v: 1, reason, message })));
    return undefined;
  }

  #exec(container: Pick<Container, 'exec'>, request: SessionRequest & { type: 'exec' }): Target {
    const { argv, environment, terminal } = request;
    const session = container.exec({ argv, environment, ...(terminal === undefined ? {} : { terminal }) });
    void this.#tellOfEnd(session);
    return { input: session.stdin, session, close: () => session.close() };
  }

  async #tellOfEnd(session: Session): Promise<void> {
    try {
      const streams = [this.#pass(session.stdout, sessionFrames.data)];
      if (session.stderr !== undefined) streams.push(this.#pass(session.stderr, sessionFrames.error));
      const status = await session.exited;
      await Promise.all(streams);
      this.#socket.end(encodeFrame(sessionFrames.exit, JSON.stringify({ v: 1, status: status & 0xff })));
      setTimeout(() => this.#socket.destroy(), LAST_WORDS_MS).unref();
    } catch (error) {
      if (!this.#gone.signal.aborted) this.#context.onProblem(error);
      this.#socket.destroy();
    }
  }

  async #connect(
    container: Pick<Container, 'connect'>,
    { host, port }: { host: string; port: number },
  ): Promise<Target> {
    const addresses = host.toLowerCase() === 'localhost' ? LOOPBACK : await this.#addresses(host);
    const deadline = AbortSignal.any([this.#gone.signal, AbortSignal.timeout(CONNECT_TIMEOUT_MS)]);
    const socket = await firstOf(addresses, (address) => container.connect(address, port, deadline));
    socket.setNoDelay(true);
    // Not `once`: that rejects when the other side resets the connection, before anybody waits for it.
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    socket.on('error', () => this.#socket.destroy());
    void this.#forward(socket);
    return {
      input: socket,
      session: undefined,
      close: async () => {
        socket.destroy();
        await closed;
      },
    };
  }

  async #addresses(host: string): Promise<readonly string[]> {
    if (isIP(host) !== 0) return [host];
    try {
      return await this.#context.resolve(host);
    } catch (error) {
      throw new GardenError('NETWORK_FAILED', 'network', `${host} has no address`, { cause: error });
    }
  }

  async #forward(socket: Socket): Promise<void> {
    try {
      await this.#pass(socket, sessionFrames.data);
      this.#socket.end(encodeFrame(sessionFrames.end));
    } catch {
      // One side is gone, and takes the other along.
      this.#socket.destroy();
    }
  }

  /** Sends what comes, no faster than it is taken. */
  async #pass(source: Readable, kind: number): Promise<void> {
    // A peer that says no more may still listen.
    for await (const piece of source.iterator({ destroyOnReturn: false })) {
      for (const frame of encodeFrames(kind, piece as Buffer)) await this.#send(this.#socket, frame);
    }
  }

  async #take({ kind, bytes }: Frame, { input, session }: Target): Promise<void> {
    switch (kind) {
      case sessionFrames.data:
        return await this.#send(input, bytes);
      case sessionFrames.end:
        // A terminal has no end of its input but what is typed at it.
        if (session === undefined || session.stderr !== undefined) input.end();
        return;
      case sessionFrames.resize:
        return session?.resize(terminalSizeSchema.parse(JSON.parse(bytes.toString())));
      case sessionFrames.signal: {
        const name = bytes.toString();
        if (Object.hasOwn(constants.signals, name)) session?.signal(name as NodeJS.Signals);
        return;
      }
      default:
        throw new Error(`a frame of the kind ${kind}`);
    }
  }

  /** Resolves when there is room for more, or nobody who reads. */
  async #send(stream: Writable, bytes: Buffer): Promise<void> {
    if (stream.destroyed || stream.writableEnded || stream.write(bytes)) return;
    const { signal } = this.#gone;
    const drained = new AbortController();
    const done = (): void => drained.abort();
    stream.once('close', done);
    try {
      await once(stream, 'drain', { signal: AbortSignal.any([signal, drained.signal]) });
    } catch (error) {
      if (!drained.signal.aborted) throw error;
    } finally {
      stream.off('close', done);
    }
  }
}

/** The first address that answers; the error of the last when none does. */
async function firstOf<T>(addresses: readonly string[], attempt: (address: string) => Promise<T>): Promise<T> {
  let failure: unknown = new GardenError('NETWORK_FAILED', 'network', 'The host has no address');
  for (const address of addresses) {
    try {
      return await attempt(address);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}
