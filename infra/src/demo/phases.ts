import { describeError } from '@slipway/service-kit';
import { StopRequested } from '../process/stop-signal.ts';

/** What the demo was doing when it failed, and why. */
export class PhaseFailed extends Error {
  readonly phase: string;

  constructor(phase: string, cause: unknown) {
    super(`${phase}: ${describeError(cause)}`, { cause });
    this.name = 'PhaseFailed';
    this.phase = phase;
  }
}

/** Runs a piece of work under a name; `describe` says what came out of it in a few words. */
export type RunPhase = <T>(name: string, work: () => Promise<T>, describe?: (result: T) => string) => Promise<T>;

/**
 * Makes a RunPhase that says each phase with its time, and ends at once, with the signal's reason, when a stop comes:
 * work that cannot be stopped fails by itself when the platform goes.
 */
export function phasesOf(say: (line: string) => void, stopped: AbortSignal): RunPhase {
  return async (name, work, describe) => {
    stopped.throwIfAborted();
    const started = performance.now();
    const stop = Promise.withResolvers<never>();
    const onStop = (): void => stop.reject(stopped.reason);
    stopped.addEventListener('abort', onStop, { once: true });
    try {
      const result = await Promise.race([work(), stop.promise]);
      const seconds = ((performance.now() - started) / 1000).toFixed(2).padStart(7);
      say(`${seconds} s  ${name}${describe === undefined ? '' : `: ${describe(result)}`}`);
      return result;
    } catch (cause) {
      if (cause instanceof StopRequested) throw cause;
      throw new PhaseFailed(name, cause);
    } finally {
      stopped.removeEventListener('abort', onStop);
    }
  };
}
