import { setTimeout as sleep } from 'node:timers/promises';
import type { RetryPolicy } from './limits.ts';
import { RegistryError } from './registry-error.ts';

/** Statuses after which asking again may help (RFC 9110; 429 is RFC 6585). */
export function isTransientStatus(status: number): boolean {
  return status === 408 || status === 429 || status === 500 || status === 502 || status === 503 || status === 504;
}

/** The pause of a Retry-After header in milliseconds: seconds or a date (RFC 9110, 10.2.3); undefined for nonsense. */
export function parseRetryAfter(header: string | undefined, now: number): number | undefined {
  const text = header?.trim() ?? '';
  if (/^\d{1,10}$/.test(text)) {
    return Number(text) * 1000;
  }
  // Every form of an HTTP date begins with the name of a day; Date.parse alone would take almost anything.
  const date = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/**
 * A pause after the `failures`th failure, from 1. Without a wish of the registry: "full jitter", so that many stagers that
 * failed together do not come back together. With one: not earlier than it asks, and a little spread after that.
 */
export function pauseAfter(
  policy: RetryPolicy,
  failures: number,
  retryAfterMs: number | undefined,
  random: number,
): number {
  const jitter = random * Math.min(policy.capMs, policy.baseMs * 2 ** Math.min(failures - 1, 20));
  return (retryAfterMs ?? 0) + jitter;
}

/** How long to wait before asking once more; undefined: do not. `failures` counts those so far, from 1. */
export function retryDelay(
  policy: RetryPolicy,
  failures: number,
  retryAfterMs: number | undefined,
  random: number,
): number | undefined {
  const hopeless = failures >= policy.attempts || (retryAfterMs ?? 0) > policy.maxRetryAfterMs;
  return hopeless ? undefined : pauseAfter(policy, failures, retryAfterMs, random);
}

export interface Retrying {
  readonly policy: RetryPolicy;
  readonly signal: AbortSignal | undefined;
  /** In milliseconds since 1970. A pause that would last longer is not begun: the error is of more use than the wait. */
  readonly deadline?: number | undefined;
  readonly onRetry: (error: RegistryError, delayMs: number) => void;
}

/** Runs `attempt` until it succeeds, fails for good, or has failed often enough. */
export async function withRetries<T>(
  { policy, signal, deadline, onRetry }: Retrying,
  attempt: () => Promise<T>,
): Promise<T> {
  for (let failures = 1, timeouts = 0; ; failures += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof RegistryError) || !error.transient) {
        throw error;
      }
      if (error.code === 'REGISTRY_TIMEOUT') timeouts += 1;
      if (timeouts >= policy.timeouts) throw error;
      const delayMs = retryDelay(policy, failures, error.retryAfterMs, Math.random());
      if (delayMs === undefined || (deadline !== undefined && Date.now() + delayMs > deadline)) {
        throw error;
      }
      onRetry(error, delayMs);
      await wait(delayMs, signal);
    }
  }
}

/** Rejects with the signal's own reason, not with the timer's. */
export async function wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(ms, undefined, signal ? { signal } : {});
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}
