import type { DiskMarks } from './disk-marks.ts';

/** A layer of the store, as far as its removal is concerned. */
export interface CollectableLayer {
  readonly name: string;
  /** What its removal gives back. */
  readonly bytes: number;
  /** Milliseconds since the epoch. */
  readonly lastUsedAt: number;
  /** Pinned, leased, or below a container: never removed. */
  readonly kept: boolean;
}

export interface CollectionState {
  readonly freeBytes: number;
  readonly marks: DiskMarks;
  /** Promised to downloads under way, and not written yet. */
  readonly reservedBytes: number;
  /** Asked for by downloads that wait for room. */
  readonly neededBytes: number;
  /** A collection has begun, and goes on to the low watermark. */
  readonly begun: boolean;
  readonly layers: readonly CollectableLayer[];
}

/**
 * Which layers to remove, in this order: nothing while there is room above the high watermark for all that was promised
 * and asked for; else the least recently used of those that nobody keeps, as many as reach the low watermark, or all.
 */
export function decideCollection(state: CollectionState): readonly string[] {
  const { marks } = state;
  let room = state.freeBytes - state.reservedBytes - state.neededBytes;
  if (room >= (state.begun ? marks.untilBytes : marks.beginBytes)) return [];
  const remove: string[] = [];
  for (const layer of leastRecentlyUsed(state.layers)) {
    if (room >= marks.untilBytes) break;
    remove.push(layer.name);
    room += layer.bytes;
  }
  return remove;
}

/** Of the same moment, as the layers of one image are: the smaller first, which is the one that costs less to fetch. */
function leastRecentlyUsed(layers: readonly CollectableLayer[]): readonly CollectableLayer[] {
  return layers
    .filter(({ kept }) => !kept)
    .sort((a, b) => a.lastUsedAt - b.lastUsedAt || a.bytes - b.bytes || (a.name < b.name ? -1 : 1));
}
