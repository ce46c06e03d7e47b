import type { WantedImage } from '@slipway/contracts';
import { type KeptImage, keepersOf } from './keepers.ts';
import { expectedCells, type Membership, settledCells } from './membership.ts';

/** What the platform says of one image that instances may be started from at any time. */
export type Wanted = Pick<WantedImage, 'dropletGuid' | 'app' | 'current' | 'image' | 'placementTags'>;

export interface ImagePlan {
  /** To be kept on this cell, whether it is here yet or not. */
  readonly pins: readonly Wanted[];
  /** To be fetched if it is not here, in this order. */
  readonly fetch: readonly Wanted[];
}

/** Who plans. `dropletRegistry` is the host of the platform's own registry, if this cell is told of one. */
export interface PlanningCell {
  readonly cellId: string;
  readonly dropletRegistry: string | undefined;
}

/**
 * What this cell keeps so that a start never needs an upstream registry. A platform of one or two cells keeps everything
 * everywhere; of more cells two keep each image. What staging copied into the platform's own registry can be had from
 * there by any cell at any time, so none fetches it in advance; what is here of it and current is kept all the same.
 */
export function planImages(
  wanted: Iterable<Wanted>,
  members: Membership,
  { cellId, dropletRegistry }: PlanningCell,
  now: number,
): ImagePlan {
  const [expected, settled] = [expectedCells(members), settledCells(members, now)];
  const pins: Wanted[] = [];
  const fetch: Wanted[] = [];
  for (const each of wanted) {
    const kept: KeptImage = { ...each.image, placementTags: each.placementTags };
    // One in a registry that is no longer the platform's own is of no use.
    const copied = dropletRegistry !== undefined && each.image.copy?.registry === dropletRegistry;
    const mine = keepersOf(kept, expected).includes(cellId);
    // Whose turn it is may not have it yet, so whose turn it was holds on to it.
    if ((mine || keepersOf(kept, settled).includes(cellId)) && (each.current || !copied)) pins.push(each);
    if (mine && !copied) fetch.push(each);
  }
  return { pins: pins.sort(byUrgency), fetch: fetch.sort(byUrgency) };
}

/** What may be started at any moment comes before what can be gone back to. The guid makes the order total. */
function byUrgency(a: Wanted, b: Wanted): number {
  return Number(b.current) - Number(a.current) || (a.dropletGuid < b.dropletGuid ? -1 : 1);
}

/** What is pinned while not everything is known: all that was, and what is known to be wanted besides. */
export function pinsMeanwhile(before: readonly Wanted[], planned: readonly Wanted[]): readonly Wanted[] {
  const all = new Map(before.map((wanted) => [wanted.dropletGuid, wanted]));
  for (const wanted of planned) all.set(wanted.dropletGuid, wanted);
  return [...all.values()].sort(byUrgency);
}
