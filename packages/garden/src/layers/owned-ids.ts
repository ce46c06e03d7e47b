/** Ids that every container has: 0 to 65,535, as in Docker's and podman's own user namespaces. */
export const ORDINARY_IDS = 65_536;

/**
 * How many ids above the ordinary ones a container can have. Of real images those have at most a handful: accounts of a
 * directory service, or of the cluster that they were made for. The kernel takes 340 runs.
 */
export const HIGH_IDS_PER_CONTAINER = 256;

/** Which owners the files of a layer have, as far as a container's mapping must know. */
export interface OwnedIds {
  /** Ids of 65,536 and above, in ascending order; cut after as many as a container can have. */
  readonly high: readonly number[];
  /** There are more than `high` lists. */
  readonly more: boolean;
}

/** Collects the ids above the ordinary ones. */
export class HighIds {
  readonly #ids = new Set<number>();
  #more = false;

  add(id: number): void {
    if (id < ORDINARY_IDS || this.#ids.has(id)) return;
    if (this.#ids.size < HIGH_IDS_PER_CONTAINER) this.#ids.add(id);
    else this.#more = true;
  }

  result(): OwnedIds {
    return { high: [...this.#ids].sort((a, b) => a - b), more: this.#more };
  }
}
