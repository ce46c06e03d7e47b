/** What of one origin was not kept, where it would have been. */
export interface Gap<T> {
  readonly kind: 'gap';
  /** The first of them. */
  readonly first: T;
  lines: number;
  bytes: number;
}

export type Entry<T> = { readonly kind: 'line'; readonly line: T; readonly bytes: number } | Gap<T>;

interface Origin<T> {
  readonly entries: (Entry<T> | undefined)[];
  /** Those before it were taken. */
  head: number;
  cost: number;
  /** What it may still take in this round; it may be overdrawn by one line. */
  credit: number;
}

/** What a line costs beside its bytes: its envelope, near enough. Without it a flood of short lines would seem small. */
const LINE_COST = 512;
/** Of each origin's share of a round: a few of the usual lines. */
const QUANTUM = 8 * 1024;

const costOf = (entry: Entry<unknown>): number => LINE_COST + (entry.kind === 'line' ? entry.bytes : 0);

/**
 * Lines of many origins that wait for one way out. They leave in turns (deficit round robin), so that whoever writes
 * little never waits behind whoever writes much; when there is no room the longest queue gives way, and says where and
 * how much. Of one origin nothing changes places.
 */
export class FairQueue<T> {
  readonly #maxCost: number;
  /** Those that have something, in the order of their turns. */
  readonly #origins = new Map<string, Origin<T>>();
  #cost = 0;

  constructor(maxCost: number) {
    this.#maxCost = maxCost;
  }

  get empty(): boolean {
    return this.#origins.size === 0;
  }

  costOf(origin: string): number {
    return this.#origins.get(origin)?.cost ?? 0;
  }

  push(origin: string, line: T, bytes: number): void {
    let queue = this.#origins.get(origin);
    if (queue === undefined) {
      queue = { entries: [], head: 0, cost: 0, credit: QUANTUM };
      this.#origins.set(origin, queue);
    }
    const entry: Entry<T> = { kind: 'line', line, bytes };
    if (this.#makeRoom(costOf(entry), queue)) this.#append(queue, entry);
    else this.#lose(queue, { kind: 'gap', first: line, lines: 1, bytes });
  }

  /** The next to leave; undefined when there is none. */
  take(): Entry<T> | undefined {
    for (const [name, queue] of this.#origins) {
      if (queue.credit <= 0) {
        // The end of its turn: the others first.
        queue.credit += QUANTUM;
        this.#origins.delete(name);
        this.#origins.set(name, queue);
        continue;
      }
      const entry = queue.entries[queue.head];
      if (entry === undefined) throw new Error('an origin without entries is in the queue');
      queue.entries[queue.head++] = undefined;
      const cost = costOf(entry);
      queue.credit -= cost;
      queue.cost -= cost;
      this.#cost -= cost;
      if (queue.head === queue.entries.length) this.#origins.delete(name);
      else if (queue.head >= 1_024 && queue.head * 2 > queue.entries.length) {
        queue.entries.splice(0, queue.head);
        queue.head = 0;
      }
      return entry;
    }
    return undefined;
  }

  /** False when the asker is the one that has to give way. */
  #makeRoom(cost: number, asker: Origin<T>): boolean {
    while (this.#cost + cost > this.#maxCost) {
      const longest = this.#longest();
      // With nothing but gaps left there is nothing to be gained.
      if (longest === undefined || longest === asker || longest.cost <= LINE_COST) return false;
      const last = longest.entries.pop();
      const gap = last?.kind === 'gap' ? last : undefined;
      const dropped = gap === undefined ? last : longest.entries.pop();
      if (dropped === undefined) throw new Error('a queue that costs something is empty');
      longest.cost -= costOf(dropped) + (gap === undefined ? 0 : LINE_COST);
      this.#cost -= costOf(dropped) + (gap === undefined ? 0 : LINE_COST);
      const [lines, first] = dropped.kind === 'line' ? [1, dropped.line] : [dropped.lines, dropped.first];
      const more = gap ?? { lines: 0, bytes: 0 };
      this.#lose(longest, { kind: 'gap', first, lines: lines + more.lines, bytes: dropped.bytes + more.bytes });
    }
    return true;
  }

  #append(queue: Origin<T>, entry: Entry<T>): void {
    queue.entries.push(entry);
    queue.cost += costOf(entry);
    this.#cost += costOf(entry);
  }

  /** Into the gap at the end, if there is one. A gap is never refused: there are no two in a row. */
  #lose(queue: Origin<T>, gap: Gap<T>): void {
    const last = queue.head < queue.entries.length ? queue.entries.at(-1) : undefined;
    if (last?.kind !== 'gap') this.#append(queue, gap);
    else {
      last.lines += gap.lines;
      last.bytes += gap.bytes;
    }
  }

  #longest(): Origin<T> | undefined {
    let longest: Origin<T> | undefined;
    for (const queue of this.#origins.values()) {
      if (longest === undefined || queue.cost > longest.cost) longest = queue;
    }
    return longest;
  }
}
