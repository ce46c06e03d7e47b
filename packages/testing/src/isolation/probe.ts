import type { SystemCall } from './machine-code.ts';

/**
 * What came of a probe: `ok` when what it tried was done, `refused` when a script could not do it; for system calls the
 * name of the error of the last one (EPERM and ENOSYS are a filter's, other errors come from inside the kernel), or
 * `killed`.
 */
export type ProbeOutcome = string;

/** Something that a container tries. None does harm when it succeeds: it opens, asks or connects, and goes no further. */
export interface Probe {
  readonly name: string;
  /** By the shell, as root of the container; `ok` when it exits with 0. */
  readonly script?: string;
  /** Or by system calls; only on x86-64. */
  readonly calls?: readonly SystemCall[];
  /** What comes of it in a container of Slipway. */
  readonly slipway: ProbeOutcome;
  /** Where AppArmor holds the container and that makes a difference. */
  readonly withAppArmor?: ProbeOutcome;
}

export interface ProbeFamily {
  readonly title: string;
  readonly probes: readonly Probe[];
}

/**
 * What scripts know: `$SECRET_A` and `$SECRET_B`, whose concatenation is in the host's secrets; `$OUTSIDE`, a directory of
 * the host that everybody may read; `$HOST_PID`, a process of it; `$GATEWAY`; `$NEIGHBOUR`, another container's address.
 */
export const PROBE_VARIABLES = ['SECRET_A', 'SECRET_B', 'OUTSIDE', 'HOST_PID', 'NEIGHBOUR'] as const;
export type ProbeVariables = Readonly<Record<(typeof PROBE_VARIABLES)[number], string>>;
