import type { KvStore } from '@slipway/bus';
import type { Logger } from '@slipway/service-kit';
import type { RecordToRemove } from '../domain/change.ts';

/** Writes under way at once; more would only queue in the server. */
const CONCURRENCY = 64;

/** A change of a bucket whose values are `T`. */
export interface ChangeOf<T> {
  readonly reason: string;
  readonly write?: { readonly key: string; readonly value: T; readonly over?: number };
  readonly removes: readonly RecordToRemove[];
}

export interface ApplyOptions<C> {
  /** Asked before each write: a leader that lost its lease stops in the middle. */
  readonly mayAct: () => boolean;
  readonly onApplied: (change: C) => void;
  readonly logger: Logger;
}

export interface ApplyResult {
  /** The record was another by then; the next pass sees it as it is. */
  readonly conflicts: number;
  /** NATS did not answer; it may have happened or not. */
  readonly failures: number;
}

type Outcome = 'applied' | 'conflict' | 'not-leading';

/** Applies changes side by side. Each is done at most once, by revision; what is not done the next pass does. */
export async function applyChanges<T, C extends ChangeOf<T>>(
  store: KvStore<T>,
  changes: readonly C[],
  { mayAct, onApplied, logger }: ApplyOptions<C>,
): Promise<ApplyResult> {
  const queue = changes.values();
  let conflicts = 0;
  let failures = 0;
  const work = async (): Promise<void> => {
    for (const change of queue) {
      try {
        const outcome = await apply(store, change, mayAct);
        if (outcome === 'not-leading') return;
        if (outcome === 'applied') onApplied(change);
        else conflicts++;
      } catch (error) {
        failures++;
        const key = change.write?.key ?? change.removes[0]?.key;
        logger.warn({ err: error, reason: change.reason, key }, 'change.failed');
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(CONCURRENCY, changes.length) }, work));
  return { conflicts, failures };
}

async function apply<T>(store: KvStore<T>, { write, removes }: ChangeOf<T>, mayAct: () => boolean): Promise<Outcome> {
  if (write !== undefined) {
    if (!mayAct()) return 'not-leading';
    const { key, value, over } = write;
    const revision = over === undefined ? await store.create(key, value) : await store.update(key, value, over);
    if (revision === undefined) return 'conflict';
  }
  let outcome: Outcome = 'applied';
  for (const { key, revision } of removes) {
    if (!mayAct()) return 'not-leading';
    if (!(await store.delete(key, revision))) outcome = 'conflict';
  }
  return outcome;
}
