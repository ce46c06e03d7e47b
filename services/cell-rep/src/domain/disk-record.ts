import type { CellDisk } from '@slipway/contracts';

/** Of images and of apps, the largest: with some hundred bytes for each a record stays far below a NATS message. */
const MOST_LISTED = 500;
const MOST_APPS_OF_IMAGE = 10;
const MOST_MISSING = 100;
const MAX_REASON_LENGTH = 500;

type Shares = Pick<CellDisk['apps'][number], 'sharedBytes' | 'exclusiveBytes' | 'reclaimableBytes'>;

/** The layer store's own account, as far as it is told to others. */
export interface DiskAccount {
  readonly disk: CellDisk['disk'];
  readonly layers: CellDisk['layers'];
  readonly containers: CellDisk['containers'];
  readonly images: readonly (Shares & {
    readonly id: string;
    readonly reference?: string;
    readonly pinned: boolean;
    readonly current: boolean;
    readonly leased: boolean;
    readonly containers: number;
    readonly layers: number;
    readonly apps: readonly string[];
  })[];
  readonly apps: readonly (Shares & {
    /** Empty for what is known to be of no app. */
    readonly guid: string;
    readonly images: readonly string[];
    readonly containers: number;
    readonly writableBytes: number;
  })[];
}

export interface CollectionAccount {
  readonly collections: number;
  readonly removedLayers: number;
  readonly removedBytes: number;
  readonly lastError: { readonly code: string; readonly message: string; readonly at: Date } | undefined;
}

/** How an image stands that the cell shall keep. */
export interface WantedAccount {
  readonly dropletGuid: string;
  readonly appGuid: string;
  readonly image: string;
  readonly state: 'stored' | 'missing' | 'failed';
  readonly reason?: string;
}

/** What is missing is what an operator looks for: that for which there is a reason first. */
export function wantedRecord(images: readonly WantedAccount[]): NonNullable<CellDisk['wanted']> {
  const missing = images.filter(({ state }) => state !== 'stored');
  const told = missing.toSorted((a, b) => Number(b.state === 'failed') - Number(a.state === 'failed'));
  return {
    storedCount: images.length - missing.length,
    missing: told.slice(0, MOST_MISSING).map(({ dropletGuid, appGuid, image, reason }) => ({
      dropletGuid,
      appGuid,
      image,
      ...(reason === undefined ? {} : { reason: reason.slice(0, MAX_REASON_LENGTH) }),
    })),
    missingCount: missing.length,
  };
}

/** The record of a cell's disk. Figures are whole bytes, for the shares of a guess may not be. */
export function diskRecord(cellId: string, now: Date, account: DiskAccount, collections: CollectionAccount): CellDisk {
  const { disk, layers, containers, images, apps } = account;
  const { lastError, ...figures } = collections;
  const ofApps = apps.filter(({ guid }) => guid !== '');
  return {
    v: 1,
    cellId,
    measuredAt: now.toISOString(),
    disk: whole(disk),
    layers: whole(layers),
    containers: whole(containers),
    collections: {
      ...whole(figures),
      ...(lastError === undefined ? {} : { lastError: { ...lastError, at: lastError.at.toISOString() } }),
    },
    images: images
      .slice(0, MOST_LISTED)
      .map((image) => ({ ...whole(image), apps: image.apps.slice(0, MOST_APPS_OF_IMAGE) })),
    imageCount: images.length,
    apps: ofApps.slice(0, MOST_LISTED).map((app) => ({ ...whole(app), images: app.images.length })),
    appCount: ofApps.length,
  };
}

function whole<T extends object>(figures: T): T {
  const entries = Object.entries(figures).map(([key, value]) => [
    key,
    typeof value === 'number' ? Math.max(0, Math.round(value)) : value,
  ]);
  return Object.fromEntries(entries) as T;
}
