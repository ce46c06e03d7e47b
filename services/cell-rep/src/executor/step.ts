import { describeError, type ErrorKind } from '@slipway/service-kit';
import { RepError } from '../errors.ts';

/**
 * Runs one step under its deadline. The work gets a signal that aborts at the deadline or when `signal` does; it is
 * waited for even then, for it undoes itself. Rejects with REP_STEP_TIMEOUT, or `signal`'s reason, or the work's error.
 */
export async function withDeadline<T>(
  what: string,
  timeoutMs: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), timeoutMs);
  try {
    return await work(AbortSignal.any([signal, deadline.signal]));
  } catch (error) {
    signal.throwIfAborted();
    if (!deadline.signal.aborted || kindOf(error) === 'timeout') throw error;
    // What it was doing when it was cut short is part of the news, but that it was "cancelled" is not its kind.
    throw new RepError('REP_STEP_TIMEOUT', `${what} did not end within ${timeoutMs} ms: ${describeError(error)}`);
  } finally {
    clearTimeout(timer);
  }
}

/** The kind of an error of this platform, also when it is wrapped in one that says less. */
export function kindOf(error: unknown): ErrorKind {
  let kind: ErrorKind = 'internal';
  for (let current: unknown = error; current instanceof Error; current = current.cause) {
    if ('kind' in current && typeof current.kind === 'string') kind = current.kind as ErrorKind;
  }
  return kind;
}

/** The image cannot run what it shall (no such program, user or directory): known at creation, but a failed start. */
export function isProcessFault(error: unknown): boolean {
  return error instanceof Error && 'phase' in error && error.phase === 'process';
}
