import { type Instance, keys, type Placement, type Unplaced } from '@slipway/contracts';
import type { CellStatus, CellStatuses } from './cell-status.ts';
import type { ClusterState } from './cluster-state.ts';

/** A placement with what its cell says of it. */
export interface Placed {
  readonly key: string;
  /** Absent when it is being written in this very decision. */
  readonly revision: number | undefined;
  readonly placement: Placement;
  /** Undefined until its cell has taken it up. */
  readonly instance: Instance | undefined;
  readonly where: CellStatus;
}

/** An instance that says it is there and has no placement, nor was one of it ever removed. */
export interface Stray {
  readonly instance: Instance;
  readonly where: CellStatus;
}

export interface WaitingRecord {
  readonly key: string;
  readonly revision: number;
  readonly record: Unplaced;
}

/** All that is known of one index of one process. */
export interface Slot {
  readonly placed: Placed[];
  readonly strays: Stray[];
  waiting: WaitingRecord | undefined;
}

/** By process guid and index. */
export type Inventory = Map<string, Map<number, Slot>>;

const PLACED_PREFIX = 'placed.';

/** Joins placements and instances by index. */
export function takeInventory(state: ClusterState, cells: CellStatuses): Inventory {
  const inventory: Inventory = new Map();
  for (const [key, { value, revision }] of state.placements) {
    const slot = slotOf(inventory, value.processGuid, value.index);
    if (value.kind === 'unplaced') {
      slot.waiting = { key, revision, record: value };
      continue;
    }
    const instance = state.instances.get(key.slice(PLACED_PREFIX.length))?.value;
    const own = instance?.processGuid === value.processGuid && instance.index === value.index;
    slot.placed.push({
      key,
      revision,
      placement: value,
      instance: own ? instance : undefined,
      where: cells.of(value.cellId),
    });
  }
  for (const [key, { value: instance }] of state.instances) {
    if (instance.state !== 'RUNNING' && instance.state !== 'CLAIMED') continue;
    const placementKey = PLACED_PREFIX + key;
    if (state.placements.has(placementKey) || state.removedPlacements.has(placementKey)) continue;
    if (keys.instance(instance.cellId, instance.instanceGuid) !== key) continue;
    const where = cells.of(instance.cellId);
    if (where === 'absent') continue;
    slotOf(inventory, instance.processGuid, instance.index).strays.push({ instance, where });
  }
  return inventory;
}

function slotOf(inventory: Inventory, processGuid: string, index: number): Slot {
  let slots = inventory.get(processGuid);
  if (slots === undefined) {
    slots = new Map();
    inventory.set(processGuid, slots);
  }
  let slot = slots.get(index);
  if (slot === undefined) {
    slot = { placed: [], strays: [], waiting: undefined };
    slots.set(index, slot);
  }
  return slot;
}
