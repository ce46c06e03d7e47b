import { Readable } from 'node:stream';
import { ContentVerifier, type ExpectedContent } from '../verify-stream.ts';
import { type Deadlines, MIN_RESUME_BYTES } from './limits.ts';
import type { OpenedBlob } from './open-blob.ts';
import { type Ask, placeError, RegistryError } from './registry-error.ts';
import { networkError } from './transport.ts';

export interface BlobStreamOptions {
  readonly expected: ExpectedContent;
  readonly ask: Ask;
  readonly deadlines: Deadlines;
  /** Downloads in a row that may bring next to nothing, and downloads from the beginning, before it is given up. */
  readonly attempts: number;
  readonly signal: AbortSignal | undefined;
  /** Opens the rest after a broken download, with the pauses and repetitions that every request gets. */
  readonly reopen: (broken: BrokenDownload, signal: AbortSignal) => Promise<OpenedBlob>;
}

export interface BrokenDownload {
  /** Where to go on. */
  readonly offset: number;
  readonly why: string;
  /** How many in a row have brought next to nothing; 0: this one was of use. */
  readonly idle: number;
}

/**
 * The body of a blob as a stream that fails when the bytes are not the expected ones, when they stop, or when they come
 * too slowly. A connection that breaks or stalls is resumed where it ended: bytes that were passed on are neither sent
 * nor hashed again. The last byte passes before the digest is known: use what was read only after the stream's `end`.
 */
export class BlobStream extends Readable {
  readonly #options: BlobStreamOptions;
  readonly #verifier: ContentVerifier;
  #source: Source;
  /** Downloads in a row that brought next to nothing. */
  #idle = 0;
  /** Downloads of a server that does not know of ranges: each brings all that was there before once more. */
  #restarts = 0;
  readonly #givenUp = new AbortController();

  constructor(opened: OpenedBlob, options: BlobStreamOptions) {
    super();
    this.#options = options;
    this.#verifier = new ContentVerifier(options.expected);
    this.#source = new Source(opened, 0);
  }

  override _read(): void {
    this.#next().then(
      (chunk) => this.push(chunk),
      (error: unknown) => this.destroy(this.#explain(error)),
    );
  }

  /** A reader that gives up must not keep the socket until the next chunk comes. */
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#source.opened.answer.discard();
    this.#givenUp.abort();
    done(error);
  }

  /** The next chunk, or null after the last one, when all were the expected ones. */
  async #next(): Promise<Uint8Array | null> {
    for (;;) {
      let chunk: Uint8Array | undefined;
      try {
        chunk = await this.#source.next();
      } catch (error) {
        await this.#resume(error);
        continue;
      }
      if (chunk === undefined) {
        if (this.#verifier.received < this.#options.expected.size && this.#source.endedEarlyByRight()) {
          await this.#resume(new RegistryError('RANGE_MISMATCH', this.#options.ask, 'it sent a part only'));
          continue;
        }
        this.#verifier.finish();
        return null;
      }
      this.#verifier.update(chunk);
      this.#refuseSlow();
      if (chunk.length > 0) return chunk;
    }
  }

  /** Goes on where the download broke, or throws why it does not. */
  async #resume(cause: unknown): Promise<void> {
    const { expected, attempts, reopen, signal } = this.#options;
    const { received } = this.#verifier;
    const error = this.#explain(cause);
    this.#source.opened.answer.discard();
    const partial = error instanceof RegistryError && error.code === 'RANGE_MISMATCH';
    if (this.destroyed || !(error instanceof RegistryError) || !(error.transient || partial)) throw error;
    // All is there, only the end of the body is missing: the digest tells.
    if (received === expected.size) {
      this.#source = Source.ended(this.#source);
      return;
    }
    this.#idle = received - this.#source.startedAt < MIN_RESUME_BYTES ? this.#idle + 1 : 0;
    if (this.#idle >= attempts || this.#restarts >= attempts) throw error;
    const ended = this.#givenUp.signal;
    const broken = { offset: received, why: error.detail, idle: this.#idle };
    const opened = await reopen(broken, signal ? AbortSignal.any([signal, ended]) : ended);
    this.#restarts += opened.skip > 0 ? 1 : 0;
    this.#source = new Source(opened, received);
    // Destroyed while it was opened: nobody reads, and nobody else knows of the answer.
    if (this.destroyed) opened.answer.discard();
  }

  #refuseSlow(): void {
    const { expected, deadlines, ask } = this.#options;
    const { received } = this.#verifier;
    const { waitedMs, sent } = this.#source;
    const seconds = waitedMs / 1000;
    if (received < expected.size && waitedMs > deadlines.blobGraceMs && sent / seconds < deadlines.minBytesPerSecond) {
      const part = this.#source.startedAt === 0 ? `${received}` : `up to byte ${received}`;
      const detail = `it sent ${part} of ${expected.size} bytes in ${Math.round(seconds)} s, which is too slow`;
      throw new RegistryError('REGISTRY_TIMEOUT', ask, detail, { transient: true });
    }
  }

  #explain(error: unknown): Error {
    const { ask, signal } = this.#options;
    if (signal?.aborted) {
      return signal.reason as Error;
    }
    const { url } = this.#source.opened.answer;
    const placed = placeError(error, ask, url);
    return placed instanceof RegistryError ? placed : networkError(error, ask, url);
  }
}

/** One download of the blob, or of its rest. */
class Source {
  readonly opened: OpenedBlob;
  /** Bytes of the blob that were there before it. */
  readonly startedAt: number;
  /** Only the time spent waiting for the registry counts: a slow disk behind this stream is not its fault. */
  waitedMs = 0;
  /** Bytes of this download, those that were had before included. */
  sent = 0;
  readonly #chunks: AsyncIterator<Uint8Array> | undefined;
  #toSkip: number;

  constructor(opened: OpenedBlob, startedAt: number, ended = false) {
    this.opened = opened;
    this.startedAt = startedAt;
    this.#toSkip = opened.skip;
    this.#chunks = ended ? undefined : (opened.answer.body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  }

  static ended(source: Source): Source {
    return new Source(source.opened, source.startedAt, true);
  }

  /** Undefined at the end; empty while it is at bytes that were had before. */
  async next(): Promise<Uint8Array | undefined> {
    if (this.#chunks === undefined) return undefined;
    const asked = performance.now();
    const { done, value } = await this.#chunks.next();
    this.waitedMs += performance.now() - asked;
    if (done) return undefined;
    this.sent += value.length;
    const skipped = Math.min(this.#toSkip, value.length);
    this.#toSkip -= skipped;
    return skipped === 0 ? value : value.subarray(skipped);
  }

  /** The answer was a shorter range than asked for, and all of it came. */
  endedEarlyByRight(): boolean {
    const { answer, end } = this.opened;
    return answer.status === 206 && end === this.startedAt + this.sent;
  }
}
