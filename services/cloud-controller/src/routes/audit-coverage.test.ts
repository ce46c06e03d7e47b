import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { useApi } from '../../testing/api-suite.ts';
import type { Answer } from '../../testing/client.ts';
import { createApp, createBuild, createPackage, createRoute, createSpace } from '../../testing/fixtures.ts';
import { engines } from '../../testing/test-database.ts';
import { writeYaml } from '../adapters/yaml/write-yaml.ts';

/** What is refused whoever asks, so that it changes nothing: beginnings of paths. */
const refused = [
  '/v2/',
  '/v3/buildpacks',
  '/v3/stacks',
  '/v3/service_brokers',
  '/v3/service_offerings',
  '/v3/service_plans',
  '/v3/service_route_bindings',
  '/v3/route_policies',
  '/v3/resource_matches',
  '/v3/packages/{guid}/upload',
  '/v3/droplets/{guid}/upload',
  '/v3/service_instances/{guid}/relationships/shared_spaces',
];

/** What changes something and leaves no event, each with the reason. */
const silent: Readonly<Record<string, string>> = {
  'POST /v3/droplets': 'droplets are made by builds alone: it is refused',
  'POST /v3/spaces/{guid}/manifest_diff': 'it only compares',
  'DELETE /v3/processes/{guid}/instances/{index}': 'needs a running instance: app-stats.test.ts',
  'DELETE /v3/apps/{guid}/processes/{type}/instances/{index}': 'needs a running instance: app-stats.test.ts',
};

const YAML = { 'content-type': 'application/x-yaml' };
const one = (guid: string) => ({ data: { guid } });
const many = (...guids: string[]) => ({ data: guids.map((guid) => ({ guid })) });
const labels = { metadata: { labels: { audited: 'yes' } } };

describe.each(engines)('every change leaves an event, on $engine', ({ create }) => {
  const suite = useApi(create);
  const name = (): string => `x-${randomUUID().slice(0, 8)}`;
  const make = async (path: string, body: unknown): Promise<string> => {
    const answer = await suite.api.admin.post(path, body);
    if (answer.status !== 201) throw new Error(answer.text);
    return answer.body.guid;
  };
  const space = () => createSpace(suite.api.admin);
  const group = () => make('/v3/security_groups', { name: name(), rules: [] });
  const bound = (lifecycle: string) =>
    make('/v3/security_groups', { name: name(), relationships: { [`${lifecycle}_spaces`]: many(suite.spaceGuid) } });
  const app = () => createApp(suite.api.admin, suite.spaceGuid);
  const pack = async () => createPackage(suite.api.admin, await app());
  const route = () => createRoute(suite.api.admin, suite.spaceGuid, name());
  const policy = async () => ({
    source: { id: await app() },
    destination: { id: await app(), protocol: 'tcp', ports: { start: 8080, end: 8080 } },
  });
  const startedApp = async (): Promise<{ app: string; droplet: string }> => {
    const guid = await app();
    const droplet = await suite.stage(guid);
    await suite.assign(guid, droplet);
    await suite.api.admin.post(`/v3/apps/${guid}/actions/start`);
    return { app: guid, droplet };
  };
  const stagedApp = async (): Promise<string> => {
    const guid = await app();
    await suite.assign(guid, await suite.stage(guid));
    return guid;
  };
  const task = async (): Promise<string> =>
    (await suite.api.admin.post(`/v3/apps/${await stagedApp()}/tasks`, { command: 'x' })).body.guid;
  const destination = async (): Promise<{ route: string; guid: string }> => {
    const guid = await route();
    const answer = await suite.api.admin.post(`/v3/routes/${guid}/destinations`, {
      destinations: [{ app: { guid: await app() } }],
    });
    return { route: guid, guid: answer.body.destinations[0].guid };
  };
  const deployment = async (options: object = {}): Promise<string> => {
    const started = await startedApp();
    return make('/v3/deployments', { relationships: { app: one(started.app) }, ...options });
  };
  const revision = async (): Promise<string> => {
    const started = await startedApp();
    return (await suite.api.admin.get(`/v3/apps/${started.app}/revisions`)).body.resources[0].guid;
  };
  const privateDomain = () =>
    make('/v3/domains', { name: `${name()}.test`, relationships: { organization: one(suite.organizationGuid) } });
  const organizationQuota = () => make('/v3/organization_quotas', { name: name() });
  const spaceQuota = (spaces: readonly string[] = []) =>
    make('/v3/space_quotas', {
      name: name(),
      relationships: { organization: one(suite.organizationGuid), spaces: many(...spaces) },
    });
  const segment = () => make('/v3/isolation_segments', { name: name() });
  const entitled = async (): Promise<string> => {
    const guid = await segment();
    const path = `/v3/isolation_segments/${guid}/relationships/organizations`;
    await suite.api.admin.post(path, many(suite.organizationGuid));
    return guid;
  };
  const user = async (): Promise<string> => make('/v3/users', { guid: suite.issuer.addUser(name()) });
  const sidecarBody = { name: 'proxy', command: 'run', process_types: ['web'] };
  const sidecar = async (): Promise<string> => make(`/v3/apps/${await app()}/sidecars`, sidecarBody);
  const service = () =>
    make('/v3/service_instances', {
      type: 'user-provided',
      name: name(),
      relationships: { space: one(suite.spaceGuid) },
    });
  const binding = async (): Promise<string> =>
    make('/v3/service_credential_bindings', {
      type: 'app',
      relationships: { app: one(await app()), service_instance: one(await service()) },
    });
  const role = async (): Promise<string> =>
    make('/v3/roles', {
      type: 'organization_user',
      relationships: { user: one(await user()), organization: one(suite.organizationGuid) },
    });
  const credentialsBody = () => ({
    name: name(),
    registry: `${name()}.test`,
    username: 'robot',
    password: 'secret',
    relationships: { space: one(suite.spaceGuid) },
  });
  const registryCredentials = async (): Promise<string> =>
    (await suite.api.admin.post('/v3/registry_credentials', credentialsBody())).body.guid;
  const sharing = async <T>(work: () => Promise<T>): Promise<T> => {
    await suite.api.admin.patch('/v3/feature_flags/route_sharing', { enabled: true });
    return work();
  };
  const manifest = writeYaml({ applications: [{ name: name(), docker: { image: 'x' }, 'no-route': true }] });
  type Call = () => Promise<Answer>;
  const { post, patch, remove, send } = {
    post: (path: string, body?: unknown) => (): Promise<Answer> => suite.api.admin.post(path, body),
    patch: (path: string, body?: unknown) => (): Promise<Answer> => suite.api.admin.patch(path, body),
    remove: (path: string) => (): Promise<Answer> => suite.api.admin.delete(path),
    send: (path: string, body: string) => (): Promise<Answer> => suite.api.admin.send('POST', path, body, YAML),
  };

  /** Prepares what each endpoint needs; what it returns is the change. */
  const changes: Readonly<Record<string, () => Promise<Call> | Call>> = {
    'POST /v3/organizations': () => post('/v3/organizations', { name: name() }),
    'PATCH /v3/organizations/{guid}': () => patch(`/v3/organizations/${suite.organizationGuid}`, labels),
    'DELETE /v3/organizations/{guid}': async () => remove(`/v3/organizations/${(await space()).organizationGuid}`),
    'PATCH /v3/organizations/{guid}/relationships/default_isolation_segment': async () =>
      patch(
        `/v3/organizations/${suite.organizationGuid}/relationships/default_isolation_segment`,
        one(await entitled()),
      ),
    'PATCH /v3/organizations/{guid}/signature_policy': () =>
      patch(`/v3/organizations/${suite.organizationGuid}/signature_policy`, { enabled: false }),
    'POST /v3/organization_quotas': () => post('/v3/organization_quotas', { name: name() }),
    'PATCH /v3/organization_quotas/{guid}': async () =>
      patch(`/v3/organization_quotas/${await organizationQuota()}`, { name: name() }),
    'DELETE /v3/organization_quotas/{guid}': async () => remove(`/v3/organization_quotas/${await organizationQuota()}`),
    'POST /v3/organization_quotas/{guid}/relationships/organizations': async () =>
      post(
        `/v3/organization_quotas/${await organizationQuota()}/relationships/organizations`,
        many((await space()).organizationGuid),
      ),
    'POST /v3/space_quotas': () =>
      post('/v3/space_quotas', { name: name(), relationships: { organization: one(suite.organizationGuid) } }),
    'PATCH /v3/space_quotas/{guid}': async () => patch(`/v3/space_quotas/${await spaceQuota()}`, { name: name() }),
    'DELETE /v3/space_quotas/{guid}': async () => remove(`/v3/space_quotas/${await spaceQuota()}`),
    'POST /v3/space_quotas/{guid}/relationships/spaces': async () =>
      post(`/v3/space_quotas/${await spaceQuota()}/relationships/spaces`, many(suite.spaceGuid)),
    'DELETE /v3/space_quotas/{guid}/relationships/spaces/{space}': async () =>
      remove(`/v3/space_quotas/${await spaceQuota([suite.spaceGuid])}/relationships/spaces/${suite.spaceGuid}`),
    'POST /v3/isolation_segments': () => post('/v3/isolation_segments', { name: name() }),
    'PATCH /v3/isolation_segments/{guid}': async () => patch(`/v3/isolation_segments/${await segment()}`, labels),
    'DELETE /v3/isolation_segments/{guid}': async () => remove(`/v3/isolation_segments/${await segment()}`),
    'POST /v3/isolation_segments/{guid}/relationships/organizations': async () =>
      post(`/v3/isolation_segments/${await segment()}/relationships/organizations`, many(suite.organizationGuid)),
    'DELETE /v3/isolation_segments/{guid}/relationships/organizations/{organization}': async () =>
      remove(`/v3/isolation_segments/${await entitled()}/relationships/organizations/${suite.organizationGuid}`),
    'POST /v3/security_groups': () => post('/v3/security_groups', { name: name(), rules: [] }),
    'PATCH /v3/security_groups/{guid}': async () => patch(`/v3/security_groups/${await group()}`, { name: name() }),
    'DELETE /v3/security_groups/{guid}': async () => remove(`/v3/security_groups/${await group()}`),
    'POST /v3/security_groups/{guid}/relationships/running_spaces': async () =>
      post(`/v3/security_groups/${await group()}/relationships/running_spaces`, many(suite.spaceGuid)),
    'POST /v3/security_groups/{guid}/relationships/staging_spaces': async () =>
      post(`/v3/security_groups/${await group()}/relationships/staging_spaces`, many(suite.spaceGuid)),
    'DELETE /v3/security_groups/{guid}/relationships/running_spaces/{space}': async () =>
      remove(`/v3/security_groups/${await bound('running')}/relationships/running_spaces/${suite.spaceGuid}`),
    'DELETE /v3/security_groups/{guid}/relationships/staging_spaces/{space}': async () =>
      remove(`/v3/security_groups/${await bound('staging')}/relationships/staging_spaces/${suite.spaceGuid}`),
    'POST /v3/spaces': () =>
      post('/v3/spaces', { name: name(), relationships: { organization: one(suite.organizationGuid) } }),
    'PATCH /v3/spaces/{guid}': () => patch(`/v3/spaces/${suite.spaceGuid}`, labels),
    'PATCH /v3/spaces/{guid}/features/{name}': () =>
      patch(`/v3/spaces/${suite.spaceGuid}/features/ssh`, { enabled: true }),
    'DELETE /v3/spaces/{guid}': async () => remove(`/v3/spaces/${(await space()).spaceGuid}`),
    'PATCH /v3/spaces/{guid}/relationships/isolation_segment': async () =>
      patch(`/v3/spaces/${suite.spaceGuid}/relationships/isolation_segment`, one(await entitled())),
    'DELETE /v3/spaces/{guid}/routes': async () => {
      const { spaceGuid } = await space();
      await createRoute(suite.api.admin, spaceGuid, name());
      return remove(`/v3/spaces/${spaceGuid}/routes?unmapped=true`);
    },
    'POST /v3/spaces/{guid}/actions/apply_manifest': () =>
      send(`/v3/spaces/${suite.spaceGuid}/actions/apply_manifest`, manifest),
    'POST /v3/users': () => post('/v3/users', { guid: suite.issuer.addUser(name()) }),
    'PATCH /v3/users/{guid}': async () => patch(`/v3/users/${await user()}`, labels),
    'DELETE /v3/users/{guid}': async () => remove(`/v3/users/${await user()}`),
    'POST /v3/roles': async () =>
      post('/v3/roles', {
        type: 'organization_user',
        relationships: { user: one(await user()), organization: one(suite.organizationGuid) },
      }),
    'DELETE /v3/roles/{guid}': async () => remove(`/v3/roles/${await role()}`),
    'POST /v3/domains': () => post('/v3/domains', { name: `${name()}.test` }),
    'PATCH /v3/domains/{guid}': async () => patch(`/v3/domains/${await privateDomain()}`, labels),
    'DELETE /v3/domains/{guid}': async () => remove(`/v3/domains/${await privateDomain()}`),
    'POST /v3/domains/{guid}/relationships/shared_organizations': async () =>
      post(
        `/v3/domains/${await privateDomain()}/relationships/shared_organizations`,
        many((await space()).organizationGuid),
      ),
    'DELETE /v3/domains/{guid}/relationships/shared_organizations/{organization}': async () => {
      const path = `/v3/domains/${await privateDomain()}/relationships/shared_organizations`;
      const { organizationGuid } = await space();
      await suite.api.admin.post(path, many(organizationGuid));
      return remove(`${path}/${organizationGuid}`);
    },
    'POST /v3/apps': () => post('/v3/apps', { name: name(), relationships: { space: one(suite.spaceGuid) } }),
    'PATCH /v3/apps/{guid}': async () => patch(`/v3/apps/${await app()}`, labels),
    'DELETE /v3/apps/{guid}': async () => remove(`/v3/apps/${await app()}`),
    'POST /v3/apps/{guid}/actions/start': async () => {
      const { app: guid } = await startedApp();
      await suite.api.admin.post(`/v3/apps/${guid}/actions/stop`);
      return post(`/v3/apps/${guid}/actions/start`);
    },
    'POST /v3/apps/{guid}/actions/stop': async () => post(`/v3/apps/${(await startedApp()).app}/actions/stop`),
    'POST /v3/apps/{guid}/actions/restart': async () => post(`/v3/apps/${(await startedApp()).app}/actions/restart`),
    'POST /v3/apps/{guid}/actions/apply_manifest': async () => {
      const guid = await app();
      const { body } = await suite.api.admin.get(`/v3/apps/${guid}`);
      const yaml = writeYaml({ applications: [{ name: body.name, docker: { image: 'x' }, instances: 2 }] });
      return send(`/v3/apps/${guid}/actions/apply_manifest`, yaml);
    },
    'PATCH /v3/apps/{guid}/environment_variables': async () =>
      patch(`/v3/apps/${await app()}/environment_variables`, { var: { A: '1' } }),
    'PATCH /v3/apps/{guid}/features/{name}': async () =>
      patch(`/v3/apps/${await app()}/features/revisions`, { enabled: false }),
    'PATCH /v3/apps/{guid}/relationships/current_droplet': async () => {
      const guid = await app();
      return patch(`/v3/apps/${guid}/relationships/current_droplet`, one(await suite.stage(guid)));
    },
    'PATCH /v3/processes/{guid}': async () => patch(`/v3/processes/${await app()}`, { command: 'x' }),
    'PATCH /v3/apps/{guid}/processes/{type}': async () => patch(`/v3/apps/${await app()}/processes/web`, labels),
    'POST /v3/processes/{guid}/actions/scale': async () =>
      post(`/v3/processes/${await app()}/actions/scale`, { instances: 2 }),
    'POST /v3/apps/{guid}/processes/{type}/actions/scale': async () =>
      post(`/v3/apps/${await app()}/processes/web/actions/scale`, { instances: 2 }),
    'POST /v3/packages': async () =>
      post('/v3/packages', { type: 'docker', relationships: { app: one(await app()) }, data: { image: 'x' } }),
    'PATCH /v3/packages/{guid}': async () => patch(`/v3/packages/${await pack()}`, labels),
    'DELETE /v3/packages/{guid}': async () => remove(`/v3/packages/${await pack()}`),
    'POST /v3/builds': async () => post('/v3/builds', { package: { guid: await pack() } }),
    'PATCH /v3/builds/{guid}': async () =>
      patch(`/v3/builds/${await createBuild(suite.api.admin, await pack())}`, labels),
    'PATCH /v3/droplets/{guid}': async () => patch(`/v3/droplets/${await suite.stage(await app())}`, labels),
    'DELETE /v3/droplets/{guid}': async () => remove(`/v3/droplets/${await suite.stage(await app())}`),
    'POST /v3/routes': async () => {
      const { body } = await suite.api.admin.get('/v3/domains');
      const relationships = { space: one(suite.spaceGuid), domain: one(body.resources[0].guid) };
      return post('/v3/routes', { host: name(), relationships });
    },
    'PATCH /v3/routes/{guid}': async () => patch(`/v3/routes/${await route()}`, labels),
    'DELETE /v3/routes/{guid}': async () => remove(`/v3/routes/${await route()}`),
    'POST /v3/routes/{guid}/destinations': async () =>
      post(`/v3/routes/${await route()}/destinations`, { destinations: [{ app: { guid: await app() } }] }),
    'PATCH /v3/routes/{guid}/destinations': async () =>
      patch(`/v3/routes/${await route()}/destinations`, { destinations: [{ app: { guid: await app() } }] }),
    'PATCH /v3/routes/{guid}/destinations/{destination}': async () => {
      const { route: guid, guid: to } = await destination();
      return patch(`/v3/routes/${guid}/destinations/${to}`, { protocol: 'http2' });
    },
    'DELETE /v3/routes/{guid}/destinations/{destination}': async () => {
      const { route: guid, guid: to } = await destination();
      return remove(`/v3/routes/${guid}/destinations/${to}`);
    },
    'POST /v3/routes/{guid}/relationships/shared_spaces': async () =>
      sharing(async () =>
        post(`/v3/routes/${await route()}/relationships/shared_spaces`, many((await space()).spaceGuid)),
      ),
    'DELETE /v3/routes/{guid}/relationships/shared_spaces/{space}': async () =>
      sharing(async () =>
        remove(`/v3/routes/${await route()}/relationships/shared_spaces/${(await space()).spaceGuid}`),
      ),
    'PATCH /v3/routes/{guid}/relationships/space': async () =>
      sharing(async () => patch(`/v3/routes/${await route()}/relationships/space`, one((await space()).spaceGuid))),
    'POST /networking/v1/external/policies': async () =>
      post('/networking/v1/external/policies', { policies: [await policy()] }),
    'POST /networking/v1/external/policies/delete': async () => {
      const policies = [await policy()];
      await suite.api.admin.post('/networking/v1/external/policies', { policies });
      return post('/networking/v1/external/policies/delete', { policies });
    },
    'PATCH /v3/feature_flags/{name}': () => patch('/v3/feature_flags/task_creation', { enabled: true }),
    'PATCH /v3/environment_variable_groups/{name}': () =>
      patch('/v3/environment_variable_groups/running', { var: { A: '1' } }),
    'POST /v3/deployments': async () =>
      post('/v3/deployments', { relationships: { app: one((await startedApp()).app) } }),
    'PATCH /v3/deployments/{guid}': async () => patch(`/v3/deployments/${await deployment()}`, labels),
    'POST /v3/deployments/{guid}/actions/cancel': async () =>
      post(`/v3/deployments/${await deployment()}/actions/cancel`),
    'POST /v3/deployments/{guid}/actions/continue': async () => {
      const guid = await deployment({ strategy: 'canary' });
      // As the updater leaves it when the canary serves.
      const paused = { state: 'PAUSED', status_reason: 'PAUSED' } as const;
      await suite.api.db.updateTable('deployments').set(paused).where('guid', '=', guid).execute();
      return post(`/v3/deployments/${guid}/actions/continue`);
    },
    'PATCH /v3/revisions/{guid}': async () => patch(`/v3/revisions/${await revision()}`, labels),
    'POST /v3/apps/{guid}/sidecars': async () => post(`/v3/apps/${await app()}/sidecars`, sidecarBody),
    'PATCH /v3/sidecars/{guid}': async () => patch(`/v3/sidecars/${await sidecar()}`, { command: 'other' }),
    'DELETE /v3/sidecars/{guid}': async () => remove(`/v3/sidecars/${await sidecar()}`),
    'POST /v3/apps/{guid}/tasks': async () => post(`/v3/apps/${await stagedApp()}/tasks`, { command: 'x' }),
    'PATCH /v3/tasks/{guid}': async () => patch(`/v3/tasks/${await task()}`, labels),
    'POST /v3/tasks/{guid}/actions/cancel': async () => post(`/v3/tasks/${await task()}/actions/cancel`),
    'PUT /v3/tasks/{guid}/cancel': async () => {
      const guid = await task();
      return () => suite.api.admin.send('PUT', `/v3/tasks/${guid}/cancel`, undefined);
    },
    'POST /v3/service_instances': () =>
      post('/v3/service_instances', {
        type: 'user-provided',
        name: name(),
        relationships: { space: one(suite.spaceGuid) },
      }),
    'PATCH /v3/service_instances/{guid}': async () => patch(`/v3/service_instances/${await service()}`, labels),
    'DELETE /v3/service_instances/{guid}': async () => remove(`/v3/service_instances/${await service()}`),
    'POST /v3/registry_credentials': () => post('/v3/registry_credentials', credentialsBody()),
    'PATCH /v3/registry_credentials/{guid}': async () =>
      patch(`/v3/registry_credentials/${await registryCredentials()}`, { password: 'another' }),
    'DELETE /v3/registry_credentials/{guid}': async () =>
      remove(`/v3/registry_credentials/${await registryCredentials()}`),
    'POST /v3/registry_credentials/{guid}/actions/verify': async () =>
      post(`/v3/registry_credentials/${await registryCredentials()}/actions/verify`),
    'POST /v3/app_usage_events/actions/destructively_purge_all_and_reseed': () =>
      post('/v3/app_usage_events/actions/destructively_purge_all_and_reseed'),
    'POST /v3/service_usage_events/actions/destructively_purge_all_and_reseed': () =>
      post('/v3/service_usage_events/actions/destructively_purge_all_and_reseed'),
    'POST /v3/service_credential_bindings': async () =>
      post('/v3/service_credential_bindings', {
        type: 'app',
        relationships: { app: one(await app()), service_instance: one(await service()) },
      }),
    'PATCH /v3/service_credential_bindings/{guid}': async () =>
      patch(`/v3/service_credential_bindings/${await binding()}`, labels),
    'DELETE /v3/service_credential_bindings/{guid}': async () =>
      remove(`/v3/service_credential_bindings/${await binding()}`),
  };

  test('there is no endpoint that changes something and that this does not know', async () => {
    const { body } = await suite.api.admin.get('/v3/openapi.json');
    const operations = Object.entries(body.paths as Record<string, Record<string, unknown>>)
      .filter(([path]) => !refused.some((beginning) => path.startsWith(beginning)))
      .flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`))
      .filter((operation) => /^(POST|PUT|PATCH|DELETE) /.test(operation));
    expect(operations.toSorted()).toEqual([...Object.keys(changes), ...Object.keys(silent)].toSorted());
  });

  test.each(Object.keys(changes))('%s', async (operation) => {
    const change = await changes[operation]?.();
    const latest = suite.api.db.selectFrom('audit_events').select((eb) => eb.fn.max('id').as('id'));
    const { id } = await latest.executeTakeFirstOrThrow();
    const answer = await change?.();
    expect([answer?.status, answer?.text]).toEqual([expect.closeTo(202, -1), expect.anything()]);
    const added = await suite.api.db
      .selectFrom('audit_events')
      .select(['type', 'actor_guid', 'actor_name', 'target_guid'])
      .where('id', '>', id)
      .execute();
    expect(added.length).toBeGreaterThan(0);
    for (const event of added) {
      expect(event).toMatchObject({ type: expect.stringMatching(/^audit\./), actor_guid: 'admin-guid' });
    }
  });
});
