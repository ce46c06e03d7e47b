import { setTimeout as delay } from 'node:timers/promises';
import type { CrashCause } from '../domain/crash.ts';
import type { HealthLine, HealthState, HealthStep } from '../domain/health-monitor.ts';

export interface HealthLoop<State = HealthState> {
  /** What follows from a check; `error` is undefined when it passed. */
  readonly after: (state: State, error: string | undefined, now: number) => HealthStep<State>;
  readonly check: (timeoutMs: number, signal: AbortSignal) => Promise<string | undefined>;
  /** What a failure that counts is told with, besides its error. */
  readonly explain: () => Promise<string>;
  readonly onLines: (lines: readonly HealthLine[]) => void;
  readonly onHealthy: () => Promise<void>;
}

/** Checks until the instance has failed, and returns why; undefined when `signal` aborts. Times are `performance.now()`. */
export async function runHealthLoop<State>(
  first: HealthStep<State>,
  loop: HealthLoop<State>,
  signal: AbortSignal,
): Promise<CrashCause | undefined> {
  let step = first;
  while (!signal.aborted) {
    loop.onLines(step.lines);
    if (step.kind === 'crash') return step.cause;
    if (step.kind === 'became-healthy') await loop.onHealthy();
    const { at, timeoutMs } = step.next;
    const wait = at - performance.now();
    if (wait > 0) await delay(wait, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) break;
    const error = await loop.check(timeoutMs, signal);
    if (signal.aborted) break;
    const { state } = step;
    step = loop.after(state, error, performance.now());
    // Only of what ends it is it worth finding out.
    if (step.kind === 'crash') step = loop.after(state, `${error} ${await loop.explain()}`, performance.now());
  }
  return undefined;
}
