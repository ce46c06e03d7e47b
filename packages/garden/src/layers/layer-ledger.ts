import type { DiskSpace } from '../sys/disk-space.ts';
import type { ImageName } from './image-name.ts';

/** Somebody for whom layers are kept. */
export interface LayerHold {
  readonly by: 'pin' | 'container' | 'lease';
  readonly image: ImageName;
  /** Of a pin: it is what the app runs now, not what it could go back to. */
  readonly current?: boolean;
  readonly diffIds: readonly string[];
  /** Of a container: bytes of what it has written itself. */
  readonly writableBytes?: number;
  /** Of a container: bytes that it may write in all; absent without a limit. */
  readonly promisedBytes?: number | undefined;
}

/** An image that was here once, and whose layers may still be. */
export interface KnownImage {
  readonly id: string;
  readonly reference?: string | undefined;
  /** Guids of apps that it was asked for, the latest last. */
  readonly apps: readonly string[];
  readonly diffIds: readonly string[];
}

export interface LedgerState {
  readonly disk: DiskSpace;
  readonly layers: readonly { readonly diffId: string; readonly bytes: number }[];
  readonly holds: readonly LayerHold[];
  readonly known: readonly KnownImage[];
}

/**
 * Bytes of layers by what would become of them: `exclusive` ones go when their only image (or app) does, `shared` ones
 * belong to several, and `reclaimable` ones are kept for nobody. Each layer is in one of the three.
 */
export interface LedgerBytes {
  readonly sharedBytes: number;
  readonly exclusiveBytes: number;
  readonly reclaimableBytes: number;
}

export interface ImageUse extends LedgerBytes {
  readonly id: string;
  readonly reference?: string;
  readonly pinned: boolean;
  /** Pinned as what an app runs now. */
  readonly current: boolean;
  readonly containers: number;
  readonly leased: boolean;
  /** Guids. */
  readonly apps: readonly string[];
  /** Of its layers, how many are in the store. */
  readonly layers: number;
}

export interface AppUse extends LedgerBytes {
  readonly guid: string;
  readonly name?: string;
  /** Ids. */
  readonly images: readonly string[];
  readonly containers: number;
  /** What its containers have written. */
  readonly writableBytes: number;
}

/** What the disk of a cell is used for, as far as images and containers are concerned. */
export interface LayerLedger {
  readonly disk: DiskSpace;
  readonly layers: LedgerBytes & {
    readonly count: number;
    /** The sum of shared, exclusive and reclaimable. */
    readonly bytes: number;
    /** Of these, kept for a pin, for a container, for a lease; a layer may be in all three. */
    readonly pinnedBytes: number;
    readonly inUseBytes: number;
    readonly leasedBytes: number;
  };
  /** `promisedBytes`: what those that have a limit may have in all; `writableBytes` are part of it. */
  readonly containers: { readonly count: number; readonly writableBytes: number; readonly promisedBytes: number };
  /** Largest first. */
  readonly images: readonly ImageUse[];
  readonly apps: readonly AppUse[];
}

/** Adds up who has what. A layer is shared when two images have it; for apps, when two apps have. */
export function layerLedger({ disk, layers, holds, known }: LedgerState): LayerLedger {
  const bytesOf = new Map(layers.map(({ diffId, bytes }) => [diffId, bytes]));
  const sum = (diffIds: Iterable<string>): number => total(diffIds, (diffId) => bytesOf.get(diffId) ?? 0);
  const byImage = owners(bytesOf, holds, ({ image }) => image.id);
  // Held for no app known is held all the same: by nobody's name, which is a name too.
  const byApp = owners(bytesOf, holds, ({ image }) => image.app?.guid ?? '');
  const heldBy = (by: LayerHold['by']): number =>
    sum(new Set(holds.filter((hold) => hold.by === by).flatMap(({ diffIds }) => diffIds)));
  const containers = holds.filter(({ by }) => by === 'container');
  const categories = { sharedBytes: 0, exclusiveBytes: 0, reclaimableBytes: 0 };
  for (const { diffId, bytes } of layers) categories[categoryOf(byImage.get(diffId))] += bytes;
  return {
    disk,
    layers: {
      count: layers.length,
      bytes: sum(bytesOf.keys()),
      ...categories,
      pinnedBytes: heldBy('pin'),
      inUseBytes: heldBy('container'),
      leasedBytes: heldBy('lease'),
    },
    containers: {
      count: containers.length,
      writableBytes: total(containers, writable),
      promisedBytes: total(containers, ({ promisedBytes }) => promisedBytes ?? 0),
    },
    images: imageUses(bytesOf, byImage, holds, known),
    apps: appUses(bytesOf, byApp, holds, known),
  };
}

type Category = keyof LedgerBytes;
type Owners = ReadonlyMap<string, ReadonlySet<string>>;

function categoryOf(owners: ReadonlySet<string> | undefined): Category {
  if (owners === undefined || owners.size === 0) return 'reclaimableBytes';
  return owners.size === 1 ? 'exclusiveBytes' : 'sharedBytes';
}

/** Who holds each layer that is here. */
function owners(
  bytesOf: ReadonlyMap<string, number>,
  holds: readonly LayerHold[],
  name: (hold: LayerHold) => string,
): Owners {
  const found = new Map<string, Set<string>>();
  for (const hold of holds) {
    for (const diffId of hold.diffIds) {
      if (!bytesOf.has(diffId)) continue;
      const names = found.get(diffId) ?? new Set();
      found.set(diffId, names.add(name(hold)));
    }
  }
  return found;
}

/** The bytes of one owner's layers: those that it shares, has alone, and those that nobody keeps. */
function bytesFor(
  bytesOf: ReadonlyMap<string, number>,
  held: Owners,
  own: string,
  diffIds: Iterable<string>,
): LedgerBytes {
  const bytes = { sharedBytes: 0, exclusiveBytes: 0, reclaimableBytes: 0 };
  for (const diffId of new Set(diffIds)) {
    const names = held.get(diffId);
    const others = names !== undefined && names.size > 0 && !names.has(own);
    bytes[others ? 'sharedBytes' : categoryOf(names)] += bytesOf.get(diffId) ?? 0;
  }
  return bytes;
}

function imageUses(
  bytesOf: ReadonlyMap<string, number>,
  held: Owners,
  holds: readonly LayerHold[],
  known: readonly KnownImage[],
): readonly ImageUse[] {
  const knownById = new Map(known.map((image) => [image.id, image]));
  const holdsById = Map.groupBy(holds, ({ image }) => image.id);
  const uses = [...new Set([...holdsById.keys(), ...knownById.keys()])].map((id): ImageUse => {
    const own = holdsById.get(id) ?? [];
    const before = knownById.get(id);
    const diffIds = new Set([...own.flatMap((hold) => hold.diffIds), ...(before?.diffIds ?? [])]);
    const reference = own.find(({ image }) => image.reference !== undefined)?.image.reference ?? before?.reference;
    const apps = new Set(own.flatMap(({ image }) => (image.app === undefined ? [] : [image.app.guid])));
    return {
      id,
      ...(reference === undefined ? {} : { reference }),
      pinned: own.some(({ by }) => by === 'pin'),
      current: own.some(({ current }) => current === true),
      containers: own.filter(({ by }) => by === 'container').length,
      leased: own.some(({ by }) => by === 'lease'),
      apps: [...(apps.size > 0 ? apps : (before?.apps ?? []))],
      layers: [...diffIds].filter((diffId) => bytesOf.has(diffId)).length,
      ...bytesFor(bytesOf, held, id, diffIds),
    };
  });
  return largestFirst(uses, ({ id }) => id);
}

function appUses(
  bytesOf: ReadonlyMap<string, number>,
  held: Owners,
  holds: readonly LayerHold[],
  known: readonly KnownImage[],
): readonly AppUse[] {
  const holdsByApp = Map.groupBy(holds, ({ image }) => image.app?.guid ?? '');
  const guids = new Set([...holdsByApp.keys(), ...known.flatMap(({ apps }) => apps)]);
  const uses = [...guids].map((guid): AppUse => {
    const own = holdsByApp.get(guid) ?? [];
    const before = known.filter(({ apps }) => apps.includes(guid));
    // What it had once, and others have now, is nothing of its own any more.
    const free = before.flatMap(({ diffIds }) => diffIds.filter((diffId) => !held.has(diffId)));
    const name = own.find(({ image }) => image.app?.name !== undefined)?.image.app?.name;
    const containers = own.filter(({ by }) => by === 'container');
    return {
      guid,
      ...(name === undefined ? {} : { name }),
      images: [...new Set([...own.map(({ image }) => image.id), ...before.map(({ id }) => id)])],
      containers: containers.length,
      writableBytes: total(containers, writable),
      ...bytesFor(bytesOf, held, guid, [...own.flatMap(({ diffIds }) => diffIds), ...free]),
    };
  });
  return largestFirst(uses, ({ guid }) => guid);
}

const writable = ({ writableBytes }: LayerHold): number => writableBytes ?? 0;

function total<T>(items: Iterable<T>, of: (item: T) => number): number {
  let sum = 0;
  for (const item of items) sum += of(item);
  return sum;
}

function largestFirst<T extends LedgerBytes>(uses: readonly T[], name: (use: T) => string): readonly T[] {
  const all = (use: T): number => use.exclusiveBytes + use.sharedBytes + use.reclaimableBytes;
  return uses.toSorted((a, b) => all(b) - all(a) || (name(a) < name(b) ? -1 : 1));
}
