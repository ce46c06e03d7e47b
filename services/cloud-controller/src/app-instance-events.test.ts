import { randomUUID } from 'node:crypto';
import { KvStore } from '@slipway/bus';
import { buckets, type Instance, keys } from '@slipway/contracts';
import { describe, expect, test, vi } from 'vitest';
import { PATIENCE, useService } from '../testing/service-suite.ts';
import { engines } from '../testing/test-database.ts';

describe.each(engines)('on $engine', ({ create }) => {
  const suite = useService(create);

  test('a crash is noted once, also by a cloud-controller that comes later', async () => {
    const first = await suite.start();
    const view = await suite.followDesired();
    const app = await suite.runApp(first.client, await suite.as('stager'));
    await view.until('the app', () => view.lrps().length === 1);
    const store = await KvStore.open<Instance>(await suite.as('cell-rep', 'cell-1'), buckets.instances);
    const crash = async (instanceGuid: string, index: number): Promise<void> => {
      await store.put(keys.instance('cell-1', instanceGuid), {
        v: 1,
        instanceGuid,
        processGuid: view.lrps()[0]?.processGuid ?? '',
        index,
        cellId: 'cell-1',
        state: 'CRASHED',
        since: '2026-01-01T00:00:00.000Z',
        routable: false,
        crash: {
          phase: 'run',
          reason: 'APP/PROC/WEB: Exited with status 3',
          exitStatus: 3,
          outOfMemory: false,
          ranMs: 9,
        },
      });
    };
    const crashes = async (client: typeof first.client) =>
      (await client.get(`/v3/audit_events?target_guids=${app}&types=audit.app.process.crash`)).body.resources;
    const [one, two] = [randomUUID(), randomUUID()];
    await crash(one, 0);
    await vi.waitFor(async () => expect(await crashes(first.client)).toHaveLength(1), PATIENCE);
    expect((await crashes(first.client))[0]).toMatchObject({
      actor: { type: 'process', guid: app, name: 'web' },
      target: { guid: app, type: 'app', name: 'demo' },
      data: {
        instance: one,
        index: 0,
        cell_id: 'cell-1',
        reason: 'CRASHED',
        exit_description: 'APP/PROC/WEB: Exited with status 3',
        exit_status: 3,
      },
    });
    await first.service.stop();
    await crash(two, 1);
    const second = await suite.start();
    await vi.waitFor(async () => expect(await crashes(second.client)).toHaveLength(2), PATIENCE);
  });

  test('that an instance became ready or is so no more is noted, each time once', async () => {
    const first = await suite.start();
    const view = await suite.followDesired();
    const app = await suite.runApp(first.client, await suite.as('stager'));
    await view.until('the app', () => view.lrps().length === 1);
    const store = await KvStore.open<Instance>(await suite.as('cell-rep', 'cell-1'), buckets.instances);
    const instanceGuid = randomUUID();
    const set = async (ready: boolean, second: number): Promise<void> => {
      await store.put(keys.instance('cell-1', instanceGuid), {
        v: 1,
        instanceGuid,
        processGuid: view.lrps()[0]?.processGuid ?? '',
        index: 0,
        cellId: 'cell-1',
        state: 'RUNNING',
        since: '2026-01-01T00:00:00.000Z',
        routable: ready,
        readiness: { ready, since: `2026-01-01T00:00:0${second}.000Z` },
      });
    };
    const events = async (client: typeof first.client): Promise<string[]> => {
      const types = 'audit.app.process.ready,audit.app.process.not-ready';
      const { body } = await client.get(`/v3/audit_events?target_guids=${app}&types=${types}&order_by=created_at`);
      return body.resources.map((event: { type: string }) => event.type.slice('audit.app.process.'.length));
    };
    await set(true, 1);
    await vi.waitFor(async () => expect(await events(first.client)).toEqual(['ready']), PATIENCE);
    await set(false, 2);
    await vi.waitFor(async () => expect(await events(first.client)).toEqual(['ready', 'not-ready']), PATIENCE);
    await first.service.stop();
    const second = await suite.start();
    await set(true, 3);
    await vi.waitFor(
      async () => expect(await events(second.client)).toEqual(['ready', 'not-ready', 'ready']),
      PATIENCE,
    );
  });
});
