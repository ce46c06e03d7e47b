import { setTimeout as delay } from 'node:timers/promises';
import { afterReadinessCheck, type ReadinessPolicy, type ReadinessStep } from '../domain/readiness.ts';
import type { HealthLoop } from './health-loop.ts';

export interface ReadinessLoop extends Pick<HealthLoop, 'check' | 'explain' | 'onLines'> {
  readonly policy: ReadinessPolicy;
  readonly onChange: (ready: boolean) => Promise<void>;
}

/** Checks until `signal` aborts. Times are `performance.now()`. */
export async function runReadinessLoop(first: ReadinessStep, loop: ReadinessLoop, signal: AbortSignal): Promise<void> {
  let step = first;
  while (!signal.aborted) {
    // Routes first: who reads that it is ready may count on it.
    if (step.kind !== 'unchanged') await loop.onChange(step.state.ready);
    loop.onLines(step.lines);
    const { at, timeoutMs } = step.next;
    const wait = at - performance.now();
    if (wait > 0) await delay(wait, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    const error = await loop.check(timeoutMs, signal);
    if (signal.aborted) return;
    const { state } = step;
    step = afterReadinessCheck(state, error, performance.now(), loop.policy);
    if (step.kind !== 'became-unready') continue;
    step = afterReadinessCheck(state, `${error} ${await loop.explain()}`, performance.now(), loop.policy);
  }
}
