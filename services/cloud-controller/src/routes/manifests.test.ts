import { describe, expect, test } from 'vitest';
import { useApi } from '../../testing/api-suite.ts';
import { errorOf } from '../../testing/client.ts';
import { createApp, createRoute, createSpace } from '../../testing/fixtures.ts';
import { useManifests } from '../../testing/manifests.ts';
import { engines } from '../../testing/test-database.ts';
import { readYaml } from '../adapters/yaml/read-yaml.ts';

describe.each(engines)('on $engine', ({ create }) => {
  const suite = useApi(create);
  const { name, post, apply, jobOf, applied, failed, appNamed, routesOf, manifestOf } = useManifests(suite);
  const image = { docker: { image: 'nginx' } };

  test('makes an app with all that it says', async () => {
    const app = name();
    await applied({
      applications: [
        {
          name: app,
          ...image,
          'default-route': true,
          env: { A: 1, B: 'two' },
          metadata: { labels: { team: 'x' }, annotations: { note: 'y' } },
          memory: '64M',
          processes: [
            { type: 'web', instances: 2, memory: '128M', disk_quota: '256M', 'health-check-type': 'http', timeout: 90 },
            { type: 'worker', instances: 1, command: 'work', 'log-rate-limit-per-second': '1K' },
          ],
        },
      ],
    });
    const found = await appNamed(app);
    expect(found).toMatchObject({
      state: 'STOPPED',
      lifecycle: { type: 'docker' },
      metadata: { labels: { team: 'x' }, annotations: { note: 'y' } },
    });
    expect(await routesOf(found.guid)).toEqual([`${app}.apps.localhost`]);
    const { body } = await suite.api.admin.get(`/v3/apps/${found.guid}/environment_variables`);
    expect(body.var).toEqual({ A: '1', B: 'two' });
    expect((await suite.api.admin.get(`/v3/apps/${found.guid}/processes/web`)).body).toMatchObject({
      instances: 2,
      memory_in_mb: 128,
      disk_in_mb: 256,
      health_check: { type: 'http', data: { endpoint: '/', timeout: 90 } },
    });
    expect((await suite.api.admin.get(`/v3/apps/${found.guid}/processes/worker`)).body).toMatchObject({
      instances: 1,
      command: 'work',
      log_rate_limit_in_bytes_per_second: 1024,
      health_check: { type: 'process' },
    });
  });

  test('takes nothing away that it does not mention', async () => {
    const app = name();
    await applied({
      applications: [{ name: app, ...image, routes: [{ route: `${app}.apps.localhost/a` }], env: { A: 'a' } }],
    });
    await applied({ applications: [{ name: app, routes: [{ route: `${app}.apps.localhost/b` }], env: { B: 'b' } }] });
    const { guid } = await appNamed(app);
    expect((await routesOf(guid)).sort()).toEqual([`${app}.apps.localhost/a`, `${app}.apps.localhost/b`]);
    // An app that has a route gets no other one.
    await applied({ applications: [{ name: app, 'default-route': true }] });
    await applied({ applications: [{ name: app, 'random-route': true }] });
    expect(await routesOf(guid)).toHaveLength(2);
    await applied({ applications: [{ name: app, 'no-route': true, env: { A: null } }] });
    expect(await routesOf(guid)).toEqual([]);
    expect((await suite.api.admin.get(`/v3/apps/${guid}/environment_variables`)).body.var).toEqual({ B: 'b' });
    await applied({ applications: [{ name: app, 'random-route': true }] });
    expect((await routesOf(guid))[0]).toMatch(new RegExp(`^${app}-[a-z]+-[a-z]+-[a-z]{2}\\.apps\\.localhost$`));
  });

  test('of an app that runs, instances and routes follow at once, the rest at the restart', async () => {
    const app = await createApp(suite.api.admin, suite.spaceGuid, name());
    await suite.assign(app, await suite.stage(app));
    await suite.api.admin.post(`/v3/apps/${app}/actions/start`);
    const [before] = await suite.lrpsOf(app);
    const { name: appName } = (await suite.api.admin.get(`/v3/apps/${app}`)).body;
    await applied({
      applications: [
        {
          name: appName,
          routes: [{ route: `${appName}.apps.localhost`, protocol: 'http2' }],
          processes: [
            { type: 'web', instances: 3, memory: '99M', command: 'other' },
            { type: 'worker', instances: 1, command: 'work' },
          ],
        },
      ],
    });
    const lrps = await suite.lrpsOf(app);
    const web = lrps.find(({ processGuid }) => processGuid === app);
    expect(web?.version).toBe(before?.version);
    expect(web?.runInfo).toEqual(before?.runInfo);
    expect(web?.state).toMatchObject({
      instances: 3,
      routes: [{ url: `${appName}.apps.localhost`, protocol: 'http2' }],
    });
    expect(lrps.find(({ processGuid }) => processGuid !== app)?.runInfo.action.argv).toEqual(['/bin/sh', '-c', 'work']);
    await suite.api.admin.post(`/v3/apps/${app}/actions/restart`);
    const after = (await suite.lrpsOf(app)).find(({ processGuid }) => processGuid === app);
    expect(after?.runInfo).toMatchObject({ resources: { memoryMb: 99 }, action: { argv: ['/bin/sh', '-c', 'other'] } });
  });

  test('a route may be led to the app by another protocol', async () => {
    const app = name();
    const route = `${app}.apps.localhost`;
    const protocolOf = async () =>
      (await suite.api.admin.get(`/v3/routes?hosts=${app}`)).body.resources[0].destinations.map(
        (destination: { protocol: string }) => destination.protocol,
      );
    await applied({ applications: [{ name: app, ...image, routes: [{ route }] }] });
    expect(await protocolOf()).toEqual(['http1']);
    await applied({ applications: [{ name: app, routes: [{ route, protocol: 'http2' }] }] });
    await applied({ applications: [{ name: app, routes: [{ route }] }] });
    expect(await protocolOf()).toEqual(['http2']);
  });

  test('what cannot be done is done for no app, and the job says why', async () => {
    const [one, two] = [name(), name()];
    const other = await createSpace(suite.api.admin);
    await createRoute(suite.api.admin, other.spaceGuid, two);
    const detail = await failed({
      applications: [
        { name: one, ...image, instances: 7 },
        { name: two, ...image, 'default-route': true },
      ],
    });
    expect(detail).toContain(`For application '${two}': The app cannot be mapped to route ${two}`);
    // Both are there: the cf CLI looks for them; neither was changed.
    expect(await appNamed(two)).toBeDefined();
    const { guid } = await appNamed(one);
    expect((await suite.api.admin.get(`/v3/apps/${guid}/processes/web`)).body.instances).toBe(1);
  });

  test.each([
    [{ routes: [{ route: 'x.unknown.example' }] }, 'No domains exist for route x.unknown.example'],
    [{ routes: [{ route: 'api.apps.localhost' }] }, 'Route conflicts with a reserved system route.'],
    [{ routes: [{ route: 'apps.localhost' }] }, 'Missing host.'],
    [{ services: ['db'] }, "Service instance 'db' not found"],
    [{ 'health-check-http-endpoint': '/x' }, 'Health check type must be "http"'],
    [{ disk_quota: '900G' }, 'Disk in mb must be less than or equal to 2048'],
    [{ timeout: 9999 }, 'Health check data timeout must be less than or equal to 180'],
  ])('%j fails: %s', async (application, text) => {
    expect(await failed({ applications: [{ name: name(), ...image, ...application }] })).toContain(text);
  });

  test('binds services of the space, and says so when it is written down', async () => {
    const app = name();
    for (const service of ['db', 'queue']) {
      const created = await suite.api.admin.post('/v3/service_instances', {
        type: 'user-provided',
        name: service,
        credentials: { password: 'secret-word' },
        relationships: { space: { data: { guid: suite.spaceGuid } } },
      });
      expect(created.status).toBe(201);
    }
    const services = ['db', { name: 'queue', binding_name: 'jobs' }];
    await applied({ applications: [{ name: app, ...image, services }] });
    await applied({ applications: [{ name: app, services: ['queue'] }] });
    const text = await manifestOf((await appNamed(app)).guid);
    expect(readYaml(text)).toMatchObject({ value: { applications: [{ services }] } });
    expect(text).not.toContain('secret-word');
    const more = { applications: [{ name: app, services: ['queue', 'db', 'new'] }] };
    const { body } = await post(`/v3/spaces/${suite.spaceGuid}/manifest_diff`, more);
    expect(body.diff).toEqual([{ op: 'add', path: '/applications/0/services/2', value: 'new' }]);
  });

  test('a manifest that is none is refused before anything is done', async () => {
    const app = name();
    expect(errorOf(await apply({ applications: [{ name: app, ...image, memory: 12 }] }))).toMatchObject({
      status: 422,
    });
    expect(await appNamed(app)).toBeUndefined();
    expect(errorOf(await apply('a: ['))).toMatchObject({ status: 400, code: 1001 });
    expect(errorOf(await apply(''))).toMatchObject({ status: 400, code: 1001 });
    expect(errorOf(await apply('{}'))).toMatchObject({ status: 422 });
    const json = await suite.api.admin.post(`/v3/spaces/${suite.spaceGuid}/actions/apply_manifest`, {});
    expect(errorOf(json)).toMatchObject({ status: 400, detail: expect.stringContaining('Content-Type must be yaml') });
    expect(errorOf(await post('/v3/apps', 'name: x'))).toMatchObject({ status: 400, code: 1001 });
    expect(errorOf(await apply('x'.repeat(2 * 1024 * 1024)))).toMatchObject({
      status: 400,
      code: 1004,
      detail: 'Bad request: Manifest size is too large. The maximum supported size is 1MB.',
    });
  });

  test('an app without an image is refused with what to do', async () => {
    expect(errorOf(await apply({ applications: [{ name: name(), memory: '1G' }] })).detail).toContain(
      'Slipway runs Docker images only',
    );
  });

  test('while images are switched off no app is made', async () => {
    await suite.api.admin.patch('/v3/feature_flags/diego_docker', { enabled: false });
    const answer = await apply({ applications: [{ name: name(), ...image }] });
    await suite.api.admin.patch('/v3/feature_flags/diego_docker', { enabled: true });
    expect(errorOf(answer)).toMatchObject({
      status: 422,
      detail: expect.stringContaining('Feature Disabled: diego_docker'),
    });
  });

  test("an app's own endpoint takes a manifest of this app only", async () => {
    const app = name();
    const guid = await createApp(suite.api.admin, suite.spaceGuid, app);
    const path = `/v3/apps/${guid}/actions/apply_manifest`;
    expect(await jobOf(await post(path, { applications: [{ name: app, instances: 2 }] }))).toMatchObject({
      state: 'COMPLETE',
      operation: 'app.apply_manifest',
    });
    expect((await post(path, { applications: [{ name: 'other', ...image }] })).status).toBe(422);
  });

  test('the difference to what is there', async () => {
    const app = name();
    await applied({
      applications: [{ name: app, ...image, memory: '1G', env: { A: 'a', B: 'b' }, 'default-route': true }],
    });
    const manifest = {
      applications: [
        {
          name: app,
          memory: '1024M',
          'disk-quota': '2G',
          command: 'x',
          env: { A: 'a', B: 2 },
          routes: [{ route: `http://${app}.apps.localhost/` }, { route: `${app}.apps.localhost/x` }],
        },
        { name: name(), memory: '2G', docker: { image: 'i' } },
      ],
    };
    const answer = await post(`/v3/spaces/${suite.spaceGuid}/manifest_diff`, manifest);
    expect(answer.status).toBe(201);
    const added = manifest.applications[1];
    expect(answer.body.diff).toEqual([
      { op: 'replace', path: '/applications/0/disk-quota', was: '1024M', value: '2048M' },
      { op: 'add', path: '/applications/0/command', value: 'x' },
      { op: 'replace', path: '/applications/0/env/B', was: 'b', value: '2' },
      { op: 'add', path: '/applications/0/routes/1', value: { route: `${app}.apps.localhost/x` } },
      { op: 'add', path: '/applications/1/name', value: added?.name },
      { op: 'add', path: '/applications/1/memory', value: '2048M' },
      { op: 'add', path: '/applications/1/docker', value: { image: 'i' } },
    ]);
    const none = await post(`/v3/spaces/${suite.spaceGuid}/manifest_diff`, {
      applications: [{ name: app, 'no-route': true }],
    });
    expect(none.body.diff).toEqual([
      { op: 'remove', path: '/applications/0/routes', was: [{ route: `${app}.apps.localhost`, protocol: 'http1' }] },
    ]);
  });

  test('sidecars are made and changed by their names, and told apart from what is there', async () => {
    const app = name();
    const sidecars = (memory: string, types: string[]) => [
      { name: 'proxy', command: 'run', process_types: types, memory },
    ];
    await applied({ applications: [{ name: app, ...image, sidecars: sidecars('64M', ['web']) }] });
    const { guid } = await appNamed(app);
    const shown = async () => (await suite.api.admin.get(`/v3/apps/${guid}/sidecars`)).body.resources;
    const [first] = await shown();
    expect(first).toMatchObject({ name: 'proxy', memory_in_mb: 64, process_types: ['web'] });
    const next = {
      applications: [
        {
          name: app,
          sidecars: [...sidecars('1G', ['web', 'worker']), { name: 'b', command: 'c', process_types: ['web'] }],
        },
      ],
    };
    const diff = await post(`/v3/spaces/${suite.spaceGuid}/manifest_diff`, next);
    expect(diff.body.diff).toEqual([
      { op: 'add', path: '/applications/0/sidecars/0/process_types/1', value: 'worker' },
      { op: 'replace', path: '/applications/0/sidecars/0/memory', was: '64M', value: '1024M' },
      { op: 'add', path: '/applications/0/sidecars/1', value: { name: 'b', command: 'c', process_types: ['web'] } },
    ]);
    expect(await failed(next)).toBe(
      `For application '${app}': The memory allocation defined is too large to run with the dependent "web" process`,
    );
    await applied({ applications: [{ name: app, memory: '2G', sidecars: next.applications[0]?.sidecars }] });
    expect(await shown()).toMatchObject([
      { guid: first.guid, memory_in_mb: 1024, process_types: ['web', 'worker'] },
      { name: 'b', memory_in_mb: null },
    ]);
  });

  test('routes get their options, which running instances register at once', async () => {
    const app = await createApp(suite.api.admin, suite.spaceGuid, name());
    await suite.assign(app, await suite.stage(app));
    await suite.api.admin.post(`/v3/apps/${app}/actions/start`);
    const { name: appName } = (await suite.api.admin.get(`/v3/apps/${app}`)).body;
    const route = `${appName}.apps.localhost`;
    const apply = (options: object) => applied({ applications: [{ name: appName, routes: [{ route, options }] }] });
    await apply({ loadbalancing: 'least-connection' });
    const [lrp] = await suite.lrpsOf(app);
    expect(lrp?.state.routes).toMatchObject([{ url: route, options: { loadbalancing: 'least-connection' } }]);
    expect(await manifestOf(app)).toContain('loadbalancing: "least-connection"');
    const [shown] = (await suite.api.admin.get(`/v3/apps/${app}/routes`)).body.resources;
    expect(shown.options).toEqual({ loadbalancing: 'least-connection' });
    const wish = { applications: [{ name: appName, routes: [{ route, options: { loadbalancing: 'round-robin' } }] }] };
    expect((await post(`/v3/spaces/${suite.spaceGuid}/manifest_diff`, wish)).body.diff).toEqual([
      {
        op: 'replace',
        path: '/applications/0/routes/0/options/loadbalancing',
        was: 'least-connection',
        value: 'round-robin',
      },
    ]);
    const patched = await suite.api.admin.patch(`/v3/routes/${shown.guid}`, { options: { loadbalancing: null } });
    expect(patched.body.options).toEqual({});
    expect((await suite.lrpsOf(app))[0]?.state.routes).toMatchObject([{ url: route, options: {} }]);
  });
});
