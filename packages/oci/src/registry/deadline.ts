import { type Ask, RegistryError } from './registry-error.ts';

/**
 * Runs `action` under the caller's signal and a deadline for all of it. The caller's abort comes through unchanged, as
 * the signal's reason; the deadline becomes a RegistryError.
 */
export async function withDeadline<T>(
  ms: number,
  ask: Ask,
  callerSignal: AbortSignal | undefined,
  action: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { signal: deadline, clear } = timedSignal(ms);
  try {
    return await action(callerSignal ? AbortSignal.any([callerSignal, deadline]) : deadline);
  } catch (error) {
    callerSignal?.throwIfAborted();
    if (deadline.aborted && !(error instanceof RegistryError)) {
      throw new RegistryError('REGISTRY_TIMEOUT', ask, `it did not finish its answer within ${ms / 1000} s`, {
        transient: true,
        cause: error,
      });
    }
    throw error;
  } finally {
    clear();
  }
}

/** As `AbortSignal.timeout`, but what hangs on it can be let go of before its time. */
export function timedSignal(ms: number): { readonly signal: AbortSignal; readonly clear: () => void } {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new DOMException('the deadline has passed', 'TimeoutError')), ms);
  return { signal: controller.signal, clear: () => clearTimeout(timer) };
}

/** Waits for a promise that others wait for as well: an abort ends the waiting, not the work. */
export async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) {
    return promise;
  }
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason as Error);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
