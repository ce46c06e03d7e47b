import { describe, expect, test } from 'vitest';
import { useApi } from '../../testing/api-suite.ts';
import { type Answer, errorOf } from '../../testing/client.ts';
import { createApp } from '../../testing/fixtures.ts';
import { engines } from '../../testing/test-database.ts';
import { writeYaml } from '../adapters/yaml/write-yaml.ts';

describe.each(engines)('on $engine', ({ create }) => {
  const suite = useApi(create);
  const startedApp = async (instances = 3): Promise<string> => {
    const app = await createApp(suite.api.admin, suite.spaceGuid);
    await suite.assign(app, await suite.stage(app));
    await suite.api.admin.post(`/v3/processes/${app}/actions/scale`, { instances });
    await suite.api.admin.post(`/v3/apps/${app}/actions/start`);
    return app;
  };
  const deploy = (app: string, more: Record<string, unknown> = {}): Promise<Answer> =>
    suite.api.admin.post('/v3/deployments', { relationships: { app: { data: { guid: app } } }, ...more });
  const get = async (guid: string) => (await suite.api.admin.get(`/v3/deployments/${guid}`)).body;

  test('starts the new droplet beside the old one', async () => {
    const app = await startedApp();
    const [before] = await suite.lrpsOf(app);
    const previous = (await suite.api.admin.get(`/v3/apps/${app}/droplets/current`)).body.guid;
    const droplet = await suite.stage(app);
    const answer = await deploy(app, {
      droplet: { guid: droplet },
      strategy: 'rolling',
      // As the cf CLI sends it when only some are set.
      options: {
        max_in_flight: 2,
        web_instances: null,
        memory_in_mb: 77,
        disk_in_mb: null,
        log_rate_limit_in_bytes_per_second: null,
      },
      metadata: { labels: { a: 'b' } },
    });
    expect(answer.status).toBe(201);
    expect(answer.headers.location).toBeUndefined();
    expect(answer.body).toMatchObject({
      state: 'DEPLOYING',
      status: { value: 'ACTIVE', reason: 'DEPLOYING' },
      strategy: 'rolling',
      options: { max_in_flight: 2, memory_in_mb: 77 },
      droplet: { guid: droplet },
      previous_droplet: { guid: previous },
      relationships: { app: { data: { guid: app } } },
      metadata: { labels: { a: 'b' } },
    });
    const [old, fresh, ...others] = await suite.lrpsOf(app);
    expect(others).toEqual([]);
    expect(old).toEqual(before);
    expect(fresh?.processGuid).toBe(answer.body.new_processes[0].guid);
    expect(fresh?.state.instances).toBe(2);
    expect(fresh?.runInfo.resources.memoryMb).toBe(77);
    const listed = await suite.api.admin.get(
      `/v3/deployments?app_guids=${app}&status_values=ACTIVE&order_by=-created_at&page=1&per_page=1`,
    );
    expect(listed.body.resources).toEqual([answer.body]);
  });

  test('what it sets nobody else does meanwhile', async () => {
    const app = await startedApp();
    await deploy(app);
    const { admin } = suite.api;
    expect(errorOf(await admin.post(`/v3/apps/${app}/processes/web/actions/scale`, { instances: 9 })).code).toBe(
      390016,
    );
    expect(errorOf(await admin.patch(`/v3/processes/${app}`, { command: 'x' })).code).toBe(390017);
    expect(errorOf(await admin.post(`/v3/apps/${app}/actions/stop`)).code).toBe(390024);
    expect(errorOf(await admin.post(`/v3/apps/${app}/actions/restart`)).code).toBe(390024);
    expect((await admin.patch(`/v3/processes/${app}`, { metadata: { labels: { a: 'b' } } })).status).toBe(200);
  });

  test('a manifest says how many instances there shall be in the end', async () => {
    const app = await startedApp();
    const { guid } = (await deploy(app)).body;
    const { name } = (await suite.api.admin.get(`/v3/apps/${app}`)).body;
    const manifest = writeYaml({ applications: [{ name, instances: 5, memory: '55M' }] });
    const path = `/v3/spaces/${suite.spaceGuid}/actions/apply_manifest`;
    const applied = await suite.api.admin.send('POST', path, manifest, { 'content-type': 'application/x-yaml' });
    expect(applied.status).toBe(202);
    const row = await suite.api.db.selectFrom('deployments').selectAll().where('guid', '=', guid).executeTakeFirst();
    expect(row?.target_instances).toBe(5);
    expect((await suite.lrpsOf(app)).map(({ state }) => state.instances)).toEqual([3, 1]);
  });

  test('a stopped app is just started', async () => {
    const app = await createApp(suite.api.admin, suite.spaceGuid);
    const droplet = await suite.stage(app);
    const { body } = await deploy(app, { droplet: { guid: droplet }, options: { web_instances: 2 } });
    expect(body).toMatchObject({ state: 'DEPLOYED', status: { value: 'FINALIZED', reason: 'DEPLOYED' } });
    const lrps = await suite.lrpsOf(app);
    expect(lrps.map(({ processGuid, state }) => [processGuid, state.instances])).toEqual([[app, 2]]);
  });

  test('another one supersedes it', async () => {
    const app = await startedApp();
    const first = (await deploy(app)).body;
    const canary = (await deploy(app, { strategy: 'canary' })).body;
    const third = (await deploy(app)).body;
    expect(await get(first.guid)).toMatchObject({
      state: 'DEPLOYED',
      status: { value: 'FINALIZED', reason: 'SUPERSEDED' },
    });
    expect(await get(canary.guid)).toMatchObject({ state: 'CANCELED', status: { reason: 'SUPERSEDED' } });
    expect(third.status.value).toBe('ACTIVE');
    expect((await suite.lrpsOf(app)).map(({ state }) => state.instances)).toEqual([3, 1, 1, 1]);
    const row = await suite.api.db
      .selectFrom('deployments')
      .selectAll()
      .where('guid', '=', third.guid)
      .executeTakeFirst();
    expect(row?.target_instances).toBe(3);
  });

  test('cancelling goes back to the droplet that ran before', async () => {
    const app = await startedApp();
    const previous = (await suite.api.admin.get(`/v3/apps/${app}/droplets/current`)).body.guid;
    const { guid } = (await deploy(app, { droplet: { guid: await suite.stage(app) } })).body;
    const cancelled = await suite.api.admin.post(`/v3/deployments/${guid}/actions/cancel`);
    expect([cancelled.status, cancelled.body]).toEqual([200, {}]);
    expect(await get(guid)).toMatchObject({ state: 'CANCELING', status: { value: 'ACTIVE', reason: 'CANCELING' } });
    expect((await suite.api.admin.get(`/v3/apps/${app}/droplets/current`)).body.guid).toBe(previous);
    expect((await suite.api.admin.post(`/v3/deployments/${guid}/actions/cancel`)).status).toBe(200);
  });

  test('what has an end is neither cancelled nor continued', async () => {
    const app = await createApp(suite.api.admin, suite.spaceGuid);
    const { guid } = (await deploy(app, { droplet: { guid: await suite.stage(app) } })).body;
    expect(errorOf(await suite.api.admin.post(`/v3/deployments/${guid}/actions/cancel`)).detail).toBe(
      'Cannot cancel a DEPLOYED deployment',
    );
    expect(errorOf(await suite.api.admin.post(`/v3/deployments/${guid}/actions/continue`)).detail).toBe(
      'Cannot continue a deployment with status: FINALIZED and reason: DEPLOYED',
    );
    expect(errorOf(await suite.api.admin.get('/v3/deployments/none')).detail).toBe('Deployment not found');
  });

  test('a canary begins with the instances of its first step', async () => {
    const app = await startedApp(10);
    const steps = [{ instance_weight: 30 }, { instance_weight: 60 }];
    const { body } = await deploy(app, { strategy: 'canary', options: { max_in_flight: 5, canary: { steps } } });
    expect(body).toMatchObject({
      state: 'PREPAUSED',
      status: { value: 'ACTIVE', reason: 'DEPLOYING', canary: { steps: { current: 1, total: 2 } } },
      options: { max_in_flight: 5, canary: { steps } },
    });
    expect((await suite.lrpsOf(app)).map(({ state }) => state.instances)).toEqual([10, 3]);
  });

  test.each([
    [{ strategy: 'other' }, 'Strategy must be one of'],
    [{ options: { max_in_flight: 0 } }, 'Options max in flight must be greater than or equal to 1'],
    [{ options: { canary: { steps: [] } } }, 'only valid for Canary deployments'],
    [{ strategy: 'canary', options: { canary: { steps: [{ instance_weight: 0 }] } } }, 'greater than or equal to 1'],
    [
      { strategy: 'canary', options: { canary: { steps: [{ instance_weight: 9 }, { instance_weight: 9 }] } } },
      'ascending order',
    ],
    [{ options: { disk_in_mb: 9999 } }, 'Disk in mb must be less than or equal to 2048'],
    [{ droplet: { guid: 'none' } }, 'Unable to assign current droplet.'],
    [{ extra: 1 }, "Unknown field(s): 'extra'"],
  ])('%j is refused: %s', async (more, text) => {
    const app = await startedApp();
    expect(errorOf(await deploy(app, more))).toMatchObject({ status: 422, detail: expect.stringContaining(text) });
    expect(await suite.lrpsOf(app)).toHaveLength(1);
  });

  test('there must be an app, and something to start', async () => {
    const app = await createApp(suite.api.admin, suite.spaceGuid);
    expect(errorOf(await deploy(app)).detail).toContain('Invalid droplet.');
    expect(errorOf(await deploy('none')).detail).toContain('Unable to use app.');
  });

  test('goes with its app', async () => {
    const app = await startedApp();
    const { guid } = (await deploy(app)).body;
    expect((await suite.api.admin.delete(`/v3/apps/${app}`)).status).toBe(202);
    expect((await suite.api.admin.get(`/v3/deployments/${guid}`)).status).toBe(404);
    expect(await suite.lrpsOf(app)).toEqual([]);
  });
});
