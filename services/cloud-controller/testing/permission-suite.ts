import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll } from 'vitest';
import { organizationRoles, type RoleType, spaceRoles } from '../src/domain/access/roles.ts';
import type { Client } from './client.ts';
import { createApp, createPackage, createRoute, createSpace } from './fixtures.ts';
import { startTestApi, type TestApi } from './test-api.ts';
import type { TestDatabase } from './test-database.ts';
import { startTokenIssuer, type TokenIssuer } from './token-issuer.ts';

const scopes = ['cloud_controller.read', 'cloud_controller.write'];

export type Holder = RoleType | 'nobody' | 'admin_read_only' | 'global_auditor';

/** Everyone whose permissions are tested. */
export const holders: readonly Holder[] = [
  'nobody',
  'admin_read_only',
  'global_auditor',
  ...organizationRoles,
  ...spaceRoles,
];

/** Who sees what lies in the space. */
export const inSpace: readonly string[] = ['organization_manager', ...spaceRoles, 'admin_read_only', 'global_auditor'];
/** Who sees the organization. */
export const anyone: readonly string[] = [...inSpace, ...organizationRoles];

type Ids = Record<
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
  | 'binding'
  | 'sidecar',
  string
>;

/** One of each kind of resource, and people with one role each. */
export interface PermissionSuite {
  readonly api: TestApi;
  readonly ids: Ids;
  clientWith(holder: Holder): Promise<Client>;
}

/** Who gets `success`; of the others, who sees the thing gets 403, and the rest `unseen`. */
export interface PermittedRequest {
  readonly what: string;
  readonly call: (client: Client) => Promise<{ readonly status: number }>;
  readonly allowed: readonly string[];
  readonly seen: readonly string[];
  /** Default 200. */
  readonly success?: number;
  /** What a body that names the unseen thing gives; default 404. */
  readonly unseen?: number;
}

export function expectedStatus(holder: Holder, request: PermittedRequest): number {
  const { allowed, seen, success = 200, unseen = 404 } = request;
  if (allowed.includes(holder)) return success;
  return seen.includes(holder) ? 403 : unseen;
}

export function usePermissions(create: () => Promise<TestDatabase>): PermissionSuite {
  let issuer: TokenIssuer;
  let database: TestDatabase;
  let api: TestApi;
  let ids: Ids;
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
    const sidecar = await api.admin.post(`/v3/apps/${app}/sidecars`, {
      name: 'seen',
      command: 'run',
      process_types: ['web'],
    });
    ids = {
      sidecar: sidecar.body.guid,
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

  const clientWith = async (role: Holder): Promise<Client> => {
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

  return {
    get api() {
      return api;
    },
    get ids() {
      return ids;
    },
    clientWith,
  };
}
