import { layerCompression } from '@slipway/oci';
import { GardenError, throwIfCancelled } from '../errors.ts';
import type { DiskSpace } from '../sys/disk-space.ts';
import type { DiskMarks } from './disk-marks.ts';
import type { LayerDescriptor, LayerSource } from './layer.ts';
import type { LayerCollector } from './layer-collector.ts';
import type { Promised } from './promised-bytes.ts';

/** What packed layers of common images unpack to: 2.4 times (Debian) to 3 (Python, Node), with the rest of the blocks. */
const PACKED_FACTOR = 3;
const PLAIN_FACTOR = 1.1;
/** Directories, records and the ends of blocks. */
const LEAST_BYTES = 64 * 1024;

/** The disk is looked at again after so many bytes of a download, or fewer on a small disk. */
const MOST_BETWEEN_LOOKS = 8 * 1024 ** 2;

/** What a layer is expected to take on disk, before anybody knows. */
export function estimateBytes({ size, mediaType }: LayerDescriptor): number {
  return size * (layerCompression(mediaType) === 'none' ? PLAIN_FACTOR : PACKED_FACTOR) + LEAST_BYTES;
}

/** Room on the disk for layers that are to come: given out before a download begins, and watched while it goes on. */
export class LayerRoom {
  readonly #collector: LayerCollector;

  constructor(collector: LayerCollector) {
    this.#collector = collector;
  }

  /**
   * Promises room for `bytes`, collecting layers if need be. What is not urgent (`background`) leaves free what the high
   * watermark asks for; the rest may use it, down to the floor.
   * @throws GardenError LAYER_STORE_FULL with the figures
   */
  async admit(bytes: number, background: boolean): Promise<Promised> {
    const { reserved, needed } = this.#collector;
    const fits = ({ space, marks }: Look): boolean => {
      const after = space.freeBytes - reserved.bytes - bytes;
      if (after < marks.beginBytes) this.#collector.request();
      return after >= (background ? marks.beginBytes : marks.floorBytes);
    };
    let look = await this.#collector.space();
    if (fits(look)) return reserved.add(bytes);
    // Nothing is thrown away for what cannot be made to fit.
    if (!this.#feasible(look, bytes, background)) throw this.#full(look, bytes);
    const need = needed.add(bytes);
    try {
      for (;;) {
        const removed = await this.#collector.round();
        look = await this.#collector.space();
        if (fits(look)) return reserved.add(bytes);
        if (removed === 0) throw this.#full(look, bytes);
      }
    } finally {
      needed.delete(need);
    }
  }

  /** The same for the layers of an image; for none there is always room. Rejects where its layers wait for it. */
  admitAll(bytes: number, background: boolean): Promise<Promised> {
    const room = bytes === 0 ? Promise.resolve({ bytes: 0 }) : this.admit(bytes, background);
    room.catch(() => undefined);
    return room;
  }

  /** What the layers have not taken for themselves. */
  releaseRest(room: Promise<Promised>): void {
    room.then(
      (promised) => this.release(promised),
      () => undefined,
    );
  }

  async freeBytes(): Promise<number> {
    return (await this.#collector.space()).space.freeBytes;
  }

  release(promised: Promised): void {
    this.#collector.reserved.delete(promised);
  }

  /** Part of a promise as one of its own. */
  split(from: Promised, bytes: number): Promised {
    const part = Math.min(from.bytes, bytes);
    from.bytes -= part;
    return this.#collector.reserved.add(part);
  }

  /** The same bytes, slowed down and at last stopped when the disk fills up faster than layers can be removed. */
  watch(source: LayerSource, size: number, promised: Promised, signal: AbortSignal): LayerSource {
    const whole = promised.bytes;
    const all = Math.max(1, source.size ?? size);
    let came = 0;
    let unseen = 0;
    let allowance = 0;
    const arrived = async (bytes: number): Promise<void> => {
      came += bytes;
      unseen += bytes;
      promised.bytes = whole * Math.max(0, 1 - came / all);
      if (unseen < allowance) return;
      unseen = 0;
      allowance = await this.#check(signal);
    };
    return { ...source, bytes: before(source.bytes, arrived) };
  }

  /** Says how many bytes may come until it has to be asked again. @throws GardenError LAYER_STORE_FULL, CANCELLED */
  async #check(signal: AbortSignal): Promise<number> {
    for (;;) {
      const look = await this.#collector.space();
      const { space, marks } = look;
      if (space.freeBytes - this.#collector.reserved.bytes < marks.beginBytes) this.#collector.request();
      if (space.freeBytes >= marks.floorBytes) {
        const margin = (space.freeBytes - marks.floorBytes) / (4 * PACKED_FACTOR);
        return Math.min(MOST_BETWEEN_LOOKS, margin);
      }
      throwIfCancelled(signal, 'layers');
      if ((await this.#collector.round()) === 0 && (await this.#stillFull())) throw this.#full(look, 0);
    }
  }

  async #stillFull(): Promise<boolean> {
    const { space, marks } = await this.#collector.space();
    return space.freeBytes < marks.floorBytes;
  }

  #feasible({ space, marks }: Look, bytes: number, background: boolean): boolean {
    const most = space.freeBytes - this.#collector.reserved.bytes + this.#collector.kept().reclaimableBytes;
    return most - bytes >= (background ? marks.beginBytes : marks.floorBytes);
  }

  #full({ space, marks }: Look, neededBytes: number): GardenError {
    const kept = this.#collector.kept();
    const details = {
      neededBytes: Math.round(neededBytes),
      ...space,
      reservedBytes: Math.round(this.#collector.reserved.bytes),
      floorBytes: marks.floorBytes,
      ...kept,
    };
    const mb = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`;
    const need = neededBytes === 0 ? 'more than there is' : `about ${mb(neededBytes)}`;
    return new GardenError(
      'LAYER_STORE_FULL',
      'layers',
      `The image needs ${need}, and of ${mb(space.capacityBytes)} only ${mb(space.freeBytes)} are free ` +
        `(${mb(details.reservedBytes)} promised to other downloads, ${mb(marks.floorBytes)} never used); ` +
        `of ${mb(kept.bytes)} of layers ${mb(kept.reclaimableBytes)} can be removed, ` +
        `${mb(kept.pinnedBytes)} are pinned, ${mb(kept.inUseBytes)} are below containers`,
      { details },
    );
  }
}

interface Look {
  readonly space: DiskSpace;
  readonly marks: DiskMarks;
}

/** Whether it was the disk that was full in the middle of a layer, rather than the room that was refused. */
export function ranOutOfDisk(error: unknown): boolean {
  return error instanceof GardenError && error.code === 'LAYER_STORE_FULL' && error.details.freeBytes === undefined;
}

/** Calls `arrived` with the size of each piece before it is given on. No generator: `return` must not wait for `next`. */
function before(
  bytes: AsyncIterable<Uint8Array>,
  arrived: (bytes: number) => Promise<void>,
): AsyncIterable<Uint8Array> {
  return {
    [Symbol.asyncIterator]: () => {
      const iterator = bytes[Symbol.asyncIterator]();
      return {
        next: async () => {
          const next = await iterator.next();
          if (next.done !== true) await arrived(next.value.length);
          return next;
        },
        return: async (value) => (await iterator.return?.(value)) ?? { done: true, value: undefined },
      };
    },
  };
}
