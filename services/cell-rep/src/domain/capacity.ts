import type { CellPresence } from '@slipway/contracts';

type Capacity = CellPresence['capacity'];

/** What the operator has set; a field that is absent follows the machine. */
export interface CapacitySettings {
  readonly memoryMb: number | undefined;
  readonly diskMb: number | undefined;
  readonly containers: number;
}

export interface Machine {
  readonly memoryMb: number;
  /** Of the file system that holds the containers, free or already used by them. */
  readonly diskMb: number;
}

// For the system and the platform's own processes: an eighth of the machine, at least half a gibibyte.
const RESERVE_SHARE = 8;
const MIN_RESERVE_MB = 512;

/** What the scheduler may give to instances in all. */
export function cellCapacity(settings: CapacitySettings, machine: Machine): Capacity {
  const reserve = Math.max(MIN_RESERVE_MB, Math.floor(machine.memoryMb / RESERVE_SHARE));
  return {
    memoryMb: settings.memoryMb ?? Math.max(0, machine.memoryMb - reserve),
    diskMb: settings.diskMb ?? Math.max(0, machine.diskMb),
    containers: settings.containers,
  };
}

/** What one instance or task may take of it. */
export interface Claim {
  readonly memoryMb: number;
  readonly diskMb: number;
}

/** What is left of it; never less than nothing, also where more is placed than there is. */
export function freeCapacity(capacity: Capacity, claims: readonly Claim[]): Capacity {
  const left = (all: number, taken: number): number => Math.max(0, all - taken);
  return {
    memoryMb: left(
      capacity.memoryMb,
      claims.reduce((sum, { memoryMb }) => sum + memoryMb, 0),
    ),
    diskMb: left(
      capacity.diskMb,
      claims.reduce((sum, { diskMb }) => sum + diskMb, 0),
    ),
    containers: left(capacity.containers, claims.length),
  };
}
