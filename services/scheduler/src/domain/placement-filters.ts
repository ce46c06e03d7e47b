import type { CellPresence, DesiredLrp } from '@slipway/contracts';

/** A cell's capacity and what is taken of it by placements. */
export interface CellLoad {
  readonly presence: CellPresence;
  readonly memoryMb: number;
  readonly diskMb: number;
  readonly containers: number;
}

/** A condition that a cell must meet. In the order of Diego's auction: the first that leaves no cell is the one told. */
export interface PlacementFilter {
  readonly name: string;
  check(cell: CellLoad, lrp: DesiredLrp): boolean;
  /** Diego's placement error when no cell of `candidates` (those that met the conditions before) meets this one. */
  explain(lrp: DesiredLrp, candidates: readonly CellLoad[]): string;
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
  disk: ({ presence, diskMb }: CellLoad, lrp: DesiredLrp) => diskMb + lrp.resources.diskMb > presence.capacity.diskMb,
  memory: ({ presence, memoryMb }: CellLoad, lrp: DesiredLrp) =>
    memoryMb + lrp.resources.memoryMb > presence.capacity.memoryMb,
} as const;

const resources: PlacementFilter = {
  name: 'resources',
  check: (cell, lrp) => !lacks.memory(cell, lrp) && !lacks.disk(cell, lrp) && !lacks.containers(cell),
  explain: (lrp, candidates) => {
    const everywhere = Object.entries(lacks).filter(([, lack]) => candidates.every((cell) => lack(cell, lrp)));
    if (everywhere.length === 0) return 'insufficient resources';
    return `insufficient resources: ${everywhere.map(([name]) => name).join(', ')}`;
  },
};

const filters: readonly PlacementFilter[] = [platform, placementTags, resources];

/** Whether the cell can take one instance of the LRP now. */
export function fits(cell: CellLoad, lrp: DesiredLrp): boolean {
  return filters.every((filter) => filter.check(cell, lrp));
}

export interface Refusal {
  readonly placementError: string;
  /** How many cells each filter refused. */
  readonly refusedBy: Readonly<Record<string, number>>;
}

const MAX_ERROR_LENGTH = 1_024;

/** Why no cell takes it, in Diego's words. */
export function explainRefusal(lrp: DesiredLrp, cells: readonly CellLoad[]): Refusal {
  if (cells.length === 0) return { placementError: 'unable to communicate to compatible cells', refusedBy: {} };
  const refusedBy: Record<string, number> = {};
  let candidates = cells;
  for (const filter of filters) {
    const passed = candidates.filter((cell) => filter.check(cell, lrp));
    if (passed.length < candidates.length) refusedBy[filter.name] = candidates.length - passed.length;
    if (passed.length === 0) {
      return { placementError: filter.explain(lrp, candidates).slice(0, MAX_ERROR_LENGTH), refusedBy };
    }
    candidates = passed;
  }
  return { placementError: 'insufficient resources', refusedBy };
}

/** LRPs of one shape are refused by the same cells. */
export function shapeOf(lrp: DesiredLrp): string {
  const { os, architecture } = lrp.image.platform;
  const { memoryMb, diskMb } = lrp.resources;
  return JSON.stringify([os, architecture, memoryMb, diskMb, lrp.placementTags]);
}
