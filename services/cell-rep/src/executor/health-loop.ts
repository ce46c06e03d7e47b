import { setTimeout as delay } from 'node:timers/promises';
import type { CrashCause } from '../domain/crash.ts';
import { afterCheck, type HealthLine, type HealthPolicy, type HealthStep } from '../domain/health-monitor.ts';

export interface HealthLoop {
  readonly policy: HealthPolicy;
  readonly check: (timeoutMs: number, signal: AbortSignal) => Promise<string | undefined>;
  /** What a failure that counts is told with, besides its error. */
  readonly explain: () => Promise<string>;
  readonly onLines: (lines: readonly HealthLine[]) => void;
  readonly onHealthy: () => Promise<void>;
}

/** Checks until the instance has failed, and returns why; undefined when `signal` aborts. Times are `performance.now()`. */
export async function runHealthLoop(
  first: HealthStep,
  loop: HealthLoop,
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
    step = afterCheck(state, error, performance.now(), loop.policy);
    // Only of what ends it is it worth finding out.
    if (step.kind === 'crash')
      step = afterCheck(state, `${error} ${await loop.explain()}`, performance.now(), loop.policy);
  }
  return undefined;
}
