import { GardenError } from '../errors.ts';
import { HIGH_IDS_PER_CONTAINER } from '../layers/owned-ids.ts';
import type { IdRange } from '../rootfs/id-range.ts';

/** Ids of each container, as many as Docker's and podman's user namespaces have. */
export const IDS_PER_CONTAINER = 65_536;

/** Of one container. */
const LEAST_IDS = IDS_PER_CONTAINER + HIGH_IDS_PER_CONTAINER;

/** (uid_t) -1 is no id. */
const MAX_ID = 0xffff_fffe;

/**
 * Numbers for containers: each number is an address and a range of host ids that no other container has. The longest
 * unused comes first, so that what still knows of a container that is gone does not meet the next.
 */
export class Slots {
  readonly #count: number;
  readonly #idBase: number;
  readonly #taken = new Set<number>();
  #next = 0;

  /** @throws GardenError CELL_CONFIG_INVALID when the ids do not begin above the host's own or go too high */
  constructor(idBase: number, count: number) {
    if (!Number.isInteger(idBase) || idBase < IDS_PER_CONTAINER || idBase + LEAST_IDS - 1 > MAX_ID) {
      throw new GardenError(
        'CELL_CONFIG_INVALID',
        'open',
        `The first host id of containers must be from ${IDS_PER_CONTAINER} to ${MAX_ID - LEAST_IDS + 1}: ${idBase}`,
      );
    }
    this.#idBase = idBase;
    this.#count = Math.min(count, Math.floor((MAX_ID + 1 - idBase) / LEAST_IDS));
  }

  /** @throws GardenError CELL_FULL */
  allocate(): number {
    for (let tried = 0; tried < this.#count; tried += 1) {
      const slot = (this.#next + tried) % this.#count;
      if (this.#taken.has(slot)) continue;
      this.#taken.add(slot);
      this.#next = (slot + 1) % this.#count;
      return slot;
    }
    throw new GardenError('CELL_FULL', 'allocate', `All ${this.#count} addresses of the cell are in use`);
  }

  /** Marks a number as in use, of a container that was there before. */
  take(slot: number): void {
    this.#taken.add(slot);
    if (slot >= this.#next && slot < this.#count) this.#next = (slot + 1) % this.#count;
  }

  free(slot: number): void {
    this.#taken.delete(slot);
  }

  range(slot: number): IdRange {
    return { base: this.#idBase + slot * IDS_PER_CONTAINER, size: IDS_PER_CONTAINER };
  }

  /** First of the host ids for what a container has above its range: they lie above the ranges of all. */
  highBase(slot: number): number {
    return this.#idBase + this.#count * IDS_PER_CONTAINER + slot * HIGH_IDS_PER_CONTAINER;
  }
}
