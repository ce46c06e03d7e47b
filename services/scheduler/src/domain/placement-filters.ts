import type { CellPresence, DesiredLrp } from '@slipway/contracts';
import type { PassedOver } from './cell-status.ts';

/** A cell's capacity and what is taken of it by placements. */
export interface CellLoad {
  readonly presence: CellPresence;
  readonly memoryMb: number;
  readonly diskMb: number;
  readonly containers: number;
}

/** What is placed: an instance of an LRP, or a task. */
export type Workload = Pick<DesiredLrp, 'image' | 'resources' | 'placementTags'>;

/** A condition that a cell must meet. In the order of Diego's auction: the first that leaves no cell is the one told. */
export interface PlacementFilter {
  readonly name: string;
  check(cell: CellLoad, work: Workload): boolean;
  /** Diego's placement error when no cell of `candidates` (those that met the conditions before) meets this one. */
  explain(work: Workload, candidates: readonly CellLoad[]): string;
}

/** Diego's `rootfs` filter: an image of another platform runs nowhere here. */
const platform: PlacementFilter = {
  name: 'platform',
  check: ({ presence }, { image }) =>
    presence.platform.os === image.platform.os && presence.platform.architecture === image.platform.architecture,
  explain: () => 'found no compatible cell for required rootfs',
};

const placementTags: PlacementFilter = {
  name: 'placement tags',
  check: ({ presence }, { placementTags: wanted }) =>
    presence.placementTags.every((tag) => wanted.includes(tag)) &&
    wanted.every((tag) => presence.placementTags.includes(tag) || presence.optionalPlacementTags.includes(tag)),
  explain: ({ placementTags: wanted }) => {
    const quoted = wanted.map((tag) => `"${tag}"`);
    if (quoted.length === 0) return 'found no compatible cell with no placement tags';
    if (quoted.length === 1) return `found no compatible cell with placement tag ${quoted[0]}`;
    return `found no compatible cell with placement tags ${quoted.slice(0, -1).join(', ')} and ${quoted.at(-1)}`;
  },
};

const lacks = {
  // Diego lists them in alphabetical order.
  containers: ({ presence, containers }: CellLoad) => containers + 1 > presence.capacity.containers,
  disk: ({ presence, diskMb }: CellLoad, work: Workload) => diskMb + work.resources.diskMb > presence.capacity.diskMb,
  memory: ({ presence, memoryMb }: CellLoad, work: Workload) =>
    memoryMb + work.resources.memoryMb > presence.capacity.memoryMb,
} as const;

const resources: PlacementFilter = {
  name: 'resources',
  check: (cell, work) => !lacks.memory(cell, work) && !lacks.disk(cell, work) && !lacks.containers(cell),
  explain: (work, candidates) => {
    const everywhere = Object.entries(lacks).filter(([, lack]) => candidates.every((cell) => lack(cell, work)));
    if (everywhere.length === 0) return 'insufficient resources';
    return `insufficient resources: ${everywhere.map(([name]) => name).join(', ')}`;
  },
};

const filters: readonly PlacementFilter[] = [platform, placementTags, resources];

/** Whether the cell can take one more of it now. */
export function fits(cell: CellLoad, work: Workload): boolean {
  return filters.every((filter) => filter.check(cell, work));
}

export interface Refusal {
  readonly placementError: string;
  /** How many cells each filter refused. */
  readonly refusedBy: Readonly<Record<string, number>>;
}

const MAX_ERROR_LENGTH = 1_024;

const MAX_CELLS_NAMED = 5;

const WHY = { unhealthy: 'cannot create containers', evacuating: 'is being evacuated' } as const;

/** Names the cells that were not even asked. Who reads it may be no operator: what ails them is for those to see. */
function named(passedOver: readonly PassedOver[]): string {
  if (passedOver.length === 0) return '';
  const shown = passedOver.slice(0, MAX_CELLS_NAMED).map(({ cellId, why }) => `cell ${cellId} ${WHY[why]}`);
  const more = passedOver.length - shown.length;
  return ` (passed over: ${[...shown, ...(more > 0 ? [`${more} more`] : [])].join(', ')})`;
}

/** Why no cell takes it, in Diego's words, and which cells were passed over. */
export function explainRefusal(
  work: Workload,
  cells: readonly CellLoad[],
  passedOver: readonly PassedOver[] = [],
): Refusal {
  const { placementError, refusedBy } = refusalOf(work, cells);
  return { placementError: `${placementError}${named(passedOver)}`.slice(0, MAX_ERROR_LENGTH), refusedBy };
}

function refusalOf(work: Workload, cells: readonly CellLoad[]): Refusal {
  if (cells.length === 0) return { placementError: 'unable to communicate to compatible cells', refusedBy: {} };
  const refusedBy: Record<string, number> = {};
  let candidates = cells;
  for (const filter of filters) {
    const passed = candidates.filter((cell) => filter.check(cell, work));
    if (passed.length < candidates.length) refusedBy[filter.name] = candidates.length - passed.length;
    if (passed.length === 0) {
      return { placementError: filter.explain(work, candidates), refusedBy };
    }
    candidates = passed;
  }
  return { placementError: 'insufficient resources', refusedBy };
}

/** What is of one shape is refused by the same cells. */
export function shapeOf(work: Workload): string {
  const { os, architecture } = work.image.platform;
  const { memoryMb, diskMb } = work.resources;
  return JSON.stringify([os, architecture, memoryMb, diskMb, work.placementTags]);
}
