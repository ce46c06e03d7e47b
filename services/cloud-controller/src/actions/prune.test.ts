import { describe, expect, test } from 'vitest';
import { useApi } from '../../testing/api-suite.ts';
import { createApp, createBuild, createPackage } from '../../testing/fixtures.ts';
import { engines } from '../../testing/test-database.ts';

type Counted = 'packages' | 'droplets' | 'builds' | 'deployments' | 'revisions';

describe.each(engines)('on $engine', ({ create }) => {
  const suite = useApi(create);
  const guidsOf = async (table: Counted, app: string): Promise<string[]> => {
    const rows = await suite.api.db
      .selectFrom(table)
      .select('guid')
      .where('app_guid', '=', app)
      .orderBy('id')
      .execute();
    return rows.map(({ guid }) => guid);
  };

  test('of packages and droplets five are kept, besides those that are used', async () => {
    const { admin } = suite.api;
    const app = await createApp(admin, suite.spaceGuid);
    const [running, current] = [await suite.stage(app), await suite.stage(app)];
    await suite.assign(app, running);
    await admin.post(`/v3/apps/${app}/actions/start`);
    await suite.assign(app, current);
    const { body: droplet } = await admin.get(`/v3/droplets/${current}`);
    const packageOfCurrent: string = droplet.links.package.href.split('/').at(-1);
    const later: string[] = [];
    for (let i = 0; i < 8; i++) later.push(await suite.stage(app));
    expect(await guidsOf('droplets', app)).toEqual([running, current, ...later.slice(-5)]);
    const staging = await createPackage(admin, app);
    await createBuild(admin, staging);
    const packages: string[] = [];
    for (let i = 0; i < 8; i++) packages.push(await createPackage(admin, app));
    expect(await guidsOf('packages', app)).toEqual([packageOfCurrent, staging, ...packages.slice(-5)]);
    const kept = later.at(-1) ?? '';
    await admin.patch(`/v3/droplets/${kept}`, { metadata: { labels: { a: 'b' } } });
    for (let i = 0; i < 5; i++) await createPackage(admin, app);
    expect((await admin.get(`/v3/droplets/${kept}`)).body.metadata.labels).toEqual({ a: 'b' });
  });

  test('of builds and deployments that are over a hundred are kept', async () => {
    const { admin, db } = suite.api;
    const app = await createApp(admin, suite.spaceGuid);
    await suite.assign(app, await suite.stage(app));
    await admin.post('/v3/deployments', { relationships: { app: { data: { guid: app } } } });
    const [build] = await db.selectFrom('builds').selectAll().where('app_guid', '=', app).execute();
    const [deployment] = await db.selectFrom('deployments').selectAll().where('app_guid', '=', app).execute();
    if (build === undefined || deployment === undefined) throw new Error('nothing to copy');
    const { id: _, ...buildRow } = build;
    const { id: __, ...deploymentRow } = deployment;
    const guids = Array.from({ length: 110 }, () => suite.api.platform.newGuid());
    await db
      .insertInto('builds')
      .values(guids.map((guid) => ({ ...buildRow, guid })))
      .execute();
    await db
      .insertInto('deployments')
      .values(guids.map((guid) => ({ ...deploymentRow, guid })))
      .execute();
    await createBuild(admin, await createPackage(admin, app));
    await admin.post('/v3/deployments', { relationships: { app: { data: { guid: app } } } });
    // Besides the one that is under way.
    expect(await guidsOf('builds', app)).toHaveLength(101);
    expect(await guidsOf('deployments', app)).toHaveLength(101);
  });

  test('of revisions a hundred are kept', async () => {
    const { admin, db } = suite.api;
    const app = await createApp(admin, suite.spaceGuid);
    await suite.assign(app, await suite.stage(app));
    await admin.post(`/v3/apps/${app}/actions/start`);
    const [revision] = await db.selectFrom('revisions').selectAll().where('app_guid', '=', app).execute();
    if (revision === undefined) throw new Error('nothing to copy');
    const { id: _, ...row } = revision;
    // What a revision holds is sealed under its guid: the newest has to be a real one.
    const older = Array.from({ length: 104 }, (__, index) => ({
      ...row,
      guid: suite.api.platform.newGuid(),
      version: index - 103,
    }));
    await db.insertInto('revisions').values(older).execute();
    await db.updateTable('revisions').set({ version: 105 }).where('guid', '=', revision.guid).execute();
    await db
      .updateTable('revisions')
      .set((eb) => ({ version: eb('version', '+', 104) }))
      .where('guid', '!=', revision.guid)
      .where('app_guid', '=', app)
      .execute();
    await admin.patch(`/v3/apps/${app}/environment_variables`, { var: { A: '1' } });
    await admin.post(`/v3/apps/${app}/actions/restart`);
    const versions = await db.selectFrom('revisions').select('version').where('app_guid', '=', app).execute();
    expect(versions.map(({ version }) => version).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 100 }, (__, index) => index + 7),
    );
  });
});
