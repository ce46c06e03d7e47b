import type { ImageName } from './image-name.ts';

/** Layers that somebody has been promised for a while. */
export interface Lease {
  /** What they were asked for as. */
  readonly image: ImageName | undefined;
  readonly diffIds: readonly string[];
}

/** The leases that are held now. */
export class Leases {
  readonly #held = new Set<Lease>();

  /** Returns the release, which may be called any number of times. */
  take(diffIds: readonly string[], image?: ImageName): () => void {
    const lease: Lease = { image, diffIds };
    this.#held.add(lease);
    return () => {
      this.#held.delete(lease);
    };
  }

  list(): readonly Lease[] {
    return [...this.#held];
  }
}
