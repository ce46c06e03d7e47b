/** Bytes promised to one download, of which fewer and fewer are left. */
export interface Promised {
  bytes: number;
}

/** The sum of what several were promised. */
export class PromisedBytes {
  readonly #all = new Set<Promised>();

  get bytes(): number {
    let sum = 0;
    for (const { bytes } of this.#all) sum += bytes;
    return sum;
  }

  add(bytes: number): Promised {
    const promised = { bytes };
    this.#all.add(promised);
    return promised;
  }

  delete(promised: Promised): void {
    this.#all.delete(promised);
  }
}
