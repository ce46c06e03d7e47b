import { describe, expect, test } from 'vitest';
import { useApi } from '../../testing/api-suite.ts';
import { errorOf } from '../../testing/client.ts';
import { createApp, createRoute, createSpace } from '../../testing/fixtures.ts';
import { engines } from '../../testing/test-database.ts';

describe.each(engines)('on $engine', ({ create }) => {
  const suite = useApi(create);

  describe('apps', () => {
    test('are docker apps with a web process of the same guid as soon as they are created', async () => {
      const guid = await createApp(suite.api.admin, suite.spaceGuid, 'fresh');
      const { body } = await suite.api.admin.get(`/v3/apps?names=fresh&space_guids=${suite.spaceGuid}`);
      expect(body.resources[0]).toMatchObject({
        guid,
        state: 'STOPPED',
        lifecycle: { type: 'docker', data: {} },
        relationships: { space: { data: { guid: suite.spaceGuid } }, current_droplet: { data: null } },
      });
      const processes = await suite.api.admin.get(`/v3/apps/${guid}/processes`);
      expect(processes.body.resources).toMatchObject([
        { guid, type: 'web', command: null, instances: 1, health_check: { type: 'port' } },
      ]);
      expect(suite.api.lines).toContainEqual({ appGuid: guid, text: `Created app with guid ${guid}`, stream: 'OUT' });
    });

    test('have unique names in their space', async () => {
      await createApp(suite.api.admin, suite.spaceGuid, 'taken');
      await expect(createApp(suite.api.admin, suite.spaceGuid, 'taken')).rejects.toThrow(
        "App with the name 'taken' already exists.",
      );
    });

    test('without a space that is there are refused', async () => {
      await expect(createApp(suite.api.admin, 'nowhere')).rejects.toThrow(
        'Invalid space. Ensure that the space exists and you have access to it.',
      );
    });

    test('of another lifecycle are refused with what to use instead', async () => {
      const answer = await suite.api.admin.post('/v3/apps', {
        name: 'ruby',
        lifecycle: { type: 'buildpack', data: {} },
        relationships: { space: { data: { guid: suite.spaceGuid } } },
      });
      expect(errorOf(answer)).toMatchObject({ status: 422 });
      expect(errorOf(answer).detail).toContain('--docker-image');
    });

    test('are renamed and labelled', async () => {
      const guid = await createApp(suite.api.admin, suite.spaceGuid, 'before');
      const renamed = await suite.api.admin.patch(`/v3/apps/${guid}`, {
        name: 'after',
        metadata: { labels: { env: 'prod', gone: 'x' }, annotations: { note: 'any text' } },
      });
      expect(renamed.body).toMatchObject({ name: 'after', metadata: { labels: { env: 'prod', gone: 'x' } } });
      const updated = await suite.api.admin.patch(`/v3/apps/${guid}`, { metadata: { labels: { gone: null } } });
      expect(updated.body.metadata).toEqual({ labels: { env: 'prod' }, annotations: { note: 'any text' } });
      const bad = await suite.api.admin.patch(`/v3/apps/${guid}`, { metadata: { labels: { 'a b': 'x' } } });
      expect(errorOf(bad)).toMatchObject({ status: 422 });
    });

    test.each([
      ['labels', 390020, 'Failed to add 7000 labels because it would exceed maximum of 50'],
      ['annotations', 390023, 'Failed to add 7000 annotations because it would exceed maximum of 200'],
    ])('have so many %s', async (kind, code, detail) => {
      const guid = await createApp(suite.api.admin, suite.spaceGuid, `many-${kind}`);
      const many = (value: string | null): unknown =>
        Object.fromEntries(Array.from({ length: 7000 }, (_, i) => [`k${i}`, value]));
      const patch = (entries: unknown) =>
        suite.api.admin.patch(`/v3/apps/${guid}`, { name: `x-${kind}`, metadata: { [kind]: entries } });
      expect(errorOf(await patch(many('v')))).toMatchObject({ status: 422, code, detail });
      const { body } = await suite.api.admin.get(`/v3/apps/${guid}`);
      expect([body.name, body.metadata]).toEqual([`many-${kind}`, { labels: {}, annotations: {} }]);
      expect((await patch({ ...(many(null) as object), kept: 'v' })).body.metadata[kind]).toEqual({ kept: 'v' });
    });

    test("have variables that are merged, and never the platform's", async () => {
      const guid = await createApp(suite.api.admin, suite.spaceGuid, 'with-env', { environment_variables: { A: '1' } });
      const patched = await suite.api.admin.patch(`/v3/apps/${guid}/environment_variables`, {
        var: { B: 2, A: null, C: true },
      });
      expect(patched.body.var).toEqual({ B: '2', C: 'true' });
      const env = await suite.api.admin.get(`/v3/apps/${guid}/env`);
      expect(env.body).toMatchObject({
        environment_variables: { B: '2', C: 'true' },
        system_env_json: { VCAP_SERVICES: {} },
        application_env_json: { VCAP_APPLICATION: { application_name: 'with-env', space_id: suite.spaceGuid } },
      });
      for (const name of ['PORT', 'VCAP_APPLICATION', 'VMC_X']) {
        const answer = await suite.api.admin.patch(`/v3/apps/${guid}/environment_variables`, { var: { [name]: 'x' } });
        expect(errorOf(answer).status).toBe(422);
      }
      const row = await suite.api.db.selectFrom('apps').selectAll().where('guid', '=', guid).executeTakeFirstOrThrow();
      expect(row.environment_variables).not.toContain('true');
    });

    test('cannot start without a droplet', async () => {
      const guid = await createApp(suite.api.admin, suite.spaceGuid);
      const answer = await suite.api.admin.post(`/v3/apps/${guid}/actions/start`);
      expect(errorOf(answer)).toMatchObject({ status: 422, detail: 'Assign a droplet before starting this app.' });
      expect(errorOf(await suite.api.admin.get(`/v3/apps/${guid}/droplets/current`)).detail).toBe('Droplet not found');
    });

    test('are deleted with everything of theirs', async () => {
      const guid = await createApp(suite.api.admin, suite.spaceGuid);
      const droplet = await suite.stage(guid);
      await suite.assign(guid, droplet);
      const route = await createRoute(suite.api.admin, suite.spaceGuid, 'doomed');
      await suite.api.admin.post(`/v3/routes/${route}/destinations`, { destinations: [{ app: { guid } }] });
      await suite.api.admin.post(`/v3/apps/${guid}/actions/start`);
      const [lrp] = await suite.lrpsOf(guid);
      const deleted = await suite.api.admin.delete(`/v3/apps/${guid}`);
      expect(deleted.status).toBe(202);
      expect(String(deleted.headers.location)).toMatch(/^http:\/\/localhost:8080\/v3\/jobs\//);
      expect(await suite.lrpsOf(guid)).toEqual([]);
      expect((await suite.outbox()).slice(-2)).toEqual([`lrp ${lrp?.runInfo.processGuid}`, `image ${droplet}`]);
      for (const path of [`/v3/apps/${guid}`, `/v3/droplets/${droplet}`, `/v3/processes/${guid}`]) {
        expect((await suite.api.admin.get(path)).status).toBe(404);
      }
      expect((await suite.api.admin.get(`/v3/routes/${route}`)).body.destinations).toEqual([]);
      for (const table of ['processes', 'packages', 'builds', 'droplets', 'route_destinations'] as const) {
        const left = await suite.api.db.selectFrom(table).select('guid').where('app_guid', '=', guid).execute();
        expect(left).toEqual([]);
      }
    });
  });

  describe('logs', () => {
    test('may be read by who may see the app', async () => {
      const app = await createApp(suite.api.admin, suite.spaceGuid);
      expect((await suite.api.admin.get(`/internal/v4/log_access/${app}`)).status).toBe(200);
      const stranger = suite.api.as(
        await suite.issuer.token({ userGuid: 'stranger', scopes: ['cloud_controller.read'] }),
      );
      expect((await stranger.get(`/internal/v4/log_access/${app}`)).status).toBe(404);
      expect((await suite.api.admin.get('/internal/v4/log_access/none')).status).toBe(404);
    });
  });

  test('SSH is on until the app or the space switches it off, and says which', async () => {
    const { spaceGuid } = await createSpace(suite.api.admin);
    const app = await createApp(suite.api.admin, spaceGuid);
    const { admin } = suite.api;
    expect((await admin.get(`/v3/apps/${app}/features/ssh`)).body).toMatchObject({ name: 'ssh', enabled: true });
    const status = async (): Promise<unknown> => (await admin.get(`/v3/apps/${app}/ssh_enabled`)).body;
    expect(await status()).toEqual({ enabled: true, reason: '' });
    await admin.patch(`/v3/apps/${app}/features/ssh`, { enabled: false });
    expect(await status()).toEqual({ enabled: false, reason: 'Disabled for app' });
    await admin.patch(`/v3/spaces/${spaceGuid}/features/ssh`, { enabled: false });
    expect(await status()).toEqual({ enabled: false, reason: 'Disabled for space' });
  });

  test('features are listed, and others are not found', async () => {
    const app = await createApp(suite.api.admin, suite.spaceGuid);
    const listed = (await suite.api.admin.get(`/v3/apps/${app}/features`)).body.resources;
    expect(listed.map(({ name }: { name: string }) => name)).toEqual([
      'ssh',
      'revisions',
      'service-binding-k8s',
      'file-based-vcap-services',
      'image-health-check',
    ]);
    expect(errorOf(await suite.api.admin.get(`/v3/apps/${app}/features/toString`)).detail).toBe('Feature not found');
  });

  test('sidecars are none', async () => {
    const app = await createApp(suite.api.admin, suite.spaceGuid);
    expect((await suite.api.admin.get(`/v3/processes/${app}/sidecars`)).body.resources).toEqual([]);
  });
});
