import { cellDiskSchema } from '@slipway/contracts';
import { expect, test } from 'vitest';
import { type DiskAccount, diskRecord, type WantedAccount, wantedRecord } from './disk-record.ts';

const shares = { sharedBytes: 1.5, exclusiveBytes: 2, reclaimableBytes: 0 };
const guid = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const account = (images: number): DiskAccount => ({
  disk: { capacityBytes: 100, freeBytes: 50 },
  layers: { count: 1, bytes: 3.5, ...shares, pinnedBytes: 0, inUseBytes: 0, leasedBytes: 0 },
  containers: { count: 1, writableBytes: 4096, promisedBytes: 1_073_741_824 },
  images: Array.from({ length: images }, (_, n) => ({
    id: `sha256:${String(n).padStart(64, '0')}`,
    reference: `registry.example/an/image/with/a/long/name:${n}`,
    pinned: true,
    current: true,
    leased: false,
    containers: 1,
    layers: 1,
    apps: Array.from({ length: 50 }, (_, app) => guid(app)),
    ...shares,
  })),
  apps: [
    { guid: '', images: ['x'], containers: 0, writableBytes: 0, ...shares },
    ...Array.from({ length: images }, (_, n) => ({
      guid: guid(n),
      images: ['x', 'y'],
      containers: 1,
      writableBytes: 7,
      ...shares,
    })),
  ],
});
const collections = { collections: 1, removedLayers: 2, removedBytes: 3.25, lastError: undefined };
const now = new Date('2026-11-21T00:00:00Z');

test('a record is one of whole bytes that everybody can read', () => {
  const lastError = { code: 'LAYER_STORE_FAILED', message: 'EROFS', at: now };
  const record = diskRecord('cell-1', now, account(2), { ...collections, lastError });
  expect(cellDiskSchema.parse(record)).toEqual(record);
  expect(record).toMatchObject({ imageCount: 2, appCount: 2, collections: { removedBytes: 3 } });
  expect(record.apps.map((app) => app.guid)).toEqual([guid(0), guid(1)]);
  expect(record.collections.lastError?.at).toBe('2026-11-21T00:00:00.000Z');
});

test('however many images and apps there are, it fits into a message and says how many there are', () => {
  const record = diskRecord('cell-1', now, account(3_000), collections);
  expect(record).toMatchObject({ imageCount: 3_000, appCount: 3_000 });
  expect(record.images.length).toBe(500);
  expect(JSON.stringify(record).length).toBeLessThan(600_000);
});

test('of the images that shall be here those are named that are not, first the ones for which there is a reason', () => {
  const image = (n: number, state: WantedAccount['state'], reason?: string): WantedAccount => ({
    dropletGuid: guid(n),
    appGuid: guid(n),
    image: `r.test/app@sha256:${String(n).padStart(64, '0')}`,
    state,
    ...(reason === undefined ? {} : { reason }),
  });
  const many = Array.from({ length: 300 }, (_, n) => image(n, 'missing'));
  const wanted = wantedRecord([image(500, 'stored'), ...many, image(501, 'failed', 'x'.repeat(5_000))]);
  expect(wanted).toMatchObject({ storedCount: 1, missingCount: 301 });
  expect(wanted.missing).toHaveLength(100);
  expect(wanted.missing[0]).toMatchObject({ dropletGuid: guid(501), reason: 'x'.repeat(500) });
  const record = { ...diskRecord('cell-1', now, account(3_000), collections), wanted };
  expect(cellDiskSchema.parse(record)).toEqual(record);
  expect(JSON.stringify(record).length).toBeLessThan(700_000);
});
