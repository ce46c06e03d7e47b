import { createHash } from 'node:crypto';
import { TarError } from '../tar/tar-error.ts';
import type { TarReader } from '../tar/tar-reader.ts';
import { Decompressor, detectCompression, MAGIC_BYTES } from './decompressor.ts';
import type { LayerWriter } from './layer-writer.ts';
import type { UnpackOrder, UnpackResult } from './unpack-messages.ts';

/** Failures that damaged bytes cause: whether the bytes are the promised ones says more than these. */
const SYMPTOMS = new Set([
  'LAYER_COMPRESSION_INVALID',
  'LAYER_TAR_INVALID',
  'LAYER_PATH_INVALID',
  'LAYER_ENTRY_INVALID',
]);

/**
 * A layer's way from downloaded bytes to files: counts and hashes the bytes, unpacks them, counts and hashes the tar
 * archive, and applies it. Only when `finish` resolves is the layer what its digest, size and diffID say; of an archive
 * that comes by itself, what its diffID says.
 */
export class LayerPipeline {
  readonly #order: UnpackOrder;
  readonly #reader: TarReader;
  readonly #writer: LayerWriter;
  readonly #blobHash = createHash('sha256');
  readonly #tarHash = createHash('sha256');
  #blobBytes = 0;
  #tarBytes = 0;
  #start: Uint8Array = new Uint8Array(0);
  #decompressor: Decompressor | undefined;
  #symptom: TarError | undefined;

  constructor(order: UnpackOrder, reader: TarReader, writer: LayerWriter) {
    this.#order = order;
    this.#reader = reader;
    this.#writer = writer;
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#order.kind === 'archive') {
      this.#archive(bytes);
      return;
    }
    this.#blobBytes += bytes.length;
    if (this.#blobBytes > this.#order.size) throw this.#sizeMismatch('more than');
    this.#blobHash.update(bytes);
    if (this.#symptom !== undefined) return;
    if (this.#decompressor === undefined) {
      this.#start = Buffer.concat([this.#start, bytes]);
      if (this.#start.length < MAGIC_BYTES) return;
      await this.#begin();
    } else await this.#tolerate(this.#decompressor.write(bytes));
  }

  async finish(): Promise<UnpackResult> {
    if (this.#order.kind !== 'archive') await this.#finishBlob();
    this.#reader.finish();
    const diffId = `sha256:${this.#tarHash.digest('hex')}`;
    if (diffId !== this.#order.diffId) {
      throw new TarError(
        'LAYER_DIFF_ID_MISMATCH',
        `The layer ${this.#order.digest} unpacks to ${diffId}; the image config says ${this.#order.diffId}`,
        { expected: this.#order.diffId, actual: diffId },
      );
    }
    return { ...this.#writer.finish(), tarBytes: this.#tarBytes };
  }

  abandon(): void {
    this.#decompressor?.destroy();
    this.#writer.abandon();
  }

  async #finishBlob(): Promise<void> {
    if (this.#blobBytes < this.#order.size) throw this.#sizeMismatch('only');
    const digest = `sha256:${this.#blobHash.digest('hex')}`;
    if (digest !== this.#order.digest) {
      throw new TarError('LAYER_DIGEST_MISMATCH', `The layer ${this.#order.digest} came with the digest ${digest}`, {
        expected: this.#order.digest,
        actual: digest,
      });
    }
    if (this.#decompressor === undefined) await this.#begin();
    if (this.#symptom === undefined && this.#decompressor !== undefined)
      await this.#tolerate(this.#decompressor.finish());
    if (this.#symptom !== undefined) throw this.#symptom;
  }

  async #begin(): Promise<void> {
    this.#decompressor = new Decompressor(detectCompression(this.#start), (bytes) => this.#archive(bytes));
    await this.#tolerate(this.#decompressor.write(this.#start));
    this.#start = new Uint8Array(0);
  }

  /** Keeps a failure that wrong bytes would explain until the digest is known. */
  async #tolerate(step: Promise<void>): Promise<void> {
    try {
      await step;
    } catch (error) {
      const failure = asTarError(error);
      if (!SYMPTOMS.has(failure.code)) throw failure;
      this.#symptom = failure;
      this.abandon();
    }
  }

  #archive(bytes: Uint8Array): void {
    this.#tarBytes += bytes.length;
    const { unpackedBytes, compressionRatio, ratioFromBytes } = this.#order.limits;
    if (this.#tarBytes > unpackedBytes) {
      throw new TarError('LAYER_LIMIT_EXCEEDED', `The layer unpacks to more than the limit of ${unpackedBytes} bytes`, {
        limit: unpackedBytes,
      });
    }
    // Of an archive the blob's size is all that is known of the blob.
    const packedBytes = this.#order.kind === 'archive' ? this.#order.size : this.#blobBytes;
    if (this.#tarBytes > ratioFromBytes && this.#tarBytes > packedBytes * compressionRatio) {
      throw new TarError(
        'LAYER_LIMIT_EXCEEDED',
        `The layer unpacks ${packedBytes} bytes to more than ${this.#tarBytes}; the limit is a ratio of ${compressionRatio}`,
        { limit: compressionRatio, compressed: packedBytes, unpacked: this.#tarBytes },
      );
    }
    this.#tarHash.update(bytes);
    this.#reader.push(bytes);
  }

  #sizeMismatch(how: 'more than' | 'only'): TarError {
    const { digest, size } = this.#order;
    const actual = this.#blobBytes;
    const text = how === 'only' ? `only ${actual} of ${size} bytes` : `more than ${size} bytes`;
    return new TarError('LAYER_SIZE_MISMATCH', `The layer ${digest} came with ${text}`, { expected: size, actual });
  }
}

function asTarError(error: unknown): TarError {
  if (error instanceof TarError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new TarError('LAYER_COMPRESSION_INVALID', `The layer's compressed data is damaged: ${reason}`);
}
