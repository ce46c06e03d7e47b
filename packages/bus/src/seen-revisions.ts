/** Deletions, and revisions above the floor, that are remembered. Records came up to 500 revisions late in trials. */
const REMEMBERED = 10_000;

/**
 * Which revision of each key was seen last. nats-server tells of two records that two writers store at one time in any
 * order, so that the highest revision seen does not say that those below it were.
 */
export class SeenRevisions {
  readonly #newest = new Map<string, number>();
  readonly #deleted = new Map<string, number>();
  readonly #above = new Set<number>();
  #floor = 0;

  /** The keys that were seen, but for those deleted long ago. */
  has(key: string): boolean {
    return this.#newest.has(key);
  }

  /** Whether this revision itself was seen, or one that came long after it. */
  reached(revision: number): boolean {
    return revision <= this.#floor || this.#above.has(revision);
  }

  /** False when this revision of the key, or a newer one, was seen before. */
  add(key: string, revision: number, deleted: boolean): boolean {
    if (revision > this.#floor) this.#above.add(revision);
    if ((this.#newest.get(key) ?? 0) >= revision) return false;
    this.#newest.set(key, revision);
    this.#deleted.delete(key);
    if (deleted) this.#deleted.set(key, revision);
    return true;
  }

  /** All up to this revision were seen. */
  raise(floor: number): void {
    this.#floor = Math.max(this.#floor, floor);
    for (const revision of this.#above) if (revision <= this.#floor) this.#above.delete(revision);
  }

  /** Forgets what is older than anything that can still come late. */
  prune(): void {
    for (const key of this.#deleted.keys()) {
      if (this.#deleted.size <= REMEMBERED) break;
      this.#deleted.delete(key);
      this.#newest.delete(key);
    }
    for (const revision of this.#above) {
      if (this.#above.size <= REMEMBERED) break;
      this.#above.delete(revision);
      this.#floor = Math.max(this.#floor, revision);
    }
  }
}
