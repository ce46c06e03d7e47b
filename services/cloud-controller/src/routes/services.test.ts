import { describe, expect, test } from 'vitest';
import { useApi } from '../../testing/api-suite.ts';
import { type Answer, errorOf } from '../../testing/client.ts';
import { createApp, createSpace } from '../../testing/fixtures.ts';
import { engines } from '../../testing/test-database.ts';

describe.each(engines)('on $engine', ({ create }) => {
  const suite = useApi(create);
  const make = (name: string, more: object = {}, spaceGuid = suite.spaceGuid): Promise<Answer> =>
    suite.api.admin.post('/v3/service_instances', {
      type: 'user-provided',
      name,
      relationships: { space: { data: { guid: spaceGuid } } },
      ...more,
    });
  const bind = (app: string, service: string, more: object = {}): Promise<Answer> =>
    suite.api.admin.post('/v3/service_credential_bindings', {
      type: 'app',
      relationships: { app: { data: { guid: app } }, service_instance: { data: { guid: service } } },
      ...more,
    });

  describe('user-provided services', () => {
    test('are made, found, changed and deleted, and show their credentials only where asked', async () => {
      const created = await make('db', { credentials: { password: 'hunter2', port: 5 }, tags: ['sql'] });
      expect(created.status).toBe(201);
      expect(created.headers.location).toBeUndefined();
      expect(created.body).toMatchObject({
        name: 'db',
        type: 'user-provided',
        tags: ['sql'],
        last_operation: { type: 'create', state: 'succeeded' },
      });
      const { guid } = created.body;
      expect(created.text).not.toContain('hunter2');
      expect(JSON.stringify(await suite.api.db.selectFrom('service_instances').selectAll().execute())).not.toContain(
        'hunter2',
      );
      const secret = await suite.api.admin.get(`/v3/service_instances/${guid}/credentials`);
      expect(secret.body).toEqual({ password: 'hunter2', port: 5 });
      expect(errorOf(await make('DB'))).toMatchObject({
        status: 422,
        detail: 'The service instance name is taken: DB.',
      });
      const found = await suite.api.admin.get(
        `/v3/service_instances?space_guids=${suite.spaceGuid}&names=db&order_by=name&fields%5Bservice_plan%5D=guid,name`,
      );
      expect(found.body.resources).toMatchObject([{ guid }]);
      expect((await suite.api.admin.get('/v3/service_instances?type=managed')).body.resources).toEqual([]);
      const changed = await suite.api.admin.patch(`/v3/service_instances/${guid}`, { name: 'db2', tags: [] });
      expect(changed.body).toMatchObject({ name: 'db2', tags: [] });
      expect((await suite.api.admin.get(`/v3/service_instances/${guid}/credentials`)).body.port).toBe(5);
      await suite.api.admin.patch(`/v3/service_instances/${guid}`, { credentials: { a: 1 } });
      expect((await suite.api.admin.get(`/v3/service_instances/${guid}/credentials`)).body).toEqual({ a: 1 });
      expect((await suite.api.admin.delete(`/v3/service_instances/${guid}`)).status).toBe(204);
      expect(errorOf(await suite.api.admin.get(`/v3/service_instances/${guid}`)).detail).toBe(
        'Service instance not found',
      );
    });

    test('reach apps as VCAP_SERVICES at their next start, and go with the binding', async () => {
      const app = await createApp(suite.api.admin, suite.spaceGuid);
      await suite.assign(app, await suite.stage(app));
      const { body: service } = await make('cache', { credentials: { uri: 'redis://x' }, tags: ['fast'] });
      const bound = await bind(app, service.guid, { name: 'main' });
      expect(bound.status).toBe(201);
      expect(bound.headers.location).toBeUndefined();
      const environment = async () => {
        await suite.api.admin.post(`/v3/apps/${app}/actions/restart`);
        return JSON.parse((await suite.lrpsOf(app))[0]?.runInfo.action.environment.VCAP_SERVICES ?? '');
      };
      const expected = {
        'user-provided': [
          {
            label: 'user-provided',
            name: 'main',
            tags: ['fast'],
            instance_guid: service.guid,
            instance_name: 'cache',
            binding_guid: bound.body.guid,
            binding_name: 'main',
            credentials: { uri: 'redis://x' },
            syslog_drain_url: null,
            volume_mounts: [],
          },
        ],
      };
      expect(await environment()).toEqual(expected);
      const shown = await suite.api.admin.get(`/v3/apps/${app}/env`);
      expect(shown.body.system_env_json).toEqual({ VCAP_SERVICES: expected });
      const details = await suite.api.admin.get(`/v3/service_credential_bindings/${bound.body.guid}/details`);
      expect(details.body).toEqual({ credentials: { uri: 'redis://x' }, volume_mounts: [] });
      expect((await suite.api.admin.delete(`/v3/service_credential_bindings/${bound.body.guid}`)).status).toBe(204);
      expect(await environment()).toEqual({});
    });

    test('that are volumes are mounted at the next start, and tell the app where', async () => {
      const app = await createApp(suite.api.admin, suite.spaceGuid);
      await suite.assign(app, await suite.stage(app));
      const volume = { source: '/srv/shared', mount: '/data', readonly: true };
      const malformed = await make('crooked', { credentials: { volume: { ...volume, mount: 'data' } } });
      expect(malformed.status).toBe(422);
      expect(errorOf(malformed).detail).toContain('volume.mount must be an absolute path');
      const { body: service } = await make('disk', { credentials: { volume, note: 'x' } });
      const bound = await bind(app, service.guid);
      await suite.api.admin.post(`/v3/apps/${app}/actions/restart`);
      const runInfo = (await suite.lrpsOf(app))[0]?.runInfo;
      expect(runInfo?.volumes).toEqual([{ name: 'disk', source: '/srv/shared', destination: '/data', readOnly: true }]);
      const mounts = [{ container_dir: '/data', device_type: 'shared', mode: 'r' }];
      const told = JSON.parse(runInfo?.action.environment.VCAP_SERVICES ?? '');
      expect(told['user-provided']).toMatchObject([{ credentials: { note: 'x' }, volume_mounts: mounts }]);
      const details = await suite.api.admin.get(`/v3/service_credential_bindings/${bound.body.guid}/details`);
      expect(details.body.volume_mounts).toEqual(mounts);
      const { body: second } = await make('disk-two', { credentials: { volume } });
      await bind(app, second.guid);
      const restarted = await suite.api.admin.post(`/v3/apps/${app}/actions/restart`);
      expect(restarted.status).toBe(422);
      expect(errorOf(restarted).detail).toContain("'disk' and 'disk-two' are both volumes to be mounted at /data");
    });

    test('are bound once, under names of their own, in their space', async () => {
      const app = await createApp(suite.api.admin, suite.spaceGuid);
      const { body: one } = await make('one');
      const { body: two } = await make('two');
      const elsewhere = await createSpace(suite.api.admin);
      const { body: far } = await make('far', {}, elsewhere.spaceGuid);
      const first = await bind(app, one.guid, { name: 'n' });
      const detail = async (answer: Promise<Answer>) => errorOf(await answer).detail;
      expect(await detail(bind(app, one.guid))).toBe('The app is already bound to the service instance');
      expect(await detail(bind(app, two.guid, { name: 'n' }))).toContain('App binding names must be unique');
      expect(await detail(bind(app, far.guid))).toBe('The service instance and the app are in different spaces');
      expect(await detail(bind(app, 'none'))).toBe("The service instance could not be found: 'none'");
      expect(await detail(bind('none', one.guid))).toBe("The app could not be found: 'none'");
      expect(await detail(bind(app, two.guid, { parameters: { a: 1 } }))).toContain(
        'Binding parameters are not supported',
      );
      expect(await detail(bind(app, two.guid, { type: 'key' }))).toBe(
        "Service credential bindings of type 'key' are not supported for user-provided service instances.",
      );
      const listed = await suite.api.admin.get(
        `/v3/service_credential_bindings?service_instance_guids=${one.guid},${two.guid}&include=app,service_instance`,
      );
      expect(listed.body.resources).toMatchObject([{ guid: first.body.guid, name: 'n', type: 'app' }]);
      expect(listed.body.included).toMatchObject({
        apps: [{ guid: app, relationships: { space: { data: { guid: suite.spaceGuid } } } }],
        service_instances: [{ guid: one.guid }],
      });
      const named = await suite.api.admin.get('/v3/service_credential_bindings?service_instance_names=one&app_names=x');
      expect(named.body.resources).toEqual([]);

      // Deleting the app or the service takes the binding along.
      expect((await suite.api.admin.delete(`/v3/apps/${app}`)).status).toBe(202);
      const gone = await suite.api.admin.get(`/v3/service_credential_bindings/${first.body.guid}`);
      expect(errorOf(gone).detail).toBe('Service credential binding not found');
      const other = await createApp(suite.api.admin, suite.spaceGuid);
      await bind(other, one.guid);
      expect((await suite.api.admin.delete(`/v3/service_instances/${one.guid}`)).status).toBe(204);
      expect((await suite.api.admin.get(`/v3/service_credential_bindings?app_guids=${other}`)).body.resources).toEqual(
        [],
      );
      expect((await suite.api.admin.delete(`/v3/spaces/${elsewhere.spaceGuid}`)).status).toBe(202);
      expect((await suite.api.admin.get(`/v3/service_instances/${far.guid}`)).status).toBe(404);
    });

    test('say what there is not', async () => {
      const detail = async (more: object) => errorOf(await make('never', more)).detail;
      expect(await detail({ type: 'managed' })).toContain('There are no managed services');
      expect(await detail({ syslog_drain_url: 'syslog://x' })).toContain('Log drains are not supported');
      expect(await detail({ route_service_url: 'https://x' })).toContain('Route services are not supported');
      expect((await make('empty-urls', { syslog_drain_url: '', route_service_url: null })).status).toBe(201);
    });
  });
});
