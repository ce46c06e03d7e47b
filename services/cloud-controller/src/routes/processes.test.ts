import { describe, expect, test } from 'vitest';
import { useApi } from '../../testing/api-suite.ts';
import { errorOf } from '../../testing/client.ts';
import { createApp } from '../../testing/fixtures.ts';
import { engines } from '../../testing/test-database.ts';

describe.each(engines)('on $engine', ({ create }) => {
  const suite = useApi(create);

  describe('starting', () => {
    test('makes an LRP of what the tables say, restarting makes another, stopping none', async () => {
      const app = await createApp(suite.api.admin, suite.spaceGuid, 'runner', {
        environment_variables: { MODE: 'one' },
      });
      await suite.assign(app, await suite.stage(app));
      expect((await suite.api.admin.post(`/v3/apps/${app}/actions/start`)).body.state).toBe('STARTED');
      const [first, ...others] = await suite.lrpsOf(app);
      expect(others).toEqual([]);
      expect(first?.runInfo).toMatchObject({
        ports: [8080, 9090],
        action: { argv: ['/bin/server', '--dir', '/www'], user: 'app', workdir: '/www' },
      });
      expect(first?.runInfo.action.environment).toMatchObject({ PORT: '8080', MODE: 'one', MEMORY_LIMIT: '1024m' });

      // A change of the environment waits for a restart.
      await suite.api.admin.patch(`/v3/apps/${app}/environment_variables`, { var: { MODE: 'two' } });
      await suite.api.admin.post(`/v3/apps/${app}/actions/start`);
      expect((await suite.lrpsOf(app))[0]?.runInfo).toEqual(first?.runInfo);

      await suite.api.admin.post(`/v3/apps/${app}/actions/restart`);
      const [second] = await suite.lrpsOf(app);
      expect(second?.version).not.toBe(first?.version);
      expect(second?.runInfo.action.environment.MODE).toBe('two');
      // The new one is announced before the old one goes.
      expect((await suite.outbox()).slice(-2)).toEqual([
        `lrp ${second?.runInfo.processGuid}`,
        `lrp ${first?.runInfo.processGuid}`,
      ]);

      expect((await suite.api.admin.post(`/v3/apps/${app}/actions/stop`)).body.state).toBe('STOPPED');
      expect(await suite.lrpsOf(app)).toEqual([]);
    });

    test('scaling instances keeps the version, scaling memory does not', async () => {
      const app = await createApp(suite.api.admin, suite.spaceGuid);
      await suite.assign(app, await suite.stage(app));
      await suite.api.admin.post(`/v3/apps/${app}/actions/start`);
      const [before] = await suite.lrpsOf(app);
      const scaled = await suite.api.admin.post(`/v3/apps/${app}/processes/web/actions/scale`, { instances: 3 });
      expect(scaled.status).toBe(202);
      expect(scaled.body.instances).toBe(3);
      expect(scaled.headers.location).toBeUndefined();
      const [wider] = await suite.lrpsOf(app);
      expect(wider?.version).toBe(before?.version);
      expect(wider?.state.instances).toBe(3);
      await suite.api.admin.post(`/v3/processes/${app}/actions/scale`, { memory_in_mb: 256, disk_in_mb: null });
      const [larger] = await suite.lrpsOf(app);
      expect(larger?.version).not.toBe(before?.version);
      expect(larger?.runInfo.resources).toMatchObject({ memoryMb: 256, cpuWeight: 3 });
      const tooMuch = await suite.api.admin.post(`/v3/processes/${app}/actions/scale`, {
        disk_in_mb: 4096,
        instances: 1.5,
      });
      expect(errorOf(tooMuch).status).toBe(422);
    });

    test('a command goes through the shell, a health check as it is set', async () => {
      const app = await createApp(suite.api.admin, suite.spaceGuid);
      await suite.assign(app, await suite.stage(app));
      const patched = await suite.api.admin.patch(`/v3/processes/${app}`, {
        command: 'serve $PORT',
        health_check: { type: 'http', data: { endpoint: '/health', timeout: 90 } },
      });
      expect(patched.body).toMatchObject({
        command: 'serve $PORT',
        health_check: { type: 'http', data: { endpoint: '/health', timeout: 90, invocation_timeout: null } },
      });
      await suite.api.admin.post(`/v3/apps/${app}/actions/start`);
      const [lrp] = await suite.lrpsOf(app);
      expect(lrp?.runInfo.action.argv).toEqual(['/bin/sh', '-c', 'serve $PORT']);
      expect(lrp?.runInfo.healthCheck).toEqual({
        type: 'http',
        endpoint: '/health',
        invocationTimeoutMs: 1_000,
        intervalMs: 30_000,
      });
      expect(lrp?.runInfo.startTimeoutMs).toBe(90_000);
      const listed = await suite.api.admin.get(`/v3/processes?app_guids=${app}`);
      expect(listed.body.resources[0].command).toBe('[PRIVATE DATA HIDDEN IN LISTS]');
    });

    test('an image with nothing to start says so', async () => {
      const app = await createApp(suite.api.admin, suite.spaceGuid);
      await suite.assign(app, await suite.stage(app, { entrypoint: [], cmd: [] }));
      const answer = await suite.api.admin.post(`/v3/apps/${app}/actions/start`);
      expect(errorOf(answer).detail).toContain('Start command not specified');
      expect((await suite.api.admin.get(`/v3/apps/${app}`)).body.state).toBe('STOPPED');
    });

    test("another app's droplet is refused", async () => {
      const one = await createApp(suite.api.admin, suite.spaceGuid);
      const other = await createApp(suite.api.admin, suite.spaceGuid);
      const answer = await suite.assign(one, await suite.stage(other));
      expect(errorOf(answer).detail).toContain('Unable to assign current droplet.');
    });
  });

  test('stats without a bus say that they are not known', async () => {
    const app = await createApp(suite.api.admin, suite.spaceGuid);
    expect(errorOf(await suite.api.admin.get(`/v3/processes/${app}/stats`))).toMatchObject({
      status: 503,
      code: 220002,
    });
  });
});
