import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { errorOf } from '../../testing/client.ts';
import {
  createApp,
  createBuild,
  createPackage,
  createRoute,
  createSpace,
  stagedResult,
} from '../../testing/fixtures.ts';
import { startTestApi, type TestApi } from '../../testing/test-api.ts';
import { engines, type TestDatabase } from '../../testing/test-database.ts';
import { startTokenIssuer, type TokenIssuer } from '../../testing/token-issuer.ts';
import { finishBuild } from '../actions/staging.ts';
import { loadAllLrps } from '../adapters/sql/lrp-rows.ts';

let issuer: TokenIssuer;
beforeAll(async () => {
  issuer = await startTokenIssuer();
});
afterAll(() => issuer.stop());

describe.each(engines)('on $engine', ({ create }) => {
  let database: TestDatabase;
  let api: TestApi;
  let spaceGuid: string;
  let organizationGuid: string;
  beforeAll(async () => {
    database = await create();
    api = await startTestApi(database, issuer);
    ({ spaceGuid, organizationGuid } = await createSpace(api.admin));
  });
  afterAll(async () => {
    await api.stop();
    await database.remove();
  });

  const stage = async (appGuid: string, execution = {}): Promise<string> => {
    const build = await createBuild(api.admin, await createPackage(api.admin, appGuid));
    await api.writer.write((unit) => finishBuild(unit, api.platform, stagedResult(build, execution)));
    const { body } = await api.admin.get(`/v3/builds/${build}`);
    return body.droplet.guid;
  };
  const assign = (app: string, droplet: string) =>
    api.admin.patch(`/v3/apps/${app}/relationships/current_droplet`, { data: { guid: droplet } });
  const outbox = async (): Promise<string[]> => {
    const rows = await api.db.selectFrom('outbox').select(['kind', 'subject']).orderBy('id').execute();
    return rows.map((row) => `${row.kind} ${row.subject}`);
  };
  const lrpsOf = async (app: string) => {
    const found = [];
    for await (const page of loadAllLrps(api.db)) {
      found.push(...page.filter((row) => JSON.parse(row.runInfo).app.guid === app));
    }
    return found.map((row) => ({ ...row, runInfo: JSON.parse(row.runInfo) }));
  };

  describe('the root', () => {
    test('tells the cf CLI where everything is, without a token', async () => {
      const { status, body } = await api.as('').get('/');
      expect(status).toBe(200);
      expect(body.links.cloud_controller_v3.meta.version).toMatch(/^3\.\d+\.\d+$/);
      expect(body.links.uaa.href).toBe('http://localhost:8080/uaa');
      expect(body.links.login.href).toBe('http://localhost:8080/uaa');
      expect(body.links.log_cache.href).toBe('http://localhost:8080');
      expect((await api.as('').get('/v3')).body.links.apps.href).toBe('http://localhost:8080/v3/apps');
      expect((await api.as('').get('/v3/info')).status).toBe(200);
    });

    test('does not know what is not there', async () => {
      const answer = await api.admin.get('/v3/nothing');
      expect(errorOf(answer)).toEqual({ status: 404, code: 10000, title: 'CF-NotFound', detail: 'Unknown request' });
    });
  });

  describe('tokens', () => {
    const statusOf = async (authorization: string) => errorOf(await api.as(authorization).get('/v3/apps'));

    test('no token is 401 NotAuthenticated', async () => {
      expect(await statusOf('')).toMatchObject({ status: 401, code: 10002, title: 'CF-NotAuthenticated' });
    });

    test.each([
      ['garbage', async () => 'bearer garbage'],
      ['another scheme', async () => (await issuer.token()).replace('bearer', 'basic')],
      ['expired', () => issuer.token({ expiresIn: -3600 })],
      ['meant for another service', () => issuer.token({ audience: ['uaa'] })],
      ['of another issuer', () => issuer.token({ issuer: 'http://elsewhere/uaa/oauth/token' })],
      ['changed after signing', async () => `${(await issuer.token()).slice(0, -8)}AAAAAAAA`],
      ['unsigned', async () => (await issuer.token()).replace(/^bearer [^.]+\./, `bearer ${btoa('{"alg":"none"}')}.`)],
    ])('%s is 401 InvalidAuthToken', async (_, authorization) => {
      expect(await statusOf(await authorization())).toMatchObject({
        status: 401,
        code: 1000,
        title: 'CF-InvalidAuthToken',
      });
    });

    test('without the scope for writing it may read only', async () => {
      const reader = api.as(await issuer.token({ scopes: ['cloud_controller.read'] }));
      expect((await reader.get('/v3/apps')).status).toBe(200);
      expect(errorOf(await reader.post('/v3/apps', {}))).toMatchObject({ status: 403, code: 10007 });
    });
  });

  describe('bodies', () => {
    test('that are not JSON', async () => {
      expect(errorOf(await api.admin.send('POST', '/v3/apps', '{"name":'))).toMatchObject({ status: 400, code: 1001 });
    });
    test('that are too large', async () => {
      const body = JSON.stringify({ name: 'x'.repeat(2 * 1024 * 1024) });
      expect(errorOf(await api.admin.send('POST', '/v3/apps', body)).detail).toContain('larger than 1048576 bytes');
    });
    test('with unknown fields and wrong types name each of them', async () => {
      const answer = await api.admin.post('/v3/organizations', { name: 7, color: 'red', suspended: 'no' });
      expect(errorOf(answer)).toMatchObject({ status: 422, code: 10008, title: 'CF-UnprocessableEntity' });
      expect(errorOf(answer).detail).toBe(
        "Name must be a string, Suspended must be a boolean, Unknown field(s): 'color'",
      );
    });
    test('that are missing name what is needed', async () => {
      const answer = await api.admin.post('/v3/organizations');
      expect(errorOf(answer).detail).toBe("Name can't be blank");
    });
    test('whatever their type says', async () => {
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      const body = JSON.stringify({ name: 'sent-by-curl' });
      expect((await api.admin.send('POST', '/v3/organizations', body, headers)).status).toBe(201);
    });
  });

  describe('organizations and spaces', () => {
    test('are created, found by name, shown and deleted', async () => {
      const created = await api.admin.post('/v3/organizations', {
        name: 'acme',
        metadata: { labels: { tier: 'gold' } },
      });
      expect(created.status).toBe(201);
      expect(created.headers.location).toBeUndefined();
      expect(created.body).toMatchObject({
        name: 'acme',
        suspended: false,
        metadata: { labels: { tier: 'gold' }, annotations: {} },
        links: { self: { href: `http://localhost:8080/v3/organizations/${created.body.guid}` } },
      });
      const found = await api.admin.get('/v3/organizations?names=ACME&order_by=name');
      expect(found.body.resources).toEqual([created.body]);
      expect(found.body.pagination).toMatchObject({ total_results: 1, total_pages: 1, next: null, previous: null });

      const space = await api.admin.post('/v3/spaces', {
        name: 'dev',
        relationships: { organization: { data: { guid: created.body.guid } } },
      });
      expect(space.status).toBe(201);
      const spaces = await api.admin.get(`/v3/spaces?names=dev&organization_guids=${created.body.guid}`);
      expect(spaces.body.resources).toEqual([space.body]);

      const deleted = await api.admin.delete(`/v3/organizations/${created.body.guid}`);
      expect(deleted.status).toBe(202);
      const job = await api.admin.get(new URL(String(deleted.headers.location)).pathname);
      expect(job.body).toMatchObject({ state: 'COMPLETE', operation: 'organization.delete', errors: [], warnings: [] });
      expect(errorOf(await api.admin.get(`/v3/organizations/${created.body.guid}`)).detail).toBe(
        'Organization not found',
      );
      expect(errorOf(await api.admin.get(`/v3/spaces/${space.body.guid}`)).detail).toBe('Space not found');
    });

    test('have unique names, in the words that the cf CLI looks for', async () => {
      await api.admin.post('/v3/organizations', { name: 'twice' });
      const again = await api.admin.post('/v3/organizations', { name: 'Twice' });
      expect(errorOf(again)).toMatchObject({ status: 422, detail: "Organization 'Twice' already exists." });
      const body = { name: 'same', relationships: { organization: { data: { guid: organizationGuid } } } };
      await api.admin.post('/v3/spaces', body);
      expect(errorOf(await api.admin.post('/v3/spaces', body)).detail).toBe('Name must be unique per organization');
    });

    test('have a default domain and a quota without limits', async () => {
      const domain = await api.admin.get(`/v3/organizations/${organizationGuid}/domains/default`);
      expect(domain.body).toMatchObject({ name: 'apps.localhost', internal: false, supported_protocols: ['http'] });
      const { body } = await api.admin.get(`/v3/organizations/${organizationGuid}`);
      const quota = await api.admin.get(`/v3/organization_quotas/${body.relationships.quota.data.guid}`);
      expect(quota.body).toMatchObject({
        name: 'default',
        apps: { total_memory_in_mb: null },
        services: { paid_services_allowed: true },
      });
      expect(quota.body.relationships.organizations.data).toContainEqual({ guid: organizationGuid });
    });
  });

  describe('lists', () => {
    test('are cut into pages that lead to each other', async () => {
      const { spaceGuid: space } = await createSpace(api.admin);
      for (const name of ['c', 'a', 'b']) await createApp(api.admin, space, name);
      const path = `/v3/apps?space_guids=${space}&order_by=-name&per_page=2`;
      const first = await api.admin.get(path);
      expect(first.body.resources.map((app: { name: string }) => app.name)).toEqual(['c', 'b']);
      expect(first.body.pagination).toMatchObject({ total_results: 3, total_pages: 2, previous: null });
      const { pathname, search } = new URL(first.body.pagination.next.href);
      const second = await api.admin.get(pathname + search);
      expect(second.body.resources.map((app: { name: string }) => app.name)).toEqual(['a']);
      expect(second.body.pagination.next).toBeNull();
    });

    test('take values with commas in them', async () => {
      const { spaceGuid: space } = await createSpace(api.admin);
      await createApp(api.admin, space, 'one, two');
      const { body } = await api.admin.get(
        `/v3/apps?names=${encodeURIComponent('one%2C two')},other&space_guids=${space}`,
      );
      expect(body.resources).toHaveLength(1);
    });

    test('refuse what they do not know', async () => {
      const answer = await api.admin.get('/v3/apps?color=red&per_page=0&order_by=size');
      expect(errorOf(answer)).toMatchObject({ status: 400, code: 10005, title: 'CF-BadQueryParameter' });
      expect(errorOf(answer).detail).toContain("Unknown query parameter(s): 'color'");
      expect(errorOf(answer).detail).toContain('Per page must be between 1 and 5000');
      expect(errorOf(answer).detail).toContain('Order by can only be');
    });
  });

  describe('apps', () => {
    test('are docker apps with a web process of the same guid as soon as they are created', async () => {
      const guid = await createApp(api.admin, spaceGuid, 'fresh');
      const { body } = await api.admin.get(`/v3/apps?names=fresh&space_guids=${spaceGuid}`);
      expect(body.resources[0]).toMatchObject({
        guid,
        state: 'STOPPED',
        lifecycle: { type: 'docker', data: {} },
        relationships: { space: { data: { guid: spaceGuid } }, current_droplet: { data: null } },
      });
      const processes = await api.admin.get(`/v3/apps/${guid}/processes`);
      expect(processes.body.resources).toMatchObject([
        { guid, type: 'web', command: null, instances: 1, health_check: { type: 'port' } },
      ]);
      expect(api.lines).toContainEqual({ appGuid: guid, text: `Created app with guid ${guid}`, stream: 'OUT' });
    });

    test('have unique names in their space', async () => {
      await createApp(api.admin, spaceGuid, 'taken');
      await expect(createApp(api.admin, spaceGuid, 'taken')).rejects.toThrow(
        "App with the name 'taken' already exists.",
      );
    });

    test('without a space that is there are refused', async () => {
      await expect(createApp(api.admin, 'nowhere')).rejects.toThrow(
        'Invalid space. Ensure that the space exists and you have access to it.',
      );
    });

    test('of another lifecycle are refused with what to use instead', async () => {
      const answer = await api.admin.post('/v3/apps', {
        name: 'ruby',
        lifecycle: { type: 'buildpack', data: {} },
        relationships: { space: { data: { guid: spaceGuid } } },
      });
      expect(errorOf(answer)).toMatchObject({ status: 422 });
      expect(errorOf(answer).detail).toContain('--docker-image');
    });

    test('are renamed and labelled', async () => {
      const guid = await createApp(api.admin, spaceGuid, 'before');
      const renamed = await api.admin.patch(`/v3/apps/${guid}`, {
        name: 'after',
        metadata: { labels: { env: 'prod', gone: 'x' }, annotations: { note: 'any text' } },
      });
      expect(renamed.body).toMatchObject({ name: 'after', metadata: { labels: { env: 'prod', gone: 'x' } } });
      const updated = await api.admin.patch(`/v3/apps/${guid}`, { metadata: { labels: { gone: null } } });
      expect(updated.body.metadata).toEqual({ labels: { env: 'prod' }, annotations: { note: 'any text' } });
      const bad = await api.admin.patch(`/v3/apps/${guid}`, { metadata: { labels: { 'a b': 'x' } } });
      expect(errorOf(bad)).toMatchObject({ status: 422 });
    });

    test("have variables that are merged, and never the platform's", async () => {
      const guid = await createApp(api.admin, spaceGuid, 'with-env', { environment_variables: { A: '1' } });
      const patched = await api.admin.patch(`/v3/apps/${guid}/environment_variables`, {
        var: { B: 2, A: null, C: true },
      });
      expect(patched.body.var).toEqual({ B: '2', C: 'true' });
      const env = await api.admin.get(`/v3/apps/${guid}/env`);
      expect(env.body).toMatchObject({
        environment_variables: { B: '2', C: 'true' },
        system_env_json: { VCAP_SERVICES: {} },
        application_env_json: { VCAP_APPLICATION: { application_name: 'with-env', space_id: spaceGuid } },
      });
      for (const name of ['PORT', 'VCAP_APPLICATION', 'VMC_X']) {
        const answer = await api.admin.patch(`/v3/apps/${guid}/environment_variables`, { var: { [name]: 'x' } });
        expect(errorOf(answer).status).toBe(422);
      }
      const row = await api.db.selectFrom('apps').selectAll().where('guid', '=', guid).executeTakeFirstOrThrow();
      expect(row.environment_variables).not.toContain('true');
    });

    test('cannot start without a droplet', async () => {
      const guid = await createApp(api.admin, spaceGuid);
      const answer = await api.admin.post(`/v3/apps/${guid}/actions/start`);
      expect(errorOf(answer)).toMatchObject({ status: 422, detail: 'Assign a droplet before starting this app.' });
      expect(errorOf(await api.admin.get(`/v3/apps/${guid}/droplets/current`)).detail).toBe('Droplet not found');
    });

    test('are deleted with everything of theirs', async () => {
      const guid = await createApp(api.admin, spaceGuid);
      const droplet = await stage(guid);
      await assign(guid, droplet);
      const route = await createRoute(api.admin, spaceGuid, 'doomed');
      await api.admin.post(`/v3/routes/${route}/destinations`, { destinations: [{ app: { guid } }] });
      await api.admin.post(`/v3/apps/${guid}/actions/start`);
      const [lrp] = await lrpsOf(guid);
      const deleted = await api.admin.delete(`/v3/apps/${guid}`);
      expect(deleted.status).toBe(202);
      expect(String(deleted.headers.location)).toMatch(/^http:\/\/localhost:8080\/v3\/jobs\//);
      expect(await lrpsOf(guid)).toEqual([]);
      expect((await outbox()).at(-1)).toBe(`lrp ${lrp?.runInfo.processGuid}`);
      for (const path of [`/v3/apps/${guid}`, `/v3/droplets/${droplet}`, `/v3/processes/${guid}`]) {
        expect((await api.admin.get(path)).status).toBe(404);
      }
      expect((await api.admin.get(`/v3/routes/${route}`)).body.destinations).toEqual([]);
      for (const table of ['processes', 'packages', 'builds', 'droplets', 'route_destinations'] as const) {
        const left = await api.db.selectFrom(table).select('guid').where('app_guid', '=', guid).execute();
        expect(left).toEqual([]);
      }
    });
  });

  describe('packages', () => {
    test('are ready at once, and their password is kept and never shown', async () => {
      const app = await createApp(api.admin, spaceGuid);
      const password = 'correct horse battery staple';
      const answer = await api.admin.post('/v3/packages', {
        type: 'docker',
        relationships: { app: { data: { guid: app } } },
        data: { image: 'private/app:1', username: 'me', password },
      });
      expect(answer.status).toBe(201);
      expect(answer.body).toMatchObject({
        state: 'READY',
        data: { image: 'private/app:1', username: 'me', password: '***' },
      });
      const rows = await api.db.selectFrom('packages').selectAll().where('app_guid', '=', app).execute();
      expect(JSON.stringify(rows)).not.toContain(password);
      expect(api.log()).not.toContain(password);
      const listed = await api.admin.get(`/v3/packages?app_guids=${app}&states=READY&order_by=-created_at&per_page=1`);
      expect(listed.body.resources).toEqual([answer.body]);
    });

    test.each([
      [{ image: '' }, "Data image can't be blank"],
      [{}, "Data image can't be blank"],
      [{ image: 'x', username: 'me' }, 'Data username and password must be given together'],
    ])('%j are refused', async (data, detail) => {
      const app = await createApp(api.admin, spaceGuid);
      await expect(createPackage(api.admin, app, data)).rejects.toThrow(detail);
    });
  });

  describe('builds', () => {
    test('wait for a stager, become a droplet, and give the app what to run', async () => {
      const app = await createApp(api.admin, spaceGuid);
      const pack = await createPackage(api.admin, app);
      const build = await createBuild(api.admin, pack);
      expect((await api.admin.get(`/v3/builds/${build}`)).body).toMatchObject({
        state: 'STAGING',
        error: null,
        droplet: null,
        package: { guid: pack },
        created_by: { guid: 'admin-guid', name: 'admin' },
      });
      expect((await outbox()).at(-1)).toBe(`staging-request ${build}`);
      const second = await api.admin.post('/v3/builds', { package: { guid: pack } });
      expect(errorOf(second)).toMatchObject({ status: 422, code: 170017, title: 'CF-StagingInProgress' });

      const finish = () => api.writer.write((unit) => finishBuild(unit, api.platform, stagedResult(build)));
      expect(await finish()).toBe(true);
      const staged = await api.admin.get(`/v3/builds/${build}`);
      expect(staged.body).toMatchObject({ state: 'STAGED', error: null });
      // The same answer once more changes nothing.
      expect(await finish()).toBe(false);
      const droplets = await api.admin.get(`/v3/packages/${pack}/droplets?states=STAGED`);
      expect(droplets.body.resources).toHaveLength(1);
      const droplet = droplets.body.resources[0];
      expect(droplet).toMatchObject({
        guid: staged.body.droplet.guid,
        state: 'STAGED',
        image: `registry.test:5000/team/app:1@sha256:${'a'.repeat(64)}`,
        process_types: { web: '/bin/server --dir /www' },
      });
      const related = await assign(app, droplet.guid);
      expect(related.body.data).toEqual({ guid: droplet.guid });
      expect((await api.admin.get(`/v3/apps/${app}/droplets/current`)).body).toEqual(droplet);
    });

    test('fail with the step and the cause', async () => {
      const app = await createApp(api.admin, spaceGuid);
      const build = await createBuild(api.admin, await createPackage(api.admin, app));
      await api.writer.write((unit) =>
        finishBuild(unit, api.platform, {
          outcome: 'failed',
          buildGuid: build,
          error: { phase: 'resolve', code: 'NOT_FOUND', message: 'registry.test:5000/team/app has no tag 1' },
          durationMs: 5,
        }),
      );
      const { body } = await api.admin.get(`/v3/builds/${build}`);
      expect(body.state).toBe('FAILED');
      expect(body.error).toBe(
        'StagingError - Staging error: resolving the image: registry.test:5000/team/app has no tag 1',
      );
      const late = await api.writer.write((unit) => finishBuild(unit, api.platform, stagedResult(build)));
      expect(late).toBe(false);
      expect(api.lines.filter((line) => line.appGuid === app).at(-1)).toMatchObject({ stream: 'ERR' });
    });

    test('of a package that is not there are refused', async () => {
      const answer = await api.admin.post('/v3/builds', { package: { guid: 'none' } });
      expect(errorOf(answer)).toMatchObject({
        status: 422,
        detail: 'Unable to use package. Ensure that the package exists and you have access to it.',
      });
    });
  });

  describe('starting', () => {
    test('makes an LRP of what the tables say, restarting makes another, stopping none', async () => {
      const app = await createApp(api.admin, spaceGuid, 'runner', { environment_variables: { MODE: 'one' } });
      await assign(app, await stage(app));
      expect((await api.admin.post(`/v3/apps/${app}/actions/start`)).body.state).toBe('STARTED');
      const [first, ...others] = await lrpsOf(app);
      expect(others).toEqual([]);
      expect(first?.runInfo).toMatchObject({
        ports: [8080, 9090],
        action: { argv: ['/bin/server', '--dir', '/www'], user: 'app', workdir: '/www' },
      });
      expect(first?.runInfo.action.environment).toMatchObject({ PORT: '8080', MODE: 'one', MEMORY_LIMIT: '1024m' });

      // A change of the environment waits for a restart.
      await api.admin.patch(`/v3/apps/${app}/environment_variables`, { var: { MODE: 'two' } });
      await api.admin.post(`/v3/apps/${app}/actions/start`);
      expect((await lrpsOf(app))[0]?.runInfo).toEqual(first?.runInfo);

      await api.admin.post(`/v3/apps/${app}/actions/restart`);
      const [second] = await lrpsOf(app);
      expect(second?.version).not.toBe(first?.version);
      expect(second?.runInfo.action.environment.MODE).toBe('two');
      // The new one is announced before the old one goes.
      expect((await outbox()).slice(-2)).toEqual([
        `lrp ${second?.runInfo.processGuid}`,
        `lrp ${first?.runInfo.processGuid}`,
      ]);

      expect((await api.admin.post(`/v3/apps/${app}/actions/stop`)).body.state).toBe('STOPPED');
      expect(await lrpsOf(app)).toEqual([]);
    });

    test('scaling instances keeps the version, scaling memory does not', async () => {
      const app = await createApp(api.admin, spaceGuid);
      await assign(app, await stage(app));
      await api.admin.post(`/v3/apps/${app}/actions/start`);
      const [before] = await lrpsOf(app);
      const scaled = await api.admin.post(`/v3/apps/${app}/processes/web/actions/scale`, { instances: 3 });
      expect(scaled.status).toBe(202);
      expect(scaled.body.instances).toBe(3);
      expect(scaled.headers.location).toBeUndefined();
      const [wider] = await lrpsOf(app);
      expect(wider?.version).toBe(before?.version);
      expect(wider?.state.instances).toBe(3);
      await api.admin.post(`/v3/processes/${app}/actions/scale`, { memory_in_mb: 256, disk_in_mb: null });
      const [larger] = await lrpsOf(app);
      expect(larger?.version).not.toBe(before?.version);
      expect(larger?.runInfo.resources).toMatchObject({ memoryMb: 256, cpuWeight: 3 });
      const tooMuch = await api.admin.post(`/v3/processes/${app}/actions/scale`, { disk_in_mb: 4096, instances: 1.5 });
      expect(errorOf(tooMuch).status).toBe(422);
    });

    test('a command goes through the shell, a health check as it is set', async () => {
      const app = await createApp(api.admin, spaceGuid);
      await assign(app, await stage(app));
      const patched = await api.admin.patch(`/v3/processes/${app}`, {
        command: 'serve $PORT',
        health_check: { type: 'http', data: { endpoint: '/health', timeout: 90 } },
      });
      expect(patched.body).toMatchObject({
        command: 'serve $PORT',
        health_check: { type: 'http', data: { endpoint: '/health', timeout: 90, invocation_timeout: null } },
      });
      await api.admin.post(`/v3/apps/${app}/actions/start`);
      const [lrp] = await lrpsOf(app);
      expect(lrp?.runInfo.action.argv).toEqual(['/bin/sh', '-c', 'serve $PORT']);
      expect(lrp?.runInfo.healthCheck).toEqual({
        type: 'http',
        endpoint: '/health',
        invocationTimeoutMs: 1_000,
        intervalMs: 30_000,
      });
      expect(lrp?.runInfo.startTimeoutMs).toBe(90_000);
      const listed = await api.admin.get(`/v3/processes?app_guids=${app}`);
      expect(listed.body.resources[0].command).toBe('[PRIVATE DATA HIDDEN IN LISTS]');
    });

    test('an image with nothing to start says so', async () => {
      const app = await createApp(api.admin, spaceGuid);
      await assign(app, await stage(app, { entrypoint: [], cmd: [] }));
      const answer = await api.admin.post(`/v3/apps/${app}/actions/start`);
      expect(errorOf(answer).detail).toContain('Start command not specified');
      expect((await api.admin.get(`/v3/apps/${app}`)).body.state).toBe('STOPPED');
    });

    test("another app's droplet is refused", async () => {
      const one = await createApp(api.admin, spaceGuid);
      const other = await createApp(api.admin, spaceGuid);
      const answer = await assign(one, await stage(other));
      expect(errorOf(answer).detail).toContain('Unable to assign current droplet.');
    });
  });

  describe('routes', () => {
    test('lead to apps, and running processes follow', async () => {
      const app = await createApp(api.admin, spaceGuid);
      await assign(app, await stage(app));
      await api.admin.post(`/v3/apps/${app}/actions/start`);
      const route = await createRoute(api.admin, spaceGuid, 'Shop');
      const shown = await api.admin.get(`/v3/routes/${route}`);
      expect(shown.body).toMatchObject({
        host: 'shop',
        path: '',
        url: 'shop.apps.localhost',
        port: null,
        destinations: [],
      });
      const mapped = await api.admin.post(`/v3/routes/${route}/destinations`, {
        destinations: [{ app: { guid: app } }],
      });
      expect(mapped.body.destinations).toMatchObject([
        { app: { guid: app, process: { type: 'web' } }, port: 8080, protocol: 'http1', weight: null },
      ]);
      const [before] = await lrpsOf(app);
      expect(before?.state.routes).toMatchObject([{ url: 'shop.apps.localhost', port: null }]);

      // Once more is no news.
      await api.admin.post(`/v3/routes/${route}/destinations`, { destinations: [{ app: { guid: app } }] });
      expect((await api.admin.get(`/v3/routes/${route}/destinations`)).body.destinations).toHaveLength(1);

      // A port that the LRP has needs no new version, another one does.
      await api.admin.post(`/v3/routes/${route}/destinations`, { destinations: [{ app: { guid: app }, port: 9090 }] });
      expect((await lrpsOf(app))[0]?.version).toBe(before?.version);
      await api.admin.patch(`/v3/routes/${route}/destinations`, { destinations: [{ app: { guid: app }, port: 5000 }] });
      const [after] = await lrpsOf(app);
      expect(after?.version).not.toBe(before?.version);
      expect(after?.runInfo.ports).toEqual([5000]);
      expect((await api.admin.get(`/v3/apps/${app}/routes`)).body.resources).toMatchObject([{ guid: route }]);

      const [destination] = (await api.admin.get(`/v3/routes/${route}/destinations`)).body.destinations;
      const unmapped = await api.admin.delete(`/v3/routes/${route}/destinations/${destination.guid}`);
      expect(unmapped.status).toBe(204);
      expect((await lrpsOf(app))[0]?.state.routes).toEqual([]);
    });

    test('are found by host, also by none, and by path', async () => {
      await createRoute(api.admin, spaceGuid, 'found');
      const { body: domains } = await api.admin.get('/v3/domains?names=apps.localhost&page=1&per_page=1');
      const domain = domains.resources[0].guid;
      const find = async (query: string): Promise<number> =>
        (await api.admin.get(`/v3/routes?domain_guids=${domain}&${query}`)).body.resources.length;
      expect(await find('hosts=found&paths=')).toBe(1);
      expect(await find('hosts=FOUND')).toBe(1);
      expect(await find('hosts=')).toBe(0);
      expect(await find('hosts=found&paths=/x')).toBe(0);
    });

    test.each([
      ['dup', '', "Route already exists with host 'dup' for domain 'apps.localhost'."],
      ['api', '', 'Route conflicts with a reserved system route.'],
      ['', '', 'Missing host. Routes in shared domains must have a host defined.'],
      ['a.b', '', 'Host must be either'],
      ['x', 'nope', 'Path must start with a slash'],
      ['x', '/a?b', "Path cannot contain '?'"],
    ])('host %j with path %j: %s', async (host, path, detail) => {
      const { body: domains } = await api.admin.get('/v3/domains');
      const body = {
        host,
        path,
        relationships: {
          space: { data: { guid: spaceGuid } },
          domain: { data: { guid: domains.resources[0].guid } },
        },
      };
      if (host === 'dup') await api.admin.post('/v3/routes', body);
      expect(errorOf(await api.admin.post('/v3/routes', body)).detail).toContain(detail);
    });

    test('are deleted with a job', async () => {
      const route = await createRoute(api.admin, spaceGuid, 'gone');
      const answer = await api.admin.delete(`/v3/routes/${route}`);
      expect(answer.status).toBe(202);
      expect(errorOf(await api.admin.get(`/v3/routes/${route}`)).detail).toBe('Route not found');
    });
  });

  describe('the feature flag diego_docker', () => {
    const set = (enabled: boolean, message: string | null = null) =>
      api.admin.patch('/v3/feature_flags/diego_docker', { enabled, custom_error_message: message });

    test('starts as on, and off it refuses builds, starts and apps, even to administrators', async () => {
      const app = await createApp(api.admin, spaceGuid);
      const pack = await createPackage(api.admin, app);
      await assign(app, await stage(app));
      await api.admin.post(`/v3/apps/${app}/actions/start`);
      const flag = await api.admin.get('/v3/feature_flags/diego_docker');
      expect(flag.body).toMatchObject({ enabled: true, custom_error_message: null });
      try {
        expect((await set(false)).body.enabled).toBe(false);
        const refused = {
          status: 403,
          code: 330002,
          title: 'CF-FeatureDisabled',
          detail: 'Feature Disabled: diego_docker',
        };
        expect(errorOf(await api.admin.post('/v3/builds', { package: { guid: pack } }))).toEqual(refused);
        expect(errorOf(await api.admin.post(`/v3/apps/${app}/actions/restart`))).toEqual(refused);
        await expect(createApp(api.admin, spaceGuid)).rejects.toThrow('CF-FeatureDisabled');
        // Nothing is desired while it is off, though the app counts as started.
        expect(await lrpsOf(app)).toEqual([]);
        expect((await outbox()).at(-1)).toBe('sync ');
        await set(false, 'ask the platform team');
        const custom = await api.admin.post('/v3/builds', { package: { guid: pack } });
        expect(errorOf(custom).detail).toBe('Feature Disabled: ask the platform team');
      } finally {
        await set(true);
      }
      expect(await lrpsOf(app)).toHaveLength(1);
    });

    test('is listed with the others, and only administrators set it', async () => {
      const list = await api.admin.get('/v3/feature_flags?per_page=5000');
      expect(list.body.resources.map((flag: { name: string }) => flag.name)).toContain('diego_docker');
      expect(errorOf(await api.admin.get('/v3/feature_flags/none')).detail).toBe('Feature flag not found');
      const user = api.as(
        await issuer.token({ userGuid: 'user', scopes: ['cloud_controller.read', 'cloud_controller.write'] }),
      );
      expect((await user.get('/v3/feature_flags/diego_docker')).status).toBe(200);
      expect(errorOf(await user.patch('/v3/feature_flags/diego_docker', { enabled: false })).status).toBe(403);
    });
  });

  describe('logs', () => {
    test('may be read by who may see the app', async () => {
      const app = await createApp(api.admin, spaceGuid);
      expect((await api.admin.get(`/internal/v4/log_access/${app}`)).status).toBe(200);
      const stranger = api.as(await issuer.token({ userGuid: 'stranger', scopes: ['cloud_controller.read'] }));
      expect((await stranger.get(`/internal/v4/log_access/${app}`)).status).toBe(404);
      expect((await api.admin.get('/internal/v4/log_access/none')).status).toBe(404);
    });
  });

  test('stats without a bus say that they are not known', async () => {
    const app = await createApp(api.admin, spaceGuid);
    expect(errorOf(await api.admin.get(`/v3/processes/${app}/stats`))).toMatchObject({ status: 503, code: 220002 });
  });

  test('sidecars are none', async () => {
    const app = await createApp(api.admin, spaceGuid);
    expect((await api.admin.get(`/v3/processes/${app}/sidecars`)).body.resources).toEqual([]);
  });
});
