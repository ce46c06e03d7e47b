import { readFileSync } from 'node:fs';
import { KvStore } from '@slipway/bus';
import { buckets, cellDiskSchema, cellPresenceSchema } from '@slipway/contracts';
import { describe, expect, test, vi } from 'vitest';
import { PATIENCE, useService } from '../testing/service-suite.ts';
import { engines } from '../testing/test-database.ts';

const sample = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../../packages/contracts/samples/${name}.json`, import.meta.url), 'utf8'));

describe.each(engines)('on $engine', ({ create }) => {
  const suite = useService(create);

  test('administrators see the cells and what their disks are used for, with the names of the apps', async () => {
    const { client } = await suite.start();
    const app = await suite.runApp(client, await suite.as('stager'));
    expect((await client.get('/v3/cells')).body.resources).toEqual([]);
    const cell = await suite.as('cell-rep', 'cell-1');
    const presence = cellPresenceSchema.parse(sample('cell-presence.v1'));
    await (await KvStore.open(cell, buckets.cells)).put('cell-1', { ...presence, cellId: 'cell-1' });
    await vi.waitFor(async () => {
      const { body } = await client.get('/v3/cells');
      expect(body.resources).toMatchObject([{ guid: 'cell-1', healthy: true, disk: null, isolation: null }]);
    }, PATIENCE);
    const isolated = cellPresenceSchema.parse(sample('cell-presence.v1-isolation'));
    await (await KvStore.open(cell, buckets.cells)).put('cell-1', { ...isolated, cellId: 'cell-1' });
    await vi.waitFor(async () => {
      const { body } = await client.get('/v3/cells');
      expect(body.resources[0].isolation).toEqual({
        user_ids: 'own',
        apparmor_profile: 'slipway-container',
        seccomp: true,
        cgroups: 'v2',
        disk_limits: 'project-quota',
      });
    }, PATIENCE);
    const disk = cellDiskSchema.parse(sample('cell-disk.v1-missing'));
    const apps = disk.apps.map((each) => ({ ...each, guid: app }));
    await (await KvStore.open(cell, buckets.cellDisks)).put('cell-1', { ...disk, cellId: 'cell-1', apps });
    await vi.waitFor(async () => {
      const { body } = await client.get('/v3/cells');
      expect(body.pagination.total_results).toBe(1);
      const [shown] = body.resources;
      const { bytes, shared_bytes: shared, exclusive_bytes: exclusive, reclaimable_bytes: free } = shown.disk.layers;
      expect(shared + exclusive + free).toBe(bytes);
      expect(shown.disk.images.map((image: { state: string }) => image.state)).toEqual(['current', 'unused']);
      expect(shown.disk.apps).toMatchObject([{ guid: app, name: expect.any(String), writable_bytes: 1_048_576 }]);
      const image = expect.stringMatching(/^registry\.example:5000\/team\/shop@sha256:/);
      expect(shown.wanted_images).toMatchObject({
        stored_count: 17,
        missing_count: 2,
        missing: [
          { image, reason: expect.stringContaining('403') },
          { image, reason: null },
        ],
      });
      expect(shown.disk.collections).toMatchObject({ removed_layers: 17, last_error: { code: 'LAYER_STORE_FAILED' } });
    }, PATIENCE);
  });
});
