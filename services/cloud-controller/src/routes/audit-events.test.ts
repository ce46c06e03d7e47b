import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { useApi } from '../../testing/api-suite.ts';
import { errorOf } from '../../testing/client.ts';
import { createApp, createRoute, createSpace } from '../../testing/fixtures.ts';
import { engines } from '../../testing/test-database.ts';
import { writeYaml } from '../adapters/yaml/write-yaml.ts';
import { forgetOldEvents } from '../handlers/forget-old-events.ts';

describe.each(engines)('on $engine', ({ create }) => {
  const suite = useApi(create);
  const eventsOf = async (guid: string, query = '') =>
    (await suite.api.admin.get(`/v3/audit_events?target_guids=${guid}&order_by=-created_at${query}`)).body.resources;
  const typesOf = async (guid: string): Promise<string[]> =>
    (await eventsOf(guid, '&per_page=200')).map(({ type }: { type: string }) => type).reverse();

  test('tells the story of an app, without its secrets', async () => {
    const { admin } = suite.api;
    const userGuid = randomUUID();
    const scopes = ['cloud_controller.read', 'cloud_controller.write', 'cloud_controller.admin'];
    const client = suite.api.as(await suite.issuer.token({ userGuid, scopes }));
    const app = await createApp(client, suite.spaceGuid);
    const droplet = await suite.stage(app);
    await suite.assign(app, droplet);
    await client.patch(`/v3/apps/${app}`, { metadata: { labels: { a: 'b' } } });
    await client.patch(`/v3/apps/${app}/environment_variables`, { var: { KEY: 'secret-word' } });
    await client.patch(`/v3/processes/${app}`, { command: 'run secret-word' });
    await client.post(`/v3/apps/${app}/actions/start`);
    await client.post(`/v3/processes/${app}/actions/scale`, { instances: 2 });
    const route = await createRoute(client, suite.spaceGuid, `audit-${app.slice(0, 8)}`);
    await client.post(`/v3/routes/${route}/destinations`, { destinations: [{ app: { guid: app } }] });
    await client.delete(`/v3/routes/${route}`);
    const deployment = (await client.post('/v3/deployments', { relationships: { app: { data: { guid: app } } } })).body;
    await client.post(`/v3/deployments/${deployment.guid}/actions/cancel`);
    await client.delete(`/v3/apps/${app}`);
    expect(await typesOf(app)).toEqual(
      [
        'process.create',
        'create',
        'package.create',
        'build.create',
        'build.staged',
        'droplet.create',
        'droplet.mapped',
        'update',
        'update',
        'process.update',
        'revision.create',
        'start',
        'process.scale',
        'map-route',
        'unmap-route',
        'deployment.create',
        'deployment.cancel',
        'delete-request',
      ].map((type) => `audit.app.${type}`),
    );
    expect(await typesOf(route)).toEqual(['audit.route.create', 'audit.route.delete-request']);
    const events = await eventsOf(app, '&per_page=200');
    expect(JSON.stringify(events)).not.toContain('secret-word');
    const created = events.find(({ type }: { type: string }) => type === 'audit.app.create');
    expect(created).toMatchObject({
      actor: { guid: userGuid, type: 'user' },
      target: { guid: app, type: 'app' },
      data: { request: { lifecycle: { type: 'docker' } } },
      space: { guid: suite.spaceGuid },
      organization: { guid: suite.organizationGuid },
    });
    // The suite stages on behalf of the administrator who asked for the build.
    const staged = events.find(({ type }: { type: string }) => type === 'audit.app.build.staged');
    expect(staged.actor).toEqual({ guid: 'admin-guid', type: 'user', name: 'admin' });
    expect((await admin.get(`/v3/audit_events/${created.guid}`)).body).toEqual(created);
    const scaled = await eventsOf(app, '&types=audit.app.process.scale,other');
    expect(scaled).toMatchObject([{ data: { process_type: 'web', request: { instances: 2 } } }]);
  });

  test('what failed is not told', async () => {
    const app = await createApp(suite.api.admin, suite.spaceGuid);
    expect((await suite.api.admin.post(`/v3/apps/${app}/actions/start`)).status).toBe(422);
    expect(await typesOf(app)).toEqual(['audit.app.process.create', 'audit.app.create']);
  });

  test('a manifest tells of itself and of each thing that it changes', async () => {
    const name = `app-${randomUUID().slice(0, 8)}`;
    const manifest = { applications: [{ name, docker: { image: 'x' }, instances: 2, 'no-route': true }] };
    await suite.api.admin.send('POST', `/v3/spaces/${suite.spaceGuid}/actions/apply_manifest`, writeYaml(manifest), {
      'content-type': 'application/x-yaml',
    });
    const { guid } = (await suite.api.admin.get(`/v3/apps?names=${name}`)).body.resources[0];
    expect(await typesOf(guid)).toEqual([
      'audit.app.process.create',
      'audit.app.create',
      'audit.app.apply_manifest',
      'audit.app.process.scale',
    ]);
  });

  test('spaces and organizations are told of, also when they are gone', async () => {
    const { spaceGuid, organizationGuid } = await createSpace(suite.api.admin);
    await suite.api.admin.patch(`/v3/spaces/${spaceGuid}`, { name: 'renamed' });
    await suite.api.admin.delete(`/v3/organizations/${organizationGuid}`);
    expect(await typesOf(spaceGuid)).toEqual(
      ['create', 'update', 'delete-request'].map((what) => `audit.space.${what}`),
    );
    expect(await typesOf(organizationGuid)).toEqual(['audit.organization.create', 'audit.organization.delete-request']);
    expect((await eventsOf(spaceGuid))[0].organization).toEqual({ guid: organizationGuid });
  });

  test('nobody sees what happened where he sees nothing', async () => {
    const app = await createApp(suite.api.admin, suite.spaceGuid);
    const [{ guid }] = await eventsOf(app, '&types=audit.app.create');
    const userGuid = randomUUID();
    const token = await suite.issuer.token({ userGuid, scopes: ['cloud_controller.read'] });
    const client = suite.api.as(token);
    const seen = async () => (await client.get(`/v3/audit_events?target_guids=${app}`)).body.resources.length;
    expect(await seen()).toBe(0);
    expect(errorOf(await client.get(`/v3/audit_events/${guid}`)).detail).toBe('Event not found');
    const now = new Date().toISOString();
    const role = { guid: randomUUID(), created_at: now, updated_at: now, type: 'space_auditor', user_guid: userGuid };
    const row = { ...role, organization_guid: null, space_guid: suite.spaceGuid };
    await suite.api.db.insertInto('roles').values(row).execute();
    expect(await seen()).toBe(2);
    expect((await client.get(`/v3/audit_events/${guid}`)).status).toBe(200);
  });

  test('old events are forgotten', async () => {
    const app = await createApp(suite.api.admin, suite.spaceGuid);
    const inDays = (days: number) => (): Date => new Date(Date.now() + days * 24 * 3_600_000);
    await forgetOldEvents(suite.api.writer, 31, inDays(30));
    expect(await typesOf(app)).toEqual(['audit.app.process.create', 'audit.app.create']);
    await forgetOldEvents(suite.api.writer, 31, inDays(32));
    expect(await typesOf(app)).toEqual([]);
  });
});
