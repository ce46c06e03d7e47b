import { closeSync, constants, openSync } from 'node:fs';
import { Socket, type SocketConstructorOpts } from 'node:net';
import { asGardenError, GardenError } from '../errors.ts';
import { LineSplitter } from './line-splitter.ts';

/** One line that an app wrote, or a piece of a very long one. */
export interface LogLine {
  /** Name of the sidecar that wrote it; undefined for the app. */
  readonly sidecar?: string | undefined;
  readonly stream: 'stdout' | 'stderr';
  /** The bytes as written, without the line's end; usually UTF-8. */
  readonly line: Uint8Array;
  /** When it was read, nanoseconds since 1970; increases from line to line of one container. */
  readonly timestampNs: bigint;
}

/**
 * Gets lines in order, those of one read at once. While what it returns has not settled nothing more is read, so that
 * an app that writes faster than its lines can be dealt with has to wait, as at any pipe.
 */
export type LogSink = (lines: readonly LogLine[]) => void | Promise<void>;

/** Where one process of a container writes to. */
export interface LogSource {
  readonly sidecar?: string;
  readonly stdout: string;
  readonly stderr: string;
}

type StreamName = LogLine['stream'];

/** Wall time with more digits than Date has. */
function nowNs(): bigint {
  return BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)) * 1000n;
}

/** Reads the two FIFOs of each process of a container until all who could write to them are gone. */
export class LogReader {
  /**
   * Resolves when all streams have ended, or reading was stopped, and the sink has had all that was read; rejects when
   * reading or the sink failed.
   */
  readonly ended: Promise<void>;
  readonly #sink: LogSink;
  readonly #sockets: Socket[] = [];
  readonly #waiting = new Set<() => void>();
  #stopped = false;
  #lastNs = 0n;

  /** @throws GardenError CELL_STATE_FAILED when a FIFO cannot be opened */
  constructor(sources: readonly LogSource[], sink: LogSink) {
    this.#sink = sink;
    const streams = sources.flatMap((source) =>
      (['stdout', 'stderr'] as const).map(async (stream) => {
        await this.#read(source.sidecar, stream, this.#open(source[stream]));
      }),
    );
    this.ended = Promise.all(streams).then(() => undefined);
    this.ended.catch(() => {
      for (const socket of this.#sockets) socket.destroy();
    });
  }

  /** Stops reading; the sink still gets what was read. The rest stays in the FIFOs for as long as someone holds them. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const wake of this.#waiting) wake();
    await this.ended;
  }

  async #read(sidecar: string | undefined, stream: StreamName, socket: Socket): Promise<void> {
    const splitter = new LineSplitter();
    let failure: Error | undefined;
    socket.on('error', (error) => {
      failure = error;
    });
    for (;;) {
      const last = this.#stopped;
      const chunk: Buffer | null = socket.read();
      if (last) socket.destroy(); // nothing can come between the read above and this
      if (chunk !== null) await this.#deliver(sidecar, stream, splitter.push(chunk));
      if (last) break;
      if (chunk !== null) continue;
      if (socket.readableEnded || socket.destroyed) break;
      await this.#change(socket);
    }
    await this.#deliver(sidecar, stream, splitter.flush());
    if (failure !== undefined)
      throw asGardenError(failure, 'CELL_STATE_FAILED', 'logs', 'A log FIFO could not be read');
  }

  /** Until there is something to read, or never will be. */
  async #change(socket: Socket): Promise<void> {
    const events = ['readable', 'end', 'close'] as const;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#waiting.delete(done);
        for (const event of events) socket.off(event, done);
        resolve();
      };
      for (const event of events) socket.once(event, done);
      this.#waiting.add(done);
      if (this.#stopped) done();
    });
  }

  #open(path: string): Socket {
    let fd: number | undefined;
    try {
      // For reading only, so that the end shows; others hold it open for writing.
      fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
      // Read ahead by one piece, of 64 KiB, and no more: what was read and not handed on is lost if the rep is killed.
      const socket = new Socket({
        fd,
        readable: true,
        writable: false,
        readableHighWaterMark: 1,
      } as SocketConstructorOpts);
      this.#sockets.push(socket);
      return socket;
    } catch (error) {
      if (fd !== undefined) closeSync(fd);
      for (const socket of this.#sockets) socket.destroy();
      throw asGardenError(error, 'CELL_STATE_FAILED', 'logs', `The log FIFO ${path} could not be opened`);
    }
  }

  async #deliver(sidecar: string | undefined, stream: StreamName, lines: readonly Buffer[]): Promise<void> {
    if (lines.length === 0) return;
    const now = nowNs();
    if (now > this.#lastNs) this.#lastNs = now;
    const stamped = lines.map((line): LogLine => {
      this.#lastNs += 1n;
      return { sidecar, stream, line, timestampNs: this.#lastNs };
    });
    try {
      await this.#sink(stamped);
    } catch (error) {
      throw new GardenError('CELL_STATE_FAILED', 'logs', `The lines of a container could not be handed on: ${error}`, {
        cause: error,
      });
    }
  }
}
