export interface TurnsOptions {
  /** Let in at once, of all keys together. */
  readonly places: number;
  /** Let in at once of one key. Fewer than `places`: then no key keeps the others waiting, however long it takes. */
  readonly perKey: number;
}

/** `share`: its key has as many places as one may have; `places`: all are taken. */
export type TurnWait = 'share' | 'places';

export interface Turn<T> {
  /** Whose turn it is, say an organization's guid. */
  readonly key: string;
  readonly signal: AbortSignal;
  readonly work: (place: TurnPlace) => Promise<T>;
  /** Called once, before the wait, when there is one. */
  readonly onWait?: (why: TurnWait) => void;
}

/** What somebody who is let in has. */
export interface TurnPlace {
  /** Gives it to whoever is next, before the work is done. */
  leave(): void;
  /** Whether somebody of another key waits for one. */
  readonly wanted: boolean;
}

/** The callers of one key. */
interface Line {
  inside: number;
  /** When one of them was let in last, as a count of all; 0: none was. */
  lastTurn: number;
  readonly waiting: Set<() => void>;
}

/**
 * Lets so many callers in at once. Those who wait get in by turns of their keys, and among one key's in the order they
 * came, so that who has one thing to do does not wait behind whoever has a thousand.
 */
export class Turns {
  readonly #options: TurnsOptions;
  /** By key; those with nobody inside and nobody waiting are not kept. */
  readonly #lines = new Map<string, Line>();
  #inside = 0;
  #turn = 0;

  constructor(options: TurnsOptions) {
    this.#options = options;
  }

  /** Runs `work` in its turn. Rejects with the signal's reason when it aborts before that. */
  async run<T>({ key, signal, work, onWait }: Turn<T>): Promise<T> {
    await this.#enter(key, signal, onWait);
    let inside = true;
    const leave = (): void => {
      if (inside) this.#leave(key);
      inside = false;
    };
    const wanted = (): boolean => [...this.#lines].some(([other, { waiting }]) => other !== key && waiting.size > 0);
    try {
      return await work({
        leave,
        get wanted() {
          return wanted();
        },
      });
    } finally {
      leave();
    }
  }

  async #enter(key: string, signal: AbortSignal, onWait: Turn<unknown>['onWait']): Promise<void> {
    signal.throwIfAborted();
    const line = this.#lines.get(key) ?? { inside: 0, lastTurn: 0, waiting: new Set() };
    const { places, perKey } = this.#options;
    this.#lines.set(key, line);
    // With a place left, all who wait are of keys that have their share: nobody is overtaken.
    if (this.#inside < places && line.inside < perKey) {
      this.#admit(line);
      return;
    }
    onWait?.(line.inside < perKey ? 'places' : 'share');
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const giveUp = (): void => {
      if (!line.waiting.delete(resolve)) return;
      this.#forget(key, line);
      reject(signal.reason as Error);
    };
    line.waiting.add(resolve);
    signal.addEventListener('abort', giveUp, { once: true });
    try {
      await promise;
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
  }

  #leave(key: string): void {
    const line = this.#lines.get(key);
    if (line === undefined) throw new Error(`nobody of ${key} is inside`);
    line.inside -= 1;
    this.#inside -= 1;
    this.#callNext();
    this.#forget(key, line);
  }

  /** Of the keys with somebody waiting and a place to take, the one whose last turn is longest ago. */
  #callNext(): void {
    let longest: Line | undefined;
    for (const line of this.#lines.values()) {
      if (line.waiting.size === 0 || line.inside >= this.#options.perKey) continue;
      if (longest === undefined || line.lastTurn < longest.lastTurn) longest = line;
    }
    const [next] = longest?.waiting ?? [];
    if (longest === undefined || next === undefined) return;
    longest.waiting.delete(next);
    this.#admit(longest);
    next();
  }

  #admit(line: Line): void {
    this.#turn += 1;
    line.lastTurn = this.#turn;
    line.inside += 1;
    this.#inside += 1;
  }

  #forget(key: string, line: Line): void {
    if (line.inside === 0 && line.waiting.size === 0) this.#lines.delete(key);
  }
}
