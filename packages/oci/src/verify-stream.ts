import { createHash, type Hash } from 'node:crypto';
import { Transform, type TransformCallback } from 'node:stream';
import type { Digest } from './digest.ts';
import { OciError } from './errors.ts';

/** What a stream of bytes must turn out to be. */
export interface ExpectedContent {
  readonly digest: Digest;
  /** In bytes. */
  readonly size: number;
}

/** Counts and hashes bytes as they pass; tells at the first byte too many, and at the end whether they were the right ones. */
export class ContentVerifier {
  readonly #expected: ExpectedContent;
  readonly #hash: Hash = createHash('sha256');
  #received = 0;

  constructor(expected: ExpectedContent) {
    this.#expected = expected;
  }

  /** Bytes seen so far. */
  get received(): number {
    return this.#received;
  }

  /** @throws OciError SIZE_MISMATCH as soon as there are too many bytes: an endless body ends here. */
  update(chunk: Uint8Array): void {
    this.#received += chunk.length;
    if (this.#received > this.#expected.size) {
      throw this.#sizeMismatch(`at least ${this.#received}`);
    }
    this.#hash.update(chunk);
  }

  /** To be called once, after the last byte. @throws OciError SIZE_MISMATCH or DIGEST_MISMATCH */
  finish(): void {
    const { digest, size } = this.#expected;
    if (this.#received !== size) {
      throw this.#sizeMismatch(`${this.#received}`);
    }
    const actual = `sha256:${this.#hash.digest('hex')}`;
    if (actual !== digest) {
      throw new OciError('DIGEST_MISMATCH', `digest mismatch: expected ${digest}, the bytes received are ${actual}`, {
        details: { expected: digest, actual, size },
      });
    }
  }

  #sizeMismatch(actual: string): OciError {
    const { digest, size } = this.#expected;
    return new OciError('SIZE_MISMATCH', `size mismatch of ${digest}: expected ${size} bytes, received ${actual}`, {
      details: { digest, expected: size, received: this.#received },
    });
  }
}

/** The verifier as a stream stage: passes bytes on and fails the pipeline when they are not the expected ones. */
export class VerifyingStream extends Transform {
  readonly #verifier: ContentVerifier;

  constructor(expected: ExpectedContent) {
    super();
    this.#verifier = new ContentVerifier(expected);
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    try {
      this.#verifier.update(chunk);
    } catch (error) {
      done(error as Error);
      return;
    }
    done(null, chunk);
  }

  override _flush(done: TransformCallback): void {
    try {
      this.#verifier.finish();
    } catch (error) {
      done(error as Error);
      return;
    }
    done();
  }
}
