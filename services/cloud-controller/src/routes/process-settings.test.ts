import { describe, expect, test } from 'vitest';
import { useApi } from '../../testing/api-suite.ts';
import { errorOf } from '../../testing/client.ts';
import { createApp } from '../../testing/fixtures.ts';
import { engines } from '../../testing/test-database.ts';

describe.each(engines)('on $engine', ({ create }) => {
  const suite = useApi(create);
  const startedApp = async (): Promise<string> => {
    const app = await createApp(suite.api.admin, suite.spaceGuid);
    await suite.assign(app, await suite.stage(app));
    await suite.api.admin.post(`/v3/apps/${app}/actions/start`);
    return app;
  };
  const change = (app: string, body: Record<string, unknown>) => suite.api.admin.patch(`/v3/processes/${app}`, body);

  describe('a readiness check', () => {
    test('is set, takes effect at once, and is kept apart from the health check', async () => {
      const app = await startedApp();
      const [before] = await suite.lrpsOf(app);
      expect(before?.runInfo.readinessCheck).toBeUndefined();
      const data = { endpoint: '/ready', invocation_timeout: 3, interval: 7 };
      const { status, body } = await change(app, { readiness_health_check: { type: 'http', data } });
      expect(status).toBe(200);
      expect(body.readiness_health_check).toEqual({ type: 'http', data });
      expect(body.health_check.type).toBe('port');
      const [after] = await suite.lrpsOf(app);
      expect(after?.version).not.toBe(before?.version);
      expect(after?.runInfo.readinessCheck).toEqual({
        type: 'http',
        endpoint: '/ready',
        invocationTimeoutMs: 3_000,
        intervalMs: 7_000,
      });
      expect(after?.runInfo.healthCheck).toEqual(before?.runInfo.healthCheck);
    });

    test('has Diego’s defaults, and no endpoint unless it is http', async () => {
      const app = await startedApp();
      await change(app, { readiness_health_check: { type: 'http' } });
      expect((await suite.lrpsOf(app))[0]?.runInfo.readinessCheck).toEqual({
        type: 'http',
        endpoint: '/',
        invocationTimeoutMs: 1_000,
        intervalMs: 30_000,
      });
      const { body } = await change(app, { readiness_health_check: { type: 'port' } });
      expect(body.readiness_health_check).toEqual({ type: 'port', data: { invocation_timeout: null, interval: null } });
      await change(app, { readiness_health_check: { type: 'process' } });
      expect((await suite.lrpsOf(app))[0]?.runInfo.readinessCheck).toBeUndefined();
      for (const wrong of [{ type: 'tcp' }, { type: 'http', data: { endpoint: 'x' } }, { data: { interval: 0 } }]) {
        expect((await change(app, { readiness_health_check: wrong })).status).toBe(422);
      }
    });
  });

  describe('the user of a process', () => {
    test('is the image’s unless it is set, for one who may be', async () => {
      const app = await createApp(suite.api.admin, suite.spaceGuid);
      const shown = async () => (await suite.api.admin.get(`/v3/processes/${app}`)).body.user;
      expect(await shown()).toBeNull();
      await suite.assign(app, await suite.stage(app, { user: '' }));
      expect(await shown()).toBe('root');
      await suite.assign(app, await suite.stage(app, { user: 'www' }));
      expect(await shown()).toBe('www');
      expect((await suite.api.admin.get(`/v3/apps/${app}/processes`)).body.resources[0].user).toBe('www');

      expect((await change(app, { user: 'vcap' })).body.user).toBe('vcap');
      await suite.api.admin.post(`/v3/apps/${app}/actions/start`);
      const [first] = await suite.lrpsOf(app);
      expect(first?.runInfo.action.user).toBe('vcap');
      // It waits for a restart.
      await change(app, { user: 'app' });
      expect((await suite.lrpsOf(app))[0]?.version).toBe(first?.version);
      const refused = await change(app, { user: 'root' });
      expect(refused.status).toBe(422);
      expect(errorOf(refused).detail).toBe(
        "user invalid (requested user 'root' not allowed, permitted users are: 'vcap', 'app')",
      );
      expect((await change(app, { user: null })).body.user).toBe('www');
    });
  });

  describe('services as files', () => {
    const bind = async (app: string, name: string, credentials: Record<string, unknown>): Promise<void> => {
      const instance = await suite.api.admin.post('/v3/service_instances', {
        type: 'user-provided',
        name,
        credentials,
        relationships: { space: { data: { guid: suite.spaceGuid } } },
      });
      const answer = await suite.api.admin.post('/v3/service_credential_bindings', {
        type: 'app',
        relationships: { app: { data: { guid: app } }, service_instance: { data: { guid: instance.body.guid } } },
      });
      expect(answer.status).toBe(201);
    };
    const set = (app: string, name: string, enabled: boolean) =>
      suite.api.admin.patch(`/v3/apps/${app}/features/${name}`, { enabled });
    const restart = (app: string) => suite.api.admin.post(`/v3/apps/${app}/actions/restart`);

    test('reach the app instead of VCAP_SERVICES when a feature says so, at its restart', async () => {
      const app = await startedApp();
      await bind(app, 'mydb', { password: 'geheim' });
      await restart(app);
      const [plain] = await suite.lrpsOf(app);
      expect(plain?.runInfo.action.environment.VCAP_SERVICES).toContain('geheim');
      expect(plain?.runInfo.files).toBeUndefined();

      expect((await set(app, 'file-based-vcap-services', true)).body).toMatchObject({ enabled: true });
      const both = await set(app, 'service-binding-k8s', true);
      expect(both.status).toBe(422);
      expect(errorOf(both).detail).toBe(
        "'file-based-vcap-services' and 'service-binding-k8s' features cannot be enabled at the same time.",
      );
      await restart(app);
      const [file] = await suite.lrpsOf(app);
      const destination = '/etc/cf-service-bindings';
      expect(file?.runInfo.action.environment.VCAP_SERVICES_FILE_PATH).toBe(`${destination}/vcap_services`);
      expect(file?.runInfo.action.environment).not.toHaveProperty('VCAP_SERVICES');
      expect(file?.runInfo.files).toMatchObject([{ destination, files: [{ path: 'vcap_services' }] }]);
      const content = file?.runInfo.files?.[0]?.files[0]?.content ?? '';
      expect(JSON.parse(content)).toEqual(JSON.parse(plain?.runInfo.action.environment.VCAP_SERVICES ?? ''));
      const env = await suite.api.admin.get(`/v3/apps/${app}/env`);
      expect(env.body.system_env_json).toEqual({ VCAP_SERVICES_FILE_PATH: `${destination}/vcap_services` });

      await set(app, 'file-based-vcap-services', false);
      expect((await set(app, 'service-binding-k8s', true)).status).toBe(200);
      await restart(app);
      const [k8s] = await suite.lrpsOf(app);
      expect(k8s?.runInfo.action.environment.SERVICE_BINDING_ROOT).toBe(destination);
      expect(k8s?.runInfo.files?.[0]?.files).toEqual(
        expect.arrayContaining([
          { path: 'mydb/password', content: 'geheim' },
          { path: 'mydb/type', content: 'user-provided' },
        ]),
      );
      const { body } = await suite.api.admin.get(`/v3/apps/${app}/features`);
      expect(
        body.resources.map((feature: { name: string; enabled: boolean }) => [feature.name, feature.enabled]),
      ).toEqual([
        ['ssh', true],
        ['revisions', true],
        ['service-binding-k8s', true],
        ['file-based-vcap-services', false],
        ['image-health-check', false],
      ]);
    });

    test('that cannot be files keep the app from being started, and say why', async () => {
      const app = await startedApp();
      await bind(app, `My DB of ${app}`, {});
      await set(app, 'service-binding-k8s', true);
      const answer = await restart(app);
      expect(answer.status).toBe(422);
      expect(errorOf(answer).detail).toContain(
        `Cannot build service binding files for app - Invalid binding name: 'My DB of ${app}'. Name must match /^[a-z0-9\\-.]{1,253}$/`,
      );
    });
  });
});
