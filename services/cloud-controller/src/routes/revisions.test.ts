import { describe, expect, test } from 'vitest';
import { useApi } from '../../testing/api-suite.ts';
import { type Answer, errorOf } from '../../testing/client.ts';
import { createApp } from '../../testing/fixtures.ts';
import { engines } from '../../testing/test-database.ts';

describe.each(engines)('on $engine', ({ create }) => {
  const suite = useApi(create);
  const startedApp = async (): Promise<string> => {
    const app = await createApp(suite.api.admin, suite.spaceGuid);
    await suite.assign(app, await suite.stage(app));
    await suite.api.admin.patch(`/v3/apps/${app}/environment_variables`, { var: { MODE: 'one' } });
    await suite.api.admin.post(`/v3/apps/${app}/actions/start`);
    return app;
  };
  const act = (app: string, action: string): Promise<Answer> =>
    suite.api.admin.post(`/v3/apps/${app}/actions/${action}`);
  const revisionsOf = async (app: string, query = 'order_by=-created_at') =>
    (await suite.api.admin.get(`/v3/apps/${app}/revisions?${query}`)).body.resources;
  const deploy = (app: string, more: Record<string, unknown>): Promise<Answer> =>
    suite.api.admin.post('/v3/deployments', { relationships: { app: { data: { guid: app } } }, ...more });

  test('each start of something else is a revision', async () => {
    const app = await startedApp();
    const [first, ...none] = await revisionsOf(app);
    expect(none).toEqual([]);
    expect(first).toMatchObject({
      version: 1,
      description: 'Initial revision.',
      deployable: true,
      processes: { web: { command: null } },
      sidecars: [],
      relationships: { app: { data: { guid: app } } },
      metadata: { labels: {}, annotations: {} },
    });
    await act(app, 'restart');
    await act(app, 'stop');
    await act(app, 'start');
    expect(await revisionsOf(app)).toHaveLength(1);

    await suite.assign(app, await suite.stage(app));
    await suite.api.admin.patch(`/v3/apps/${app}/environment_variables`, { var: { MODE: 'two' } });
    await suite.api.admin.patch(`/v3/processes/${app}`, { command: 'serve' });
    expect(await revisionsOf(app)).toHaveLength(1);
    await act(app, 'restart');
    expect((await revisionsOf(app))[0]).toMatchObject({
      version: 2,
      description:
        "New droplet deployed. New environment variables deployed. Custom start command added for 'web' process.",
      processes: { web: { command: 'serve' } },
    });
    expect(await revisionsOf(app, 'versions=1&page=1&per_page=2')).toMatchObject([{ guid: first.guid }]);
    expect(await revisionsOf(app, 'versions=x')).toEqual([]);
  });

  test('the one that runs is told from the others', async () => {
    const app = await startedApp();
    const deployed = async () => (await suite.api.admin.get(`/v3/apps/${app}/revisions/deployed`)).body.resources;
    const [first] = await revisionsOf(app);
    expect(await deployed()).toEqual([first]);
    expect((await suite.api.admin.get(`/v3/processes/${app}`)).body.relationships.revision.data.guid).toBe(first.guid);
    const { body } = await deploy(app, { droplet: { guid: await suite.stage(app) } });
    expect(body.revision).toMatchObject({ version: 2 });
    expect((await deployed()).map(({ version }: { version: number }) => version)).toEqual([1, 2]);
    const other = await startedApp();
    await act(other, 'stop');
    expect((await suite.api.admin.get(`/v3/apps/${other}/revisions/deployed`)).body.resources).toEqual([]);
  });

  test('its variables are for those who may see secrets, and lie encrypted', async () => {
    const app = await startedApp();
    const [{ guid, links }] = await revisionsOf(app);
    const path = new URL(links.environment_variables.href).pathname;
    expect(path).toBe(`/v3/revisions/${guid}/environment_variables`);
    expect((await suite.api.admin.get(path)).body.var).toEqual({ MODE: 'one' });
    const row = await suite.api.db.selectFrom('revisions').selectAll().where('guid', '=', guid).executeTakeFirst();
    expect(JSON.stringify(row)).not.toContain('MODE');
    const patched = await suite.api.admin.patch(`/v3/revisions/${guid}`, { metadata: { labels: { a: 'b' } } });
    expect(patched.body.metadata.labels).toEqual({ a: 'b' });
  });

  test('rolling back brings droplet, variables and commands back, as a new revision', async () => {
    const app = await startedApp();
    const first = (await suite.lrpsOf(app))[0];
    const [revision] = await revisionsOf(app);
    await suite.assign(app, await suite.stage(app));
    await suite.api.admin.patch(`/v3/apps/${app}/environment_variables`, { var: { MODE: 'two', MORE: 'x' } });
    await suite.api.admin.patch(`/v3/processes/${app}`, { command: 'serve' });
    await act(app, 'restart');

    const { status, body } = await deploy(app, { revision: { guid: revision.guid }, strategy: 'rolling' });
    expect([status, body.droplet.guid, body.revision.version]).toEqual([201, revision.droplet.guid, 3]);
    const rolled = (await suite.lrpsOf(app)).find(({ processGuid }) => processGuid === body.new_processes[0].guid);
    expect(rolled?.runInfo.action.argv).toEqual(first?.runInfo.action.argv);
    expect(rolled?.runInfo.image).toEqual(first?.runInfo.image);
    expect(rolled?.runInfo.action.environment).toMatchObject({ MODE: 'one' });
    expect(rolled?.runInfo.action.environment.MORE).toBeUndefined();
    expect((await revisionsOf(app))[0]).toMatchObject({
      version: 3,
      description: expect.stringMatching(/^New droplet deployed\..* Rolled back to revision 1\.$/),
    });
  });

  test('what cannot be rolled back to says why', async () => {
    const app = await startedApp();
    const [latest] = await revisionsOf(app);
    const to = (guid: string, more = {}) => deploy(app, { revision: { guid }, ...more });
    expect(errorOf(await to(latest.guid)).detail).toContain('is the same as the deployed revision.');
    expect(errorOf(await to('none')).detail).toBe('The revision does not exist');
    expect(errorOf(await to(latest.guid, { droplet: { guid: latest.droplet.guid } })).status).toBe(422);
    const other = await startedApp();
    expect(errorOf(await to((await revisionsOf(other))[0].guid)).detail).toBe('The revision does not exist');
    await suite.assign(app, await suite.stage(app));
    await act(app, 'restart');
    await suite.api.db.deleteFrom('droplets').where('guid', '=', latest.droplet.guid).execute();
    expect(errorOf(await to(latest.guid)).detail).toContain('the droplet for this revision no longer exists.');
    expect((await revisionsOf(app, 'versions=1'))[0].deployable).toBe(false);
  });

  test('a stopped app is rolled back by being started', async () => {
    const app = await startedApp();
    const [revision] = await revisionsOf(app);
    await suite.api.admin.patch(`/v3/processes/${app}`, { command: 'serve' });
    await act(app, 'restart');
    await act(app, 'stop');
    expect((await deploy(app, { revision: { guid: revision.guid } })).body).toMatchObject({ state: 'DEPLOYED' });
    expect((await suite.lrpsOf(app))[0]?.runInfo.action.argv).toEqual(['/bin/server', '--dir', '/www']);
    expect((await revisionsOf(app))[0].description).toBe(
      "Custom start command removed for 'web' process. Rolled back to revision 1.",
    );
  });

  test('switched off, nothing is noted', async () => {
    const app = await createApp(suite.api.admin, suite.spaceGuid);
    await suite.assign(app, await suite.stage(app));
    const feature = `/v3/apps/${app}/features/revisions`;
    expect((await suite.api.admin.get(feature)).body.enabled).toBe(true);
    expect((await suite.api.admin.patch(feature, { enabled: false })).body.enabled).toBe(false);
    await act(app, 'start');
    expect(await revisionsOf(app)).toEqual([]);
    expect((await suite.api.admin.get(`/v3/processes/${app}`)).body.relationships.revision).toBeNull();
    await suite.api.admin.patch(feature, { enabled: true });
    await act(app, 'restart');
    expect(await revisionsOf(app)).toHaveLength(1);
  });

  test('a hundred are kept', async () => {
    const app = await startedApp();
    const [first] = await revisionsOf(app);
    await suite.api.db.updateTable('revisions').set({ version: 100 }).where('guid', '=', first.guid).execute();
    await suite.api.admin.patch(`/v3/processes/${app}`, { command: 'serve' });
    await act(app, 'restart');
    expect((await revisionsOf(app)).map(({ version }: { version: number }) => version)).toEqual([101, 100]);
    await suite.api.db.updateTable('revisions').set({ version: 1 }).where('guid', '=', first.guid).execute();
    await suite.api.admin.patch(`/v3/processes/${app}`, { command: 'other' });
    await act(app, 'restart');
    expect((await revisionsOf(app)).map(({ version }: { version: number }) => version)).toEqual([102, 101]);
    expect((await suite.api.admin.delete(`/v3/apps/${app}`)).status).toBe(202);
    expect((await suite.api.admin.get(`/v3/revisions/${first.guid}`)).status).toBe(404);
  });
});
