import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Client } from '../../testing/client.ts';
import { createApp, createPackage, createRoute, createSpace } from '../../testing/fixtures.ts';
import { startTestApi, type TestApi } from '../../testing/test-api.ts';
import { engines, type TestDatabase } from '../../testing/test-database.ts';
import { startTokenIssuer, type TokenIssuer } from '../../testing/token-issuer.ts';
import { organizationRoles, type RoleType, spaceRoles } from '../domain/access/roles.ts';

const YAML = { 'content-type': 'application/x-yaml' };
const NO_CHANGE = 'applications: [{name: permitted, docker: {image: x}}]';
const scopes = ['cloud_controller.read', 'cloud_controller.write'];
const roles: readonly (RoleType | 'nobody' | 'admin_read_only' | 'global_auditor')[] = [
  'nobody',
  'admin_read_only',
  'global_auditor',
  ...organizationRoles,
  ...spaceRoles,
];

describe.each(engines)('on $engine', ({ create }) => {
  let issuer: TokenIssuer;
  let database: TestDatabase;
  let api: TestApi;
  let ids: Record<
    | 'organization'
    | 'space'
    | 'app'
    | 'package'
    | 'route'
    | 'role'
    | 'user'
    | 'spaceQuota'
    | 'organizationQuota'
    | 'segment'
    | 'domain'
    | 'service'
    | 'binding',
    string
  >;
  beforeAll(async () => {
    issuer = await startTokenIssuer();
    database = await create();
    api = await startTestApi(database, issuer);
    const { organizationGuid, spaceGuid } = await createSpace(api.admin);
    const app = await createApp(api.admin, spaceGuid, 'permitted');
    const user = issuer.addUser('member');
    const relationship = (guid: string) => ({ data: { guid } });
    const member = await api.admin.post('/v3/roles', {
      type: 'organization_user',
      relationships: { user: { data: { username: 'member' } }, organization: relationship(organizationGuid) },
    });
    await api.admin.post('/v3/roles', {
      type: 'space_auditor',
      relationships: { user: relationship(user), space: relationship(spaceGuid) },
    });
    const spaceQuota = await api.admin.post('/v3/space_quotas', {
      name: 'seen',
      relationships: { organization: relationship(organizationGuid), spaces: { data: [{ guid: spaceGuid }] } },
    });
    const { body: organization } = await api.admin.get(`/v3/organizations/${organizationGuid}`);
    const { body: segment } = await api.admin.post('/v3/isolation_segments', { name: 'seen' });
    await api.admin.post(`/v3/isolation_segments/${segment.guid}/relationships/organizations`, {
      data: [{ guid: organizationGuid }],
    });
    const domain = await api.admin.post('/v3/domains', {
      name: 'private.test',
      relationships: { organization: relationship(organizationGuid) },
    });
    const service = await api.admin.post('/v3/service_instances', {
      type: 'user-provided',
      name: 'seen',
      relationships: { space: relationship(spaceGuid) },
    });
    const binding = await api.admin.post('/v3/service_credential_bindings', {
      type: 'app',
      relationships: { app: relationship(app), service_instance: relationship(service.body.guid) },
    });
    ids = {
      service: service.body.guid,
      binding: binding.body.guid,
      domain: domain.body.guid,
      spaceQuota: spaceQuota.body.guid,
      organizationQuota: organization.relationships.quota.data.guid,
      segment: segment.guid,
      role: member.body.guid,
      user,
      organization: organizationGuid,
      space: spaceGuid,
      app,
      package: await createPackage(api.admin, app),
      route: await createRoute(api.admin, spaceGuid, 'seen'),
    };
    await api.admin.post(`/v3/routes/${ids.route}/destinations`, { destinations: [{ app: { guid: app } }] });
    // A second tenant, whom nobody here may see.
    const other = await createSpace(api.admin);
    await createRoute(api.admin, other.spaceGuid, 'unseen');
    await createPackage(api.admin, await createApp(api.admin, other.spaceGuid));
  });
  afterAll(async () => {
    await api.stop();
    await database.remove();
    await issuer.stop();
  });

  const clientWith = async (role: (typeof roles)[number]): Promise<Client> => {
    const userGuid = randomUUID();
    if (role === 'admin_read_only' || role === 'global_auditor') {
      return api.as(await issuer.token({ userGuid, scopes: [...scopes, `cloud_controller.${role}`] }));
    }
    if (role !== 'nobody') {
      const ofSpace = (spaceRoles as readonly string[]).includes(role);
      const now = new Date().toISOString();
      await api.db
        .insertInto('roles')
        .values({
          guid: randomUUID(),
          created_at: now,
          updated_at: now,
          type: role,
          user_guid: userGuid,
          organization_guid: ofSpace ? null : ids.organization,
          space_guid: ofSpace ? ids.space : null,
        })
        .execute();
    }
    return api.as(await issuer.token({ userGuid, scopes }));
  };

  const inSpace = ['organization_manager', ...spaceRoles, 'admin_read_only', 'global_auditor'];
  const anyone = [...inSpace, ...organizationRoles];
  /** Who gets 200; of the others, who sees the thing gets 403, and the rest 404. */
  const requests: readonly {
    readonly what: string;
    readonly call: (client: Client) => Promise<{ readonly status: number }>;
    readonly allowed: readonly string[];
    readonly seen: readonly string[];
    readonly success?: number;
    /** What a body that names the unseen thing gives. */
    readonly unseen?: number;
  }[] = [
    {
      what: 'GET organization',
      call: (c) => c.get(`/v3/organizations/${ids.organization}`),
      allowed: anyone,
      seen: anyone,
    },
    { what: 'GET space', call: (c) => c.get(`/v3/spaces/${ids.space}`), allowed: inSpace, seen: inSpace },
    { what: 'GET app', call: (c) => c.get(`/v3/apps/${ids.app}`), allowed: inSpace, seen: inSpace },
    { what: 'GET process', call: (c) => c.get(`/v3/processes/${ids.app}`), allowed: inSpace, seen: inSpace },
    { what: 'GET package', call: (c) => c.get(`/v3/packages/${ids.package}`), allowed: inSpace, seen: inSpace },
    { what: 'GET route', call: (c) => c.get(`/v3/routes/${ids.route}`), allowed: inSpace, seen: inSpace },
    {
      what: 'GET log access',
      call: (c) => c.get(`/internal/v4/log_access/${ids.app}`),
      allowed: inSpace,
      seen: inSpace,
    },
    {
      what: 'GET manifest',
      call: (c) => c.get(`/v3/apps/${ids.app}/manifest`),
      allowed: ['space_developer', 'admin_read_only'],
      seen: inSpace,
    },
    {
      what: 'apply manifest',
      call: (c) => c.send('POST', `/v3/spaces/${ids.space}/actions/apply_manifest`, NO_CHANGE, YAML),
      allowed: ['space_developer'],
      seen: inSpace,
      success: 202,
    },
    {
      what: 'manifest diff',
      call: (c) => c.send('POST', `/v3/spaces/${ids.space}/manifest_diff`, NO_CHANGE, YAML),
      allowed: ['space_developer'],
      seen: inSpace,
      success: 201,
    },
    {
      what: 'GET revisions',
      call: (c) => c.get(`/v3/apps/${ids.app}/revisions`),
      allowed: inSpace,
      seen: inSpace,
    },
    {
      what: 'GET env',
      call: (c) => c.get(`/v3/apps/${ids.app}/env`),
      allowed: ['space_developer', 'admin_read_only'],
      seen: inSpace,
    },
    {
      what: 'PATCH app',
      call: (c) => c.patch(`/v3/apps/${ids.app}`, { metadata: {} }),
      allowed: ['space_developer'],
      seen: inSpace,
    },
    {
      what: 'stop app',
      call: (c) => c.post(`/v3/apps/${ids.app}/actions/stop`),
      allowed: ['space_developer', 'space_supporter'],
      seen: inSpace,
    },
    {
      what: 'scale',
      call: (c) => c.post(`/v3/processes/${ids.app}/actions/scale`, { instances: 1 }),
      allowed: ['space_developer', 'space_supporter'],
      seen: inSpace,
      success: 202,
    },
    {
      what: 'give organization role',
      call: (c) =>
        c.post('/v3/roles', {
          type: 'organization_user',
          relationships: {
            user: { data: { username: `user-${randomUUID()}` } },
            organization: { data: { guid: ids.organization } },
          },
        }),
      // Past the permission it is a user that is not there.
      allowed: ['organization_manager'],
      seen: anyone,
      success: 422,
      unseen: 422,
    },
    {
      what: 'give space role',
      call: (c) =>
        c.post('/v3/roles', {
          type: 'space_auditor',
          relationships: { user: { data: { username: `user-${randomUUID()}` } }, space: { data: { guid: ids.space } } },
        }),
      allowed: ['organization_manager', 'space_manager'],
      seen: inSpace,
      success: 422,
      unseen: 422,
    },
    { what: 'GET role', call: (c) => c.get(`/v3/roles/${ids.role}`), allowed: anyone, seen: anyone },
    {
      what: 'DELETE role that is needed',
      call: (c) => c.delete(`/v3/roles/${ids.role}`),
      allowed: ['organization_manager'],
      seen: anyone,
      success: 422,
    },
    {
      what: 'PATCH user',
      call: (c) => c.patch(`/v3/users/${ids.user}`, {}),
      allowed: [],
      seen: anyone,
    },
    {
      what: 'PATCH organization',
      call: (c) => c.patch(`/v3/organizations/${ids.organization}`, {}),
      allowed: ['organization_manager'],
      seen: anyone,
    },
    {
      what: 'suspend organization',
      call: (c) => c.patch(`/v3/organizations/${ids.organization}`, { suspended: true }),
      allowed: [],
      seen: anyone,
    },
    {
      what: 'PATCH space',
      call: (c) => c.patch(`/v3/spaces/${ids.space}`, {}),
      allowed: ['organization_manager', 'space_manager'],
      seen: inSpace,
    },
    {
      what: 'PATCH space quota',
      call: (c) => c.patch(`/v3/space_quotas/${ids.spaceQuota}`, {}),
      allowed: ['organization_manager'],
      seen: inSpace,
    },
    {
      what: 'PATCH organization quota',
      call: (c) => c.patch(`/v3/organization_quotas/${ids.organizationQuota}`, {}),
      allowed: [],
      seen: [...anyone, 'nobody'],
    },
    {
      what: 'GET isolation segment of space',
      call: (c) => c.get(`/v3/spaces/${ids.space}/relationships/isolation_segment`),
      allowed: inSpace,
      seen: inSpace,
    },
    {
      what: 'PATCH isolation segment of space',
      call: (c) => c.patch(`/v3/spaces/${ids.space}/relationships/isolation_segment`, { data: null }),
      allowed: ['organization_manager'],
      seen: inSpace,
    },
    {
      what: 'PATCH isolation segment',
      call: (c) => c.patch(`/v3/isolation_segments/${ids.segment}`, {}),
      allowed: [],
      seen: anyone,
    },
    {
      what: 'POST private domain',
      call: (c) =>
        c.post('/v3/domains', {
          name: 'no-dot',
          relationships: { organization: { data: { guid: ids.organization } } },
        }),
      allowed: ['organization_manager'],
      seen: anyone,
      success: 422,
      unseen: 422,
    },
    {
      what: 'POST shared domain',
      call: (c) => c.post('/v3/domains', { name: 'no-dot' }),
      allowed: [],
      seen: [...anyone, 'nobody'],
    },
    {
      what: 'PATCH private domain',
      call: (c) => c.patch(`/v3/domains/${ids.domain}`, {}),
      allowed: ['organization_manager'],
      seen: anyone,
    },
    {
      what: 'PATCH route',
      call: (c) => c.patch(`/v3/routes/${ids.route}`, {}),
      allowed: ['space_developer', 'space_supporter'],
      seen: inSpace,
    },
    {
      what: 'delete orphaned routes',
      call: (c) => c.delete(`/v3/spaces/${ids.space}/routes?unmapped=true`),
      allowed: ['space_developer', 'space_supporter'],
      seen: inSpace,
      success: 202,
    },
    {
      what: 'GET service instance',
      call: (c) => c.get(`/v3/service_instances/${ids.service}`),
      allowed: inSpace,
      seen: inSpace,
    },
    {
      what: 'GET service credentials',
      call: (c) => c.get(`/v3/service_instances/${ids.service}/credentials`),
      allowed: ['space_developer', 'admin_read_only'],
      seen: inSpace,
    },
    {
      what: 'GET binding details',
      call: (c) => c.get(`/v3/service_credential_bindings/${ids.binding}/details`),
      allowed: ['space_developer', 'admin_read_only'],
      seen: inSpace,
    },
    {
      what: 'PATCH service instance',
      call: (c) => c.patch(`/v3/service_instances/${ids.service}`, {}),
      allowed: ['space_developer'],
      seen: inSpace,
    },
    {
      what: 'POST binding that there is',
      call: (c) =>
        c.post('/v3/service_credential_bindings', {
          type: 'app',
          relationships: { app: { data: { guid: ids.app } }, service_instance: { data: { guid: ids.service } } },
        }),
      allowed: ['space_developer'],
      seen: inSpace,
      success: 422,
      unseen: 422,
    },
    {
      what: 'PATCH binding',
      call: (c) => c.patch(`/v3/service_credential_bindings/${ids.binding}`, {}),
      allowed: ['space_developer'],
      seen: inSpace,
    },
    {
      what: 'map route',
      call: (c) => c.post(`/v3/routes/${ids.route}/destinations`, { destinations: [{ app: { guid: ids.app } }] }),
      allowed: ['space_developer', 'space_supporter'],
      seen: inSpace,
    },
  ];

  describe.each(roles)('%s', (role) => {
    test.each(requests)('$what', async ({ call, allowed, seen, success = 200, unseen = 404 }) => {
      const expected = allowed.includes(role) ? success : seen.includes(role) ? 403 : unseen;
      expect((await call(await clientWith(role))).status).toBe(expected);
    });

    test('lists hold what it may see and nothing else', async () => {
      const client = await clientWith(role);
      const count = async (path: string): Promise<number> => (await client.get(path)).body.resources.length;
      const everything = role === 'admin_read_only' || role === 'global_auditor';
      const spaces = everything ? 2 : inSpace.includes(role) ? 1 : 0;
      for (const path of ['/v3/spaces', '/v3/apps', '/v3/processes', '/v3/packages', '/v3/routes']) {
        expect([path, await count(path)]).toEqual([path, spaces]);
      }
      for (const path of ['/v3/service_instances', '/v3/service_credential_bindings']) {
        expect([path, await count(path)]).toEqual([path, inSpace.includes(role) ? 1 : 0]);
      }
      expect(await count('/v3/builds')).toBe(0);
      expect(await count('/v3/droplets')).toBe(0);
      expect(await count('/v3/organizations')).toBe(everything ? 2 : role === 'nobody' ? 0 : 1);
      expect(await count('/v3/domains')).toBe(role === 'nobody' ? 1 : 2);
    });
  });

  test('a space that one may not see is not told from one that is not there', async () => {
    const client = await clientWith('nobody');
    const body = (space: string) => ({ name: 'x', relationships: { space: { data: { guid: space } } } });
    const hidden = await client.post('/v3/apps', body(ids.space));
    const missing = await client.post('/v3/apps', body('nowhere'));
    expect(hidden.body).toEqual(missing.body);
    expect(hidden.status).toBe(422);
  });

  test('only administrators make organizations, unless the flag lets everyone', async () => {
    const client = await clientWith('organization_manager');
    expect((await client.post('/v3/organizations', { name: 'mine' })).status).toBe(403);
    await api.admin.patch('/v3/feature_flags/user_org_creation', { enabled: true });
    expect((await client.post('/v3/organizations', { name: 'mine' })).status).toBe(201);
    await api.admin.patch('/v3/feature_flags/user_org_creation', { enabled: false });
  });

  test('a flag that is off binds users and not administrators', async () => {
    const client = await clientWith('space_developer');
    await api.admin.patch('/v3/feature_flags/app_scaling', { enabled: false });
    const scale = (c: Client) => c.post(`/v3/processes/${ids.app}/actions/scale`, { instances: 1 });
    expect((await scale(client)).body.errors[0]).toMatchObject({
      code: 330002,
      detail: 'Feature Disabled: app_scaling',
    });
    expect((await scale(api.admin)).status).toBe(202);
    await api.admin.patch('/v3/feature_flags/app_scaling', { enabled: true });
  });
});
