import { expect, test } from 'vitest';
import type { ListedCell } from './cell-listing.ts';
import { renderDisks } from './render-disks.ts';

const shares = { shared_bytes: 120_000_000, exclusive_bytes: 250_000_000, reclaimable_bytes: 0 };
const cell: ListedCell = {
  guid: 'cell-1',
  healthy: true,
  unhealthy_reason: null,
  disk: {
    measured_at: '2026-11-21T04:20:00Z',
    capacity_bytes: 52_600_000_000,
    free_bytes: 31_000_000_000,
    layers: {
      count: 5,
      bytes: 412_000_000,
      ...shares,
      reclaimable_bytes: 42_000_000,
      pinned_bytes: 370_000_000,
      in_use_bytes: 999,
    },
    containers: { count: 2, writable_bytes: 4_096, promised_bytes: 2_147_483_648 },
    limited_by: { kind: 'project-quota', reason: 'xfs mounted with prjquota' },
    collections: { count: 3, removed_layers: 17, removed_bytes: 2_100_000_000, last_error: null },
    image_count: 9,
    images: [
      {
        id: `sha256:${'a'.repeat(64)}`,
        reference: 'docker.io/library/nginx:1.27',
        state: 'current',
        containers: 2,
        ...shares,
      },
      {
        id: `sha256:${'b'.repeat(64)}`,
        reference: null,
        state: 'unused',
        containers: 0,
        ...shares,
        exclusive_bytes: 0,
      },
    ],
    app_count: 1,
    apps: [{ guid: 'g', name: 'shop', containers: 2, writable_bytes: 4_096, ...shares }],
  },
};

test('a cell is shown with its sums, its images and its apps, in columns', () => {
  expect(renderDisks([cell])).toBe(`Cell cell-1
  disk         52.6 GB, 31.0 GB free (41 % used by all), 2026-11-21T04:20:00Z
  layers       412 MB in 5: 120 MB shared, 250 MB exclusive, 42.0 MB reclaimable
  kept         370 MB pinned, 999 B below containers
  containers   2 have written 4.1 kB of 2.1 GB that they may
  limited by   project-quota (xfs mounted with prjquota)
  collections  3, of 17 layers with 2.1 GB

  image                         digest        kept as  containers  shared  exclusive  reclaimable
  docker.io/library/nginx:1.27  aaaaaaaaaaaa  current           2  120 MB     250 MB          0 B
  bbbbbbbbbbbb                  bbbbbbbbbbbb  unused            0  120 MB        0 B          0 B
  and 7 more, each of fewer bytes

  app   containers  shared  exclusive  reclaimable  writable
  shop           2  120 MB     250 MB          0 B    4.1 kB`);
});

test('a cell that is not well, one that has told nothing, and none at all are said to be so', () => {
  expect(renderDisks([{ ...cell, healthy: false, unhealthy_reason: 'the disk is full', disk: null }])).toBe(
    'Cell cell-1 (unhealthy: the disk is full)\n  has not told yet what its disk is used for',
  );
  const { disk } = cell;
  if (disk === null) throw new Error('no disk');
  const last_error = { code: 'LAYER_STORE_FAILED', message: 'EROFS', at: '2026-11-21T04:10:00Z' };
  const failed = { ...cell, disk: { ...disk, collections: { ...disk.collections, last_error } } };
  expect(renderDisks([failed])).toContain('last error   2026-11-21T04:10:00Z LAYER_STORE_FAILED: EROFS');
  const empty = { ...cell, disk: { ...disk, images: [], image_count: 0, apps: [], app_count: 0 } };
  expect(renderDisks([empty])).toMatch(/\n {2}no image is known here\n\n {2}no app is known here$/);
  expect(renderDisks([])).toBe('No cell is there.');
});
