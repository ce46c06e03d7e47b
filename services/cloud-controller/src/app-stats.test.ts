import { randomUUID } from 'node:crypto';
import { emitMessage, KvStore } from '@slipway/bus';
import { buckets, type Instance, instanceMetrics, keys, type PlacementRecord } from '@slipway/contracts';
import { describe, expect, test, vi } from 'vitest';
import { PATIENCE, useService } from '../testing/service-suite.ts';
import { engines } from '../testing/test-database.ts';

describe.each(engines)('on $engine', ({ create }) => {
  const suite = useService(create);

  test('stats show each desired instance from the first moment on, as scheduler and cells tell', async () => {
    const { client } = await suite.start();
    const view = await suite.followDesired();
    const app = await suite.runApp(client, await suite.as('stager'));
    await client.post(`/v3/apps/${app}/processes/web/actions/scale`, { instances: 4 });
    await view.until('four instances', () => view.lrps()[0]?.instances === 4);
    const stats = async () => (await client.get(`/v3/processes/${app}/stats`)).body.resources;
    expect((await stats()).map((entry: { state: string }) => entry.state)).toEqual(['DOWN', 'DOWN', 'DOWN', 'DOWN']);

    const processGuid = view.lrps()[0]?.processGuid ?? '';
    const placements = await KvStore.open<PlacementRecord>(await suite.as('scheduler'), buckets.placements);
    const cell = await suite.as('cell-rep', 'cell-1');
    const instances = await KvStore.open<Instance>(cell, buckets.instances);
    const now = new Date().toISOString();
    const guids = [randomUUID(), randomUUID()];
    for (const [index, instanceGuid] of guids.entries()) {
      await placements.put(keys.placed('cell-1', instanceGuid), {
        v: 1,
        kind: 'placed',
        processGuid,
        index,
        instanceGuid,
        cellId: 'cell-1',
        crashCount: 0,
        placedAt: now,
        memoryMb: 1024,
        diskMb: 1024,
      });
    }
    const unplaced = { v: 1 as const, kind: 'unplaced' as const, processGuid, crashCount: 0, since: now };
    await placements.put(keys.unplaced(processGuid, 2), {
      ...unplaced,
      index: 2,
      state: 'UNCLAIMED',
      placementError: 'insufficient resources: memory',
    });
    await placements.put(keys.unplaced(processGuid, 3), {
      ...unplaced,
      index: 3,
      state: 'CRASHED',
      crashReason: 'APP/PROC/WEB: Exited with status 1',
      crashCount: 3,
    });
    const common = { v: 1 as const, processGuid, cellId: 'cell-1', since: now };
    await instances.put(keys.instance('cell-1', guids[0] ?? ''), {
      ...common,
      instanceGuid: guids[0] ?? '',
      index: 0,
      state: 'RUNNING',
      routable: true,
      address: '10.254.0.2',
      ports: [{ containerPort: 8080, hostPort: 8080 }],
    });
    await instances.put(keys.instance('cell-1', guids[1] ?? ''), {
      ...common,
      instanceGuid: guids[1] ?? '',
      index: 1,
      state: 'CLAIMED',
      phase: 'pulling',
      routable: false,
    });
    emitMessage(cell, instanceMetrics, {
      cellId: 'cell-1',
      timestamp: '1',
      instances: [
        {
          instanceGuid: guids[0] ?? '',
          processGuid,
          index: 0,
          cpu: 0.25,
          cpuEntitlement: 1.5,
          memoryBytes: 1000,
          diskBytes: 2000,
          logBytesPerSecond: 3,
          ageMs: 5,
        },
      ],
    });
    await vi.waitFor(async () => expect((await stats())[0].usage.mem).toBe(1000), PATIENCE);
    await vi.waitFor(async () => expect((await stats())[3].state).toBe('CRASHED'), PATIENCE);
    expect(await stats()).toMatchObject([
      {
        index: 0,
        state: 'RUNNING',
        instance_guid: guids[0],
        instance_internal_ip: '10.254.0.2',
        instance_ports: [{ external: 8080, internal: 8080 }],
        details: null,
        usage: { cpu: 0.25, cpu_entitlement: 1.5, mem: 1000, disk: 2000, log_rate: 3 },
        mem_quota: 1024 * 1024 * 1024,
      },
      { index: 1, state: 'STARTING', phase: 'pulling', details: null },
      { index: 2, state: 'DOWN', details: 'insufficient resources: memory' },
      { index: 3, state: 'CRASHED', details: 'APP/PROC/WEB: Exited with status 1' },
    ]);

    expect((await client.delete(`/v3/apps/${app}/processes/web/instances/0`)).status).toBe(204);
    await view.until('the instance to be replaced', () => view.lrps()[0]?.retire?.[0] === guids[0]);
    expect((await client.delete(`/v3/processes/${app}/instances/9`)).body.errors[0].detail).toBe('Instance not found');
  });
});
