import { type FileHandle, open, rm } from 'node:fs/promises';
import { LENGTH_BYTES, packFrame, type SplitOutcome, type SplitPatch, TRAILER_BYTES } from './split-format.ts';

/** A layer's split on disk: how large it is, or why there is none. */
export type StoredSplit =
  | { readonly bytes: number; readonly reason?: undefined }
  | { readonly bytes?: undefined; readonly reason: string };

/** Writes a split to disk as its pieces come, one after the other and without holding the event loop. */
export class SplitFile {
  readonly #path: string;
  readonly #handle: Promise<FileHandle>;
  #bytes = 0;
  /** The writes so far; it never rejects, for a layer is good without a split. */
  #written: Promise<void> = Promise.resolve();
  #failure: unknown;

  constructor(path: string) {
    this.#path = path;
    this.#handle = open(path, 'wx', 0o600);
    this.#handle.catch((error: unknown) => {
      this.#failure ??= error;
    });
  }

  append(bytes: Uint8Array): void {
    this.#bytes += bytes.length;
    this.#written = this.#written.then(async () => {
      if (this.#failure !== undefined) return;
      try {
        await (await this.#handle).writeFile(bytes);
      } catch (error) {
        this.#failure = error;
      }
    });
  }

  /** Completes the file, or removes it when the layer cannot be shared. */
  async finish(outcome: SplitOutcome): Promise<StoredSplit> {
    if (!outcome.shareable) {
      await this.abandon();
      return { reason: outcome.reason };
    }
    const patchesAt = this.#bytes;
    for (const patch of outcome.patches) this.append(packFrame(patchBytes(patch)));
    const trailer = Buffer.alloc(TRAILER_BYTES);
    trailer.writeDoubleLE(patchesAt);
    this.append(trailer);
    await this.#written;
    if (this.#failure !== undefined) {
      await this.abandon();
      return { reason: `its split could not be written: ${this.#failure}` };
    }
    await (await this.#handle).close();
    return { bytes: this.#bytes };
  }

  async abandon(): Promise<void> {
    await this.#written;
    await this.#handle.then(
      async (handle) => await handle.close(),
      () => undefined,
    );
    await rm(this.#path, { force: true });
  }
}

function patchBytes({ file, bytes }: SplitPatch): Buffer {
  const number = Buffer.alloc(LENGTH_BYTES);
  number.writeUInt32LE(file);
  return Buffer.concat([number, bytes]);
}
