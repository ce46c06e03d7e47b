import type { CellPresence } from '@slipway/contracts';
import type { PassedOver } from './cell-status.ts';
import { type CellLoad, explainRefusal, fits, type Refusal, shapeOf, type Workload } from './placement-filters.ts';

// Diego's auction: `LocalityOffset`, and auctioneer's `starting_container_weight`.
const LOCALITY_WEIGHT = 1_000;
const STARTING_WEIGHT = 0.25;

interface FleetCell extends CellLoad {
  memoryMb: number;
  diskMb: number;
  containers: number;
  /** Placed and not running yet. */
  starting: number;
  /** The part of its score that does not depend on what is placed. */
  load: number;
}

/** Cells of one zone by rising load. */
interface Zone {
  readonly name: string;
  readonly cells: FleetCell[];
  readonly largest: { memoryMb: number; diskMb: number; containers: number };
  sorted: boolean;
}

/** What an instance or a task takes of a cell. */
export interface Share {
  readonly cellId: string;
  readonly memoryMb: number;
  readonly diskMb: number;
  readonly starting: boolean;
}

/** Where the instances of one process are, or all tasks. */
export class Spread {
  readonly #byCell = new Map<string, number>();

  add(cellId: string): void {
    this.#byCell.set(cellId, this.on(cellId) + 1);
  }

  on(cellId: string): number {
    return this.#byCell.get(cellId) ?? 0;
  }

  get cells(): Iterable<readonly [cellId: string, instances: number]> {
    return this.#byCell;
  }
}

const fraction = (part: number, whole: number): number => (whole > 0 ? part / whole : 1);

/**
 * The cells that take work, with what placements take of them. Scores as Diego's auction does: balance over zones,
 * then few instances of one process on a cell, then the load (memory, disk and containers by a third each) with a
 * quarter for each starting container. Cells of a zone are held by load, so that a choice looks at few of them.
 */
export class Fleet {
  readonly #cells = new Map<string, FleetCell>();
  readonly #zones = new Map<string, Zone>();
  /** Shapes that no cell took. Nothing gets free while choices are made, so they need not be tried again. */
  readonly #refused = new Set<string>();
  readonly #refusals = new Map<string, Refusal>();

  readonly #passedOver: readonly PassedOver[];

  /** `passedOver`: cells that take no work, to be named when nothing else takes it either. */
  constructor(presences: Iterable<CellPresence>, passedOver: readonly PassedOver[] = []) {
    this.#passedOver = passedOver;
    for (const presence of presences) {
      const cell: FleetCell = { presence, memoryMb: 0, diskMb: 0, containers: 0, starting: 0, load: 0 };
      this.#cells.set(presence.cellId, cell);
      const zone = this.#zoneOf(presence.zone);
      zone.cells.push(cell);
      for (const resource of ['memoryMb', 'diskMb', 'containers'] as const) {
        zone.largest[resource] = Math.max(zone.largest[resource], presence.capacity[resource]);
      }
    }
  }

  occupy(share: Share): void {
    this.#account(share, 1);
  }

  release(share: Share): void {
    this.#account(share, -1);
  }

  /**
   * The cell with the lowest score, or undefined when none can take it. Instances are balanced over zones first; for
   * tasks all zones are one.
   */
  choose(work: Workload, spread: Spread, zones: 'balanced' | 'as-one' = 'balanced'): string | undefined {
    const shape = shapeOf(work);
    if (this.#refused.has(shape)) return undefined;
    for (const group of this.#zonesByInstances(zones === 'as-one' ? new Spread() : spread)) {
      const best = bestOf(group, work, spread);
      // A zone with fewer instances of the process wins, whatever its load.
      if (best !== undefined) return best.presence.cellId;
    }
    this.#refused.add(shape);
    return undefined;
  }

  /** Why no cell takes it now. */
  explain(work: Workload): Refusal {
    const shape = shapeOf(work);
    let refusal = this.#refusals.get(shape);
    if (refusal === undefined) {
      refusal = explainRefusal(work, [...this.#cells.values()], this.#passedOver);
      this.#refusals.set(shape, refusal);
    }
    return refusal;
  }

  #account(share: Share, sign: 1 | -1): void {
    const cell = this.#cells.get(share.cellId);
    if (cell === undefined) return;
    const zone = this.#zoneOf(cell.presence.zone);
    const place = zone.sorted ? positionOf(zone.cells, cell) : -1;
    cell.memoryMb += sign * share.memoryMb;
    cell.diskMb += sign * share.diskMb;
    cell.containers += sign;
    if (share.starting) cell.starting += sign;
    cell.load = loadOf(cell);
    if (place < 0) return;
    zone.cells.splice(place, 1);
    zone.cells.splice(positionOf(zone.cells, cell), 0, cell);
  }

  #zoneOf(name: string): Zone {
    let zone = this.#zones.get(name);
    if (zone === undefined) {
      zone = { name, cells: [], largest: { memoryMb: 0, diskMb: 0, containers: 0 }, sorted: false };
      this.#zones.set(name, zone);
    }
    return zone;
  }

  /** Zones in groups of as many instances of the process, the fewest first. */
  #zonesByInstances(spread: Spread): readonly (readonly Zone[])[] {
    const instances = new Map<string, number>();
    for (const [cellId, count] of spread.cells) {
      const zone = this.#cells.get(cellId)?.presence.zone;
      if (zone !== undefined) instances.set(zone, (instances.get(zone) ?? 0) + count);
    }
    const groups = Map.groupBy(this.#zones.values(), (zone) => instances.get(zone.name) ?? 0);
    for (const zone of this.#zones.values()) {
      if (!zone.sorted) zone.cells.sort(byLoad);
      zone.sorted = true;
    }
    return [...groups].toSorted(([a], [b]) => a - b).map(([, zones]) => zones);
  }
}

function bestOf(zones: readonly Zone[], work: Workload, spread: Spread): FleetCell | undefined {
  let best: FleetCell | undefined;
  let bestScore = Number.POSITIVE_INFINITY;
  for (const zone of zones) {
    // No cell of the zone can gain less by taking it than one of the zone's largest capacities would.
    const leastGain = gain(work, zone.largest);
    for (const cell of zone.cells) {
      if (cell.load + leastGain >= bestScore) break;
      if (!fits(cell, work)) continue;
      const score = cell.load + gain(work, cell.presence.capacity) + LOCALITY_WEIGHT * spread.on(cell.presence.cellId);
      if (score < bestScore) {
        best = cell;
        bestScore = score;
      }
    }
  }
  return best;
}

function loadOf(cell: FleetCell): number {
  const { capacity } = cell.presence;
  const used =
    fraction(cell.memoryMb, capacity.memoryMb) +
    fraction(cell.diskMb, capacity.diskMb) +
    fraction(cell.containers, capacity.containers);
  return used / 3 + STARTING_WEIGHT * cell.starting;
}

function gain({ resources }: Workload, capacity: CellPresence['capacity']): number {
  const taken =
    fraction(resources.memoryMb, capacity.memoryMb) +
    fraction(resources.diskMb, capacity.diskMb) +
    fraction(1, capacity.containers);
  return taken / 3 + STARTING_WEIGHT;
}

/** The id makes the order total, so that equal cells are taken in an order that tests can name. */
function byLoad(a: FleetCell, b: FleetCell): number {
  return a.load - b.load || (a.presence.cellId < b.presence.cellId ? -1 : 1);
}

/** Where the cell is, or belongs, among cells sorted by `byLoad`. */
function positionOf(cells: readonly FleetCell[], cell: FleetCell): number {
  let low = 0;
  let high = cells.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const other = cells[middle];
    if (other !== undefined && other !== cell && byLoad(other, cell) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
