import { GardenError, type GardenPhase } from '../errors.ts';
import type { ContainerStep } from './container-steps.ts';

/** How long each step may take before it is given up: milliseconds. What hung is killed, and the step fails. */
export interface Deadlines {
  /** `runc create`. It takes 20 to 40 ms; on a machine that starts hundreds at once it takes its turn. */
  readonly createMs: number;
  /** `runc start`, and `runc exec` of each sidecar. */
  readonly startMs: number;
  /** From SIGKILL until processes and their cgroup are gone: a process may be writing back what it has mapped. */
  readonly endMs: number;
  /** One go at removing a container's files. The next goes on where it stopped. */
  readonly removeMs: number;
}

export const DEFAULT_DEADLINES: Deadlines = { createMs: 60_000, startMs: 30_000, endMs: 10_000, removeMs: 60_000 };

/** A step that was given up: its name and its deadline are in the message and in `details`. */
export function pastDeadline(
  { step, phase, what }: { readonly step: ContainerStep; readonly phase: GardenPhase; readonly what: string },
  deadlineMs: number,
  cause?: unknown,
): GardenError {
  return new GardenError('RUNTIME_TIMEOUT', phase, `${step}: ${what} did not end within ${deadlineMs} ms`, {
    details: { step, deadlineMs },
    ...(cause === undefined ? {} : { cause }),
  });
}
