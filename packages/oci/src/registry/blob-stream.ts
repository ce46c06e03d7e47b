import { Readable } from 'node:stream';
import { ContentVerifier, type ExpectedContent } from '../verify-stream.ts';
import type { Deadlines } from './limits.ts';
import { type Ask, placeError, RegistryError } from './registry-error.ts';
import { type Answer, networkError } from './transport.ts';

/**
 * The body of an answer as a stream that fails when the bytes are not the expected ones, when they stop, or when they
 * come too slowly. The last byte passes before the digest is known: use what was read only after the stream's `end`.
 */
export class BlobStream extends Readable {
  readonly #answer: Answer;
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #verifier: ContentVerifier;
  readonly #expected: ExpectedContent;
  readonly #ask: Ask;
  readonly #deadlines: Deadlines;
  readonly #signal: AbortSignal | undefined;
  /** Only the time spent waiting for the registry counts: a slow disk behind this stream is not its fault. */
  #waitedMs = 0;

  constructor(
    answer: Answer,
    expected: ExpectedContent,
    ask: Ask,
    deadlines: Deadlines,
    signal: AbortSignal | undefined,
  ) {
    super();
    this.#answer = answer;
    this.#chunks = (answer.body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
    this.#verifier = new ContentVerifier(expected);
    this.#expected = expected;
    this.#ask = ask;
    this.#deadlines = deadlines;
    this.#signal = signal;
  }

  override _read(): void {
    this.#next().then(
      (chunk) => this.push(chunk),
      (error: unknown) => this.destroy(this.#explain(error)),
    );
  }

  /** A reader that gives up must not keep the socket until the next chunk comes. */
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#answer.discard();
    done(error);
  }

  /** The next chunk, or null after the last one, when all were the expected ones. */
  async #next(): Promise<Uint8Array | null> {
    const asked = performance.now();
    const { done, value } = await this.#chunks.next();
    this.#waitedMs += performance.now() - asked;
    if (done) {
      this.#verifier.finish();
      return null;
    }
    this.#verifier.update(value);
    this.#refuseSlow();
    return value;
  }

  #refuseSlow(): void {
    const { received } = this.#verifier;
    const { size } = this.#expected;
    const { blobGraceMs, minBytesPerSecond } = this.#deadlines;
    const rate = received / (this.#waitedMs / 1000);
    if (received < size && this.#waitedMs > blobGraceMs && rate < minBytesPerSecond) {
      throw new RegistryError(
        'REGISTRY_TIMEOUT',
        this.#ask,
        `it sent ${received} of ${size} bytes in ${Math.round(this.#waitedMs / 1000)} s, which is too slow`,
        { transient: true },
      );
    }
  }

  #explain(error: unknown): Error {
    if (this.#signal?.aborted) {
      return this.#signal.reason as Error;
    }
    const placed = placeError(error, this.#ask, this.#answer.url);
    return placed instanceof RegistryError ? placed : networkError(error, this.#ask, this.#answer.url);
  }
}
