import { GardenError } from '../errors.ts';
import { type ArchiveOrder, assembleLayer } from './assemble-layer.ts';

/** A layer of the store that another cell may have; the store keeps it until `release`. */
export class SharedLayer {
  readonly diffId: string;
  /** Bytes of its archive. */
  readonly size: number;
  readonly #order: Omit<ArchiveOrder, 'from'>;
  readonly #release: () => void;
  readonly #onBroken: (error: GardenError) => void;

  constructor(
    order: Omit<ArchiveOrder, 'from'>,
    size: number,
    callbacks: { readonly release: () => void; readonly onBroken: (error: GardenError) => void },
  ) {
    this.diffId = order.diffId;
    this.size = size;
    this.#order = order;
    this.#release = callbacks.release;
    this.#onBroken = callbacks.onBroken;
  }

  /**
   * Its archive from byte `from` on, made in a thread that is no faster than the reader.
   * @throws GardenError LAYER_ARCHIVE_FAILED (the layer is offered no more), CANCELLED
   */
  async *archive(from: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    try {
      yield* assembleLayer({ ...this.#order, from }, signal);
    } catch (error) {
      if (error instanceof GardenError && error.code === 'LAYER_ARCHIVE_FAILED') this.#onBroken(error);
      throw error;
    }
  }

  /** May be called any number of times. */
  release(): void {
    this.#release();
  }
}
