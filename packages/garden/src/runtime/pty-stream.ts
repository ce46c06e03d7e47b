import { writeSync } from 'node:fs';
import { Duplex } from 'node:stream';
import { ReadStream } from 'node:tty';
import type { TerminalSize } from '../sys/pty.ts';
import { errnoCode } from '../sys/sys-error.ts';

const FIRST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 100;

/**
 * The master of a terminal as a stream. Node's own stream of it would write with the whole process waiting when a
 * program does not read its input; this one waits by itself.
 */
export class PtyStream extends Duplex {
  readonly #fd: number;
  readonly #source: ReadStream;
  readonly #resize: (fd: number, size: TerminalSize) => void;
  #open = true;
  #timer: NodeJS.Timeout | undefined;

  constructor(fd: number, resize: (fd: number, size: TerminalSize) => void) {
    super({ allowHalfOpen: true });
    this.#fd = fd;
    this.#resize = resize;
    this.#source = new ReadStream(fd);
    this.#source.on('data', (bytes: Buffer) => {
      if (!this.push(bytes)) this.#source.pause();
    });
    this.#source.on('error', (error) => {
      // What a terminal says whose last program has gone.
      if (errnoCode(error) === 'EIO') this.#end();
      else this.destroy(error);
    });
    this.#source.on('end', () => this.#end());
    this.#source.on('close', () => this.#end());
  }

  /** False when the terminal is gone. */
  resize(size: TerminalSize): boolean {
    if (this.#open) this.#resize(this.#fd, size);
    return this.#open;
  }

  override _read(): void {
    this.#source.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#write(chunk, 0, FIRST_PAUSE_MS, done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#open = false;
    clearTimeout(this.#timer);
    this.#source.destroy();
    done(error);
  }

  #write(chunk: Buffer, from: number, pause: number, done: (error?: Error | null) => void): void {
    try {
      // What is typed at a terminal that nobody has any more is lost, as at any other.
      const written = this.#open ? from + writeSync(this.#fd, chunk, from) : chunk.length;
      if (written === chunk.length) done();
      else this.#later(() => this.#write(chunk, written, FIRST_PAUSE_MS, done), FIRST_PAUSE_MS);
    } catch (error) {
      const code = errnoCode(error);
      if (code === 'EAGAIN') {
        this.#later(() => this.#write(chunk, from, Math.min(pause * 2, LONGEST_PAUSE_MS), done), pause);
      } else done(code === 'EIO' ? null : (error as Error));
    }
  }

  /** There is no event for room in a terminal. */
  #later(work: () => void, ms: number): void {
    this.#timer = setTimeout(work, ms);
  }

  #end(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#source.destroy();
    this.push(null);
  }
}
