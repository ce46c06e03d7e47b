import type { Transform } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { release } from './release.ts';

/** How a layer blob is packed. */
export type Compression = 'gzip' | 'zstd' | 'none';

/** Bytes needed to tell. */
export const MAGIC_BYTES = 4;

/** Bytes of one piece of output; also what the tar reader gets at once. */
const CHUNK_BYTES = 256 * 1024;

/**
 * Tells the compression from a blob's first bytes. Docker and containerd do so too and do not trust the media type,
 * so that images with a wrong one are common; the diffID says whether the outcome is right.
 */
export function detectCompression(start: Uint8Array): Compression {
  if (start[0] === 0x1f && start[1] === 0x8b) return 'gzip';
  if (start[0] === 0x28 && start[1] === 0xb5 && start[2] === 0x2f && start[3] === 0xfd) return 'zstd';
  // A zstd skippable frame, as some builders put first.
  const skippable = ((start[0] ?? 0) & 0xf0) === 0x50 && start[1] === 0x2a && start[2] === 0x4d && start[3] === 0x18;
  return skippable ? 'zstd' : 'none';
}

/** Unpacks what is written to it and calls `output` with the pieces, one at a time. */
export class Decompressor {
  readonly #stream: Transform | undefined;
  readonly #output: (bytes: Uint8Array) => void;
  #failure: Error | undefined;

  constructor(compression: Compression, output: (bytes: Uint8Array) => void) {
    this.#output = output;
    if (compression === 'none') return;
    const stream =
      compression === 'gzip'
        ? createGunzip({ chunkSize: CHUNK_BYTES })
        : createZstdDecompress({ chunkSize: CHUNK_BYTES });
    stream.on('data', (bytes: Buffer<ArrayBuffer>) => {
      if (this.#failure === undefined) this.#emit(bytes);
      // Output comes in slices of one buffer after the other; this was the last of its buffer.
      if (bytes.byteOffset + bytes.length === bytes.buffer.byteLength) release(bytes.buffer);
    });
    stream.on('error', (error) => this.#fail(error));
    this.#stream = stream;
  }

  /** Resolves when the bytes have been unpacked and handed on; rejects with what unpacking or `output` threw. */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.#stream === undefined) this.#output(bytes);
    else await this.#run((stream, done) => stream.write(bytes, done));
  }

  /** The blob is complete: rejects when the compressed data is not. */
  async finish(): Promise<void> {
    if (this.#stream === undefined) return;
    await this.#run((stream, done) => {
      stream.once('end', done);
      stream.end();
    });
  }

  destroy(): void {
    this.#stream?.destroy();
  }

  async #run(action: (stream: Transform, done: (error?: Error | null) => void) => void): Promise<void> {
    const stream = this.#stream;
    if (stream === undefined) return;
    await new Promise<void>((resolve) => {
      if (this.#failure !== undefined) return resolve();
      stream.once('close', resolve);
      action(stream, () => {
        stream.off('close', resolve);
        resolve();
      });
    });
    if (this.#failure !== undefined) throw this.#failure;
  }

  #emit(bytes: Uint8Array): void {
    try {
      this.#output(bytes);
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
      this.#stream?.destroy();
    }
  }

  #fail(error: Error): void {
    this.#failure ??= error;
  }
}
