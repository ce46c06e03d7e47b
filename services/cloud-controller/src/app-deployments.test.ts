import { randomUUID } from 'node:crypto';
import { KvStore } from '@slipway/bus';
import { buckets, type DesiredLrp, type Instance, keys } from '@slipway/contracts';
import { describe, expect, test, vi } from 'vitest';
import type { Client } from '../testing/client.ts';
import { PATIENCE, useService } from '../testing/service-suite.ts';
import { engines } from '../testing/test-database.ts';

const CELL = 'cell-1';
const text = (counts: readonly (readonly [string, number])[]): string =>
  counts
    .map(([guid, instances]) => `${guid} ${instances}`)
    .sort((a, b) => a.localeCompare(b))
    .join();

describe.each(engines)('on $engine', ({ create }) => {
  const suite = useService(create);

  /** An app whose instances run when the test lets them: the test is the cell. */
  const setUp = async (instances: number) => {
    const { client } = await suite.start({ DEPLOYMENT_STEP_INTERVAL_MS: '50' });
    const view = await suite.followDesired();
    const stager = await suite.as('stager');
    const app = await suite.runApp(client, stager);
    await client.post(`/v3/apps/${app}/processes/web/actions/scale`, { instances });
    const store = await KvStore.open<Instance>(await suite.as('cell-rep', CELL), buckets.instances);
    const lrp = (process: string): DesiredLrp | undefined =>
      view.lrps().find(({ processGuid }) => processGuid.startsWith(process));
    const running = new Map<string, string>();
    const put = async (process: string, index: number, routable: boolean): Promise<void> => {
      const key = `${process} ${index}`;
      const instanceGuid = running.get(key) ?? randomUUID();
      running.set(key, instanceGuid);
      await store.put(keys.instance(CELL, instanceGuid), {
        v: 1,
        instanceGuid,
        processGuid: lrp(process)?.processGuid ?? '',
        index,
        cellId: CELL,
        state: 'RUNNING',
        since: new Date().toISOString(),
        routable,
      });
    };
    const run = async (process: string, ...indices: number[]): Promise<void> => {
      for (const index of indices) await put(process, index, true);
    };
    /** It runs, and is not ready. */
    const runUnready = (process: string, index: number): Promise<void> => put(process, index, false);
    const stop = async (process: string, index: number): Promise<void> => {
      await store.delete(keys.instance(CELL, running.get(`${process} ${index}`) ?? ''));
    };
    /** `[old, new, …]` instances that shall run. */
    const until = (...wanted: readonly (readonly [string, number])[]): Promise<void> =>
      view.until(text(wanted), () => {
        const now = view.lrps().map((record) => [record.process.guid, record.instances] as const);
        return text(now) === text(wanted);
      });
    await until([app, instances]);
    await run(app, ...Array.from({ length: instances }, (_, index) => index));
    const droplet = await suite.stage(client, stager, app);
    return { client, app, droplet, run, runUnready, stop, until };
  };

  const deploy = async (client: Client, app: string, more: Record<string, unknown>) => {
    const answer = await client.post('/v3/deployments', { relationships: { app: { data: { guid: app } } }, ...more });
    expect(answer.status).toBe(201);
    return { deployment: answer.body.guid as string, fresh: answer.body.new_processes[0].guid as string };
  };
  const ends = (client: Client, guid: string, reason: string, value = 'FINALIZED'): Promise<void> =>
    vi.waitFor(async () => {
      const { body } = await client.get(`/v3/deployments/${guid}`);
      expect(body.status).toMatchObject({ value, reason });
    }, PATIENCE);

  test('old instances go one by one as new ones serve, and the new process becomes the web process', async () => {
    const { client, app, droplet, run, until } = await setUp(2);
    const { deployment, fresh } = await deploy(client, app, { droplet: { guid: droplet } });
    await until([app, 2], [fresh, 1]);
    await run(fresh, 0);
    await until([app, 1], [fresh, 2]);
    await run(fresh, 1);
    await until([fresh, 2]);
    await ends(client, deployment, 'DEPLOYED');
    expect((await client.get(`/v3/apps/${app}/processes`)).body.resources).toMatchObject([
      { guid: fresh, type: 'web' },
    ]);
    expect((await client.get(`/v3/apps/${app}/processes/web`)).body).toMatchObject({ guid: fresh, instances: 2 });
    expect((await client.post(`/v3/apps/${app}/processes/web/actions/scale`, { instances: 1 })).status).toBe(202);
    await until([fresh, 1]);
  });

  test('an instance that runs and is not ready takes the place of no other, and is waited for', async () => {
    const { client, app, droplet, run, runUnready, until } = await setUp(2);
    const { deployment, fresh } = await deploy(client, app, { droplet: { guid: droplet } });
    await until([app, 2], [fresh, 1]);
    await runUnready(fresh, 0);
    const state = async () => {
      const { body } = await client.get(`/v3/apps/${app}/processes/web/stats`);
      return body.resources.map((entry: { state: string; routable: boolean }) => [entry.state, entry.routable]);
    };
    await vi.waitFor(async () => expect(await state()).toEqual([['RUNNING', false]]), PATIENCE);
    const before = (await client.get(`/v3/deployments/${deployment}`)).body;
    expect(before.status).toMatchObject({ value: 'ACTIVE', reason: 'DEPLOYING' });
    await until([app, 2], [fresh, 1]);
    await run(fresh, 0);
    await until([app, 1], [fresh, 2]);
    await runUnready(fresh, 1);
    await run(fresh, 1);
    await until([fresh, 2]);
    await ends(client, deployment, 'DEPLOYED');
  });

  test('cancelled, the old ones come back before the new ones go', async () => {
    const { client, app, droplet, run, stop, until } = await setUp(2);
    const { deployment, fresh } = await deploy(client, app, { droplet: { guid: droplet } });
    await until([app, 2], [fresh, 1]);
    await run(fresh, 0);
    await until([app, 1], [fresh, 2]);
    await stop(app, 1);
    expect((await client.post(`/v3/deployments/${deployment}/actions/cancel`)).status).toBe(200);
    // One old instance serves: of the new ones one is still needed.
    await until([app, 2], [fresh, 1]);
    await run(app, 1);
    await until([app, 2]);
    await ends(client, deployment, 'CANCELED');
    expect((await client.get(`/v3/apps/${app}/droplets/current`)).body.guid).not.toBe(droplet);
  });

  test('a canary waits for a word, then the rest follows', async () => {
    const { client, app, droplet, run, until } = await setUp(2);
    const { deployment, fresh } = await deploy(client, app, { droplet: { guid: droplet }, strategy: 'canary' });
    await until([app, 2], [fresh, 1]);
    await run(fresh, 0);
    await ends(client, deployment, 'PAUSED', 'ACTIVE');
    await until([app, 2], [fresh, 1]);
    expect((await client.post(`/v3/deployments/${deployment}/actions/continue`)).status).toBe(200);
    await until([app, 1], [fresh, 2]);
    await run(fresh, 1);
    await until([fresh, 2]);
    await ends(client, deployment, 'DEPLOYED');
  });
});
