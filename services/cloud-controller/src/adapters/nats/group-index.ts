/** Finds the records of one group without looking at all of them. */
export class GroupIndex<T> {
  readonly #groupOf: (value: T) => string;
  readonly #groups = new Map<string, Map<string, T>>();
  readonly #groupByKey = new Map<string, string>();

  constructor(groupOf: (value: T) => string) {
    this.#groupOf = groupOf;
  }

  get(group: string): readonly T[] {
    return [...(this.#groups.get(group)?.values() ?? [])];
  }

  /** Undefined removes. */
  set(key: string, value: T | undefined): void {
    const before = this.#groupByKey.get(key);
    const group = value === undefined ? undefined : this.#groupOf(value);
    if (before !== undefined && before !== group) {
      const members = this.#groups.get(before);
      members?.delete(key);
      if (members?.size === 0) this.#groups.delete(before);
      this.#groupByKey.delete(key);
    }
    if (value === undefined || group === undefined) return;
    const members = this.#groups.get(group) ?? new Map<string, T>();
    members.set(key, value);
    this.#groups.set(group, members);
    this.#groupByKey.set(key, group);
  }

  /** These and no others. */
  reset(entries: Iterable<readonly [string, T]>): void {
    this.#groups.clear();
    this.#groupByKey.clear();
    for (const [key, value] of entries) this.set(key, value);
  }
}
