import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { permissionMatrix } from '../../testing/permission-matrix.ts';
import { requestFor } from '../../testing/permission-requests.ts';
import { startTestApi, type TestApi } from '../../testing/test-api.ts';
import { engines, type TestDatabase } from '../../testing/test-database.ts';
import { startTokenIssuer, type TokenIssuer } from '../../testing/token-issuer.ts';
import { holders, link, seedWorld, type World } from '../../testing/world.ts';
import { purposes } from '../domain/secrets/purposes.ts';

/** Nothing else has them in it. */
const PASSWORD = 'canary-registry-password-5b1f';
const CREDENTIAL = 'canary-service-credential-9c4e';
const VARIABLE = 'canary-variable-7d2a';
const GROUP_VARIABLE = 'canary-group-variable-3e8b';
const REGISTRY_PASSWORD = 'canary-registry-credentials-4f7d';
const MISPLACED = 'canary-misplaced-1f6c';
const YAML = { 'content-type': 'application/x-yaml' };

/** Where values are shown by design, to who may read them: what is set there can be read there. */
const SHOWN: Readonly<Record<string, readonly string[]>> = {
  [CREDENTIAL]: [
    'GET /v3/apps/{guid}/env',
    'GET /v3/service_instances/{guid}/credentials',
    'GET /v3/service_credential_bindings/{guid}/details',
  ],
  [VARIABLE]: [
    'GET /v3/apps/{guid}/env',
    'GET /v3/apps/{guid}/environment_variables',
    'PATCH /v3/apps/{guid}/environment_variables',
    'GET /v3/apps/{guid}/manifest',
    'POST /v3/spaces/{guid}/manifest_diff',
    'GET /v3/revisions/{guid}/environment_variables',
  ],
  [GROUP_VARIABLE]: [
    'GET /v3/apps/{guid}/env',
    'GET /v3/environment_variable_groups/{name}',
    'PATCH /v3/environment_variable_groups/{name}',
  ],
};

const rows = permissionMatrix();

describe.each(engines)('secrets, on $engine', ({ create }) => {
  let issuer: TokenIssuer;
  let database: TestDatabase;
  let api: TestApi;
  let world: World;
  beforeAll(async () => {
    issuer = await startTokenIssuer();
    database = await create();
    api = await startTestApi(database, issuer);
    world = await seedWorld(api, issuer);
    await plant();
  });
  afterAll(async () => {
    await api?.stop();
    await database?.remove();
    await issuer?.stop();
  });

  /** Secrets in everything of the world that holds some. */
  const plant = async (): Promise<void> => {
    const { admin } = api;
    const { ids } = world;
    const done = async (answer: Promise<{ readonly status: number; readonly text: string }>): Promise<void> => {
      const { status, text } = await answer;
      expect([status < 300, text]).toEqual([true, text]);
    };
    const data = { image: 'registry.test/private', username: 'puller', password: PASSWORD };
    ids.packages = await world.make('packages', {
      type: 'docker',
      relationships: { app: link(ids.startedApp) },
      data,
    });
    ids.service_instances = await world.make('service_instances', {
      type: 'user-provided',
      name: 'with-secrets',
      credentials: { password: CREDENTIAL, deep: [{ token: CREDENTIAL }] },
      relationships: { space: link(ids.spaces) },
    });
    for (const kind of ['space', 'organization'] as const) {
      const guid = await world.registryCredentials(kind, REGISTRY_PASSWORD);
      // One that waits besides one that is in use.
      const path = `/v3/registry_credentials/${guid}`;
      await done(admin.patch(`${path}?force=true`, { password: REGISTRY_PASSWORD }));
      await done(admin.patch(path, { password: REGISTRY_PASSWORD }));
      ids[kind === 'space' ? 'registry_credentials' : 'organizationCredentials'] = guid;
    }
    for (const app of [ids.apps, ids.startedApp]) {
      const relationships = { app: link(app), service_instance: link(ids.service_instances) };
      ids.service_credential_bindings = await world.make('service_credential_bindings', { type: 'app', relationships });
      await done(admin.patch(`/v3/apps/${app}/environment_variables`, { var: { SECRET: VARIABLE } }));
    }
    for (const name of ['running', 'staging']) {
      await done(admin.patch(`/v3/environment_variable_groups/${name}`, { var: { SECRET: GROUP_VARIABLE } }));
    }
    await done(admin.post(`/v3/apps/${ids.startedApp}/actions/restart`));
    const manifest = `applications: [{name: permitted, docker: {image: x, username: u, password: ${MISPLACED}}, env: {SECRET: ${VARIABLE}}}]`;
    await done(admin.send('POST', `/v3/spaces/${ids.spaces}/actions/apply_manifest`, manifest, YAML));
    await done(admin.send('POST', `/v3/spaces/${ids.spaces}/manifest_diff`, manifest, YAML));
  };

  /** Everything that no answer has, but where it is asked for. */
  const secretsNotFor = async (endpoint: string): Promise<readonly string[]> => [
    PASSWORD,
    REGISTRY_PASSWORD,
    MISPLACED,
    issuer.clientSecret,
    (await issuer.token()).slice('bearer '.length, 'bearer '.length + 30),
    ...Object.keys(SHOWN).filter((secret) => SHOWN[secret]?.includes(endpoint) !== true),
  ];

  test('are where they can be asked for, so that this test can fail', async () => {
    const { ids } = world;
    const get = async (path: string): Promise<string> => (await api.admin.get(path)).text;
    const env = await get(`/v3/apps/${ids.startedApp}/env`);
    expect(env).toContain(CREDENTIAL);
    expect(env).toContain(VARIABLE);
    expect(env).toContain(GROUP_VARIABLE);
    expect(await get(`/v3/service_instances/${ids.service_instances}/credentials`)).toContain(CREDENTIAL);
    expect(await get(`/v3/apps/${ids.apps}/manifest`)).toContain(VARIABLE);
    expect(await get(`/v3/packages/${ids.packages}`)).toContain('puller');
    expect(await get(`/v3/registry_credentials/${ids.registry_credentials}`)).toContain('robot');
    const rows = await api.db.selectFrom('registry_credentials').selectAll().execute();
    const { vault } = api.platform;
    const row = rows.find(({ guid }) => guid === ids.registry_credentials);
    expect(vault.decrypt(row?.password ?? '', purposes.registryPassword(row?.guid ?? ''))).toBe(REGISTRY_PASSWORD);
  });

  test.each(rows)('$endpoint gives none away', async ({ endpoint, statuses }) => {
    const bare = endpoint.replace(/ \(.+\)$/, '');
    const secrets = await secretsNotFor(bare);
    for (const holder of holders) {
      const { path, body, headers } = await requestFor(endpoint, world, statuses[holder] < 300);
      const answer = await (await world.client(holder)).send(endpoint.split(' ')[0] ?? '', path, body, headers);
      const all = `${JSON.stringify(answer.headers)} ${answer.text}`;
      expect([endpoint, holder, secrets.filter((secret) => all.includes(secret))]).toEqual([endpoint, holder, []]);
    }
  });

  test.each([
    ['a body that is not JSON', 'POST', '/v3/packages', `{"password":"${MISPLACED}`],
    ['a body that is not JSON at its end', 'POST', '/v3/packages', `{"password":"${MISPLACED}"]`],
    ['a body with a field that is not known', 'POST', '/v3/packages', JSON.stringify({ password: MISPLACED })],
    [
      'a body with a secret of a wrong type',
      'POST',
      '/v3/service_instances',
      JSON.stringify({ type: 'user-provided', name: 'x', credentials: [MISPLACED] }),
    ],
    [
      'registry credentials that are refused',
      'POST',
      '/v3/registry_credentials',
      JSON.stringify({ name: 'x', registry: MISPLACED, username: 'a:b', password: MISPLACED, relationships: {} }),
    ],
    [
      'registry credentials with a secret of a wrong type',
      'POST',
      '/v3/registry_credentials',
      JSON.stringify({ name: 'x', registry: 'r.test', username: 'a', password: [MISPLACED], relationships: {} }),
    ],
    [
      'a package that is refused',
      'POST',
      '/v3/packages',
      JSON.stringify({ type: 'docker', data: { image: '', username: 'u', password: MISPLACED } }),
    ],
    [
      'a name that is a secret of a wrong type',
      'POST',
      '/v3/apps',
      JSON.stringify({ name: { password: MISPLACED }, environment_variables: { A: [MISPLACED] } }),
    ],
  ])('%s does not come back', async (_, method, path, body) => {
    const answer = await api.admin.send(method, path, body);
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.text).not.toContain(MISPLACED);
  });

  test('manifests that are refused do not come back', async () => {
    const path = `/v3/spaces/${world.id('spaces')}/actions/apply_manifest`;
    for (const text of [
      `applications: [{name: x, docker: {image: x, password: ${MISPLACED}}, memory: 7}]`,
      `applications: [{name: x, env: {SECRET: [${MISPLACED}]}}]`,
      `applications:\n- name: x\n  env:\n    SECRET: "${MISPLACED}\n`,
      `applications: ${MISPLACED}`,
    ]) {
      const answer = await api.admin.send('POST', path, text, YAML);
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(answer.text).not.toContain(MISPLACED);
    }
  });

  test('a token that is refused does not come back', async () => {
    const answer = await api.as(`bearer ${MISPLACED}`).get('/v3/apps');
    expect([answer.status, answer.text.includes(MISPLACED)]).toEqual([401, false]);
  });

  // After all of the above.
  test('are in no line of any log, no event, no job', async () => {
    const everything = [
      PASSWORD,
      REGISTRY_PASSWORD,
      MISPLACED,
      CREDENTIAL,
      VARIABLE,
      GROUP_VARIABLE,
      issuer.clientSecret,
    ];
    const token = (await issuer.token()).slice('bearer '.length, 'bearer '.length + 30);
    expect(api.log()).toContain('/v3/packages');
    const events = await api.db.selectFrom('audit_events').selectAll().execute();
    const jobs = await api.db.selectFrom('jobs').selectAll().execute();
    const outbox = await api.db.selectFrom('outbox').selectAll().execute();
    expect(events.length).toBeGreaterThan(0);
    for (const [name, text] of Object.entries({
      log: api.log(),
      lines: JSON.stringify(api.lines),
      events: JSON.stringify(events),
      jobs: JSON.stringify(jobs),
      outbox: JSON.stringify(outbox),
    })) {
      expect([name, [...everything, token].filter((secret) => text.includes(secret))]).toEqual([name, []]);
    }
  });

  test('are nowhere in the database as they are', async () => {
    const tables = await api.db.introspection.getTables();
    for (const { name } of tables) {
      const text = JSON.stringify(
        await api.db
          .selectFrom(name as 'apps')
          .selectAll()
          .execute(),
      );
      const found = [PASSWORD, REGISTRY_PASSWORD, CREDENTIAL, VARIABLE, GROUP_VARIABLE, MISPLACED].filter((s) =>
        text.includes(s),
      );
      expect([name, found]).toEqual([name, []]);
    }
  });
});
