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
