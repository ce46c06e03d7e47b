import { randomUUID } from 'node:crypto';
import { finishBuild } from '../src/actions/staging.ts';
import { organizationRoles, type RoleType, spaceRoles } from '../src/domain/access/roles.ts';
import type { Answer, Client } from './client.ts';
import { createApp, createBuild, createPackage, createRoute, stagedResult } from './fixtures.ts';
import type { TestApi } from './test-api.ts';
import type { TokenIssuer } from './token-issuer.ts';

/** Guids by the name of their collection in paths, e.g. `apps`, and a few more that bodies need. */
export type Ids = Readonly<Record<string, string>>;

export const link = (guid: string | undefined): { data: { guid: string } } => ({ data: { guid: guid ?? '' } });

/** Everyone whose permissions are tested. `anonymous` has no token. */
export const holders = [
  'admin',
  'admin_read_only',
  'global_auditor',
  'organization_manager',
  'organization_auditor',
  'organization_billing_manager',
  'organization_user',
  'space_manager',
  'space_developer',
  'space_auditor',
  'space_supporter',
  'nobody',
  'anonymous',
] as const;
export type Holder = (typeof holders)[number];

/** One of each kind of resource, as administrators make them, and a second tenant whom nobody else may see. */
export class World {
  readonly api: TestApi;
  readonly ids: Record<string, string> = {};
  readonly #issuer: TokenIssuer;
  readonly #clients = new Map<Holder, Promise<Client>>();

  constructor(api: TestApi, issuer: TokenIssuer) {
    this.api = api;
    this.#issuer = issuer;
  }

  /** Makes one thing; its guid. */
  async make(path: string, body: Record<string, unknown>): Promise<string> {
    const answer = await this.api.admin.post(`/v3/${path}`, body);
    return succeeded(answer).body.guid;
  }

  id(name: string): string {
    const guid = this.ids[name];
    if (guid === undefined) throw new Error(`there is no ${name} in the world`);
    return guid;
  }

  space(): Promise<string> {
    return this.make('spaces', { name: randomUUID(), relationships: { organization: link(this.id('organizations')) } });
  }

  app(): Promise<string> {
    return createApp(this.api.admin, this.id('spaces'));
  }

  /** An app that has a droplet and is started, so that it can be deployed. */
  async startedApp(): Promise<{ readonly app: string; readonly droplet: string; readonly build: string }> {
    const { admin, writer, platform } = this.api;
    const app = await this.app();
    const build = await createBuild(admin, await createPackage(admin, app));
    await writer.write((unit) => finishBuild(unit, platform, stagedResult(build)));
    const droplet: string = (await admin.get(`/v3/builds/${build}`)).body.droplet.guid;
    succeeded(await admin.patch(`/v3/apps/${app}/relationships/current_droplet`, link(droplet)));
    succeeded(await admin.post(`/v3/apps/${app}/actions/start`));
    return { app, droplet, build };
  }

  /** A droplet that its app does not run. */
  async unusedDroplet(): Promise<string> {
    const { admin, writer, platform } = this.api;
    const build = await createBuild(admin, await createPackage(admin, await this.app()));
    await writer.write((unit) => finishBuild(unit, platform, stagedResult(build)));
    return (await admin.get(`/v3/builds/${build}`)).body.droplet.guid;
  }

  async deployment(): Promise<string> {
    const { app } = await this.startedApp();
    return this.make('deployments', { relationships: { app: link(app) } });
  }

  /** A member of the organization. */
  async member(): Promise<{ readonly user: string; readonly role: string }> {
    const user = await this.make('users', { guid: this.#issuer.addUser(`member-${randomUUID()}`) });
    const relationships = { user: link(user), organization: link(this.id('organizations')) };
    return { user, role: await this.make('roles', { type: 'organization_user', relationships }) };
  }

  async route(): Promise<{ readonly route: string; readonly destination: string }> {
    const route = await createRoute(this.api.admin, this.id('spaces'), `host-${randomUUID()}`);
    const body = { destinations: [{ app: { guid: this.id('apps') } }] };
    const answer = succeeded(await this.api.admin.post(`/v3/routes/${route}/destinations`, body));
    return { route, destination: answer.body.destinations[0].guid };
  }

  domain(): Promise<string> {
    const relationships = { organization: link(this.id('organizations')) };
    return this.make('domains', { name: `${randomUUID()}.test`, relationships });
  }

  service(): Promise<string> {
    const relationships = { space: link(this.id('spaces')) };
    return this.make('service_instances', { type: 'user-provided', name: randomUUID(), relationships });
  }

  /** Of the space or of the organization. */
  registryCredentials(of: 'space' | 'organization', password = 'secret'): Promise<string> {
    const relationships = { [of]: link(this.id(of === 'space' ? 'spaces' : 'organizations')) };
    const body = { name: randomUUID(), registry: `${randomUUID()}.test`, username: 'robot', password, relationships };
    return this.make('registry_credentials', body);
  }

  binding(service: string): Promise<string> {
    const relationships = { app: link(this.id('apps')), service_instance: link(service) };
    return this.make('service_credential_bindings', { type: 'app', relationships });
  }

  sidecar(): Promise<string> {
    const body = { name: randomUUID(), command: 'run', process_types: ['other'] };
    return this.make(`apps/${this.id('apps')}/sidecars`, body);
  }

  task(): Promise<string> {
    return this.make(`apps/${this.id('startedApp')}/tasks`, { command: 'run' });
  }

  client(holder: Holder): Promise<Client> {
    const known = this.#clients.get(holder);
    if (known !== undefined) return known;
    const client = this.#newClient(holder);
    this.#clients.set(holder, client);
    return client;
  }

  async #newClient(holder: Holder): Promise<Client> {
    if (holder === 'anonymous') return this.api.as('');
    const userGuid = await this.make('users', { guid: this.#issuer.addUser(holder.replaceAll('_', '-')) });
    const scopes = ['cloud_controller.read', 'cloud_controller.write'];
    if (holder === 'admin' || holder === 'admin_read_only' || holder === 'global_auditor') {
      const all = [...scopes, `cloud_controller.${holder}`];
      return this.api.as(await this.#issuer.token({ userGuid, userName: holder, scopes: all }));
    }
    const ofOrganization = organizationRoles.includes(holder as never);
    const ofSpace = spaceRoles.includes(holder as never);
    if (ofOrganization) await this.#grant(userGuid, holder as RoleType, 'organization', 'organizations');
    // Who has a role in a space is a member of its organization.
    if (ofSpace) {
      await this.#grant(userGuid, 'organization_user', 'organization', 'organizations');
      await this.#grant(userGuid, holder as RoleType, 'space', 'spaces');
      await this.#grant(userGuid, holder as RoleType, 'space', 'partnerSpace');
    }
    if (holder === 'organization_manager') {
      await this.#grant(userGuid, holder, 'organization', 'partnerOrganization');
    }
    return this.api.as(await this.#issuer.token({ userGuid, userName: holder, scopes }));
  }

  async #grant(user: string, type: RoleType, kind: 'organization' | 'space', place: string): Promise<void> {
    await this.make('roles', { type, relationships: { user: link(user), [kind]: link(this.id(place)) } });
  }
}

function succeeded(answer: Answer): Answer {
  if (answer.status >= 300) throw new Error(`${answer.status} ${answer.text}`);
  return answer;
}

export async function seedWorld(api: TestApi, issuer: TokenIssuer): Promise<World> {
  const world = new World(api, issuer);
  const { ids } = world;
  const { admin } = api;
  ids.organizations = await world.make('organizations', { name: 'seen' });
  ids.partnerOrganization = await world.make('organizations', { name: 'partner' });
  ids.spaces = await world.space();
  ids.partnerSpace = await world.space();
  ids.apps = await createApp(admin, ids.spaces, 'permitted');
  const started = await world.startedApp();
  Object.assign(ids, { startedApp: started.app, builds: started.build, droplets: started.droplet });
  ids.packages = await createPackage(admin, ids.apps);
  ids.processes = ids.apps;
  ids.revisions = (await admin.get(`/v3/apps/${started.app}/revisions`)).body.resources[0].guid;
  ids.deployments = await world.deployment();
  const member = await world.member();
  Object.assign(ids, { users: member.user, roles: member.role });
  const inSpace = { user: link(member.user), space: link(ids.spaces) };
  ids.spaceRole = await world.make('roles', { type: 'space_auditor', relationships: inSpace });
  ids.organization_quotas = await world.make('organization_quotas', {
    name: 'seen',
    relationships: { organizations: { data: [{ guid: ids.organizations }] } },
  });
  ids.space_quotas = await world.make('space_quotas', {
    name: 'seen',
    relationships: { organization: link(ids.organizations), spaces: { data: [{ guid: ids.spaces }] } },
  });
  ids.isolation_segments = await world.make('isolation_segments', { name: 'seen' });
  await admin.post(`/v3/isolation_segments/${ids.isolation_segments}/relationships/organizations`, {
    data: [{ guid: ids.organizations }],
  });
  ids.security_groups = await world.make('security_groups', {
    name: 'seen',
    relationships: {
      running_spaces: { data: [{ guid: ids.spaces }] },
      staging_spaces: { data: [{ guid: ids.spaces }] },
    },
  });
  ids.domains = await world.domain();
  ids.sharedDomain = (await admin.get('/v3/domains?order_by=created_at')).body.resources[0].guid;
  const { route, destination } = await world.route();
  Object.assign(ids, { routes: route, destination });
  ids.service_instances = await world.service();
  ids.service_credential_bindings = await world.binding(ids.service_instances);
  ids.registry_credentials = await world.registryCredentials('space');
  ids.organizationCredentials = await world.registryCredentials('organization');
  const events = await admin.get(`/v3/audit_events?types=audit.app.create&space_guids=${ids.spaces}`);
  ids.audit_events = events.body.resources[0].guid;
  const events2 = await admin.get(
    `/v3/audit_events?types=audit.organization.create&organization_guids=${ids.organizations}`,
  );
  ids.organizationEvent = events2.body.resources[0]?.guid ?? '';
  ids.sidecars = await world.sidecar();
  ids.tasks = await world.task();
  ids.app_usage_events = (await admin.get('/v3/app_usage_events')).body.resources[0].guid;
  ids.service_usage_events = (await admin.get('/v3/service_usage_events')).body.resources[0].guid;
  const deleted = await admin.delete(`/v3/apps/${await world.app()}`);
  ids.jobs = String(deleted.headers.location).split('/').at(-1) ?? '';
  for (const flag of ['route_sharing', 'service_instance_sharing'])
    await admin.patch(`/v3/feature_flags/${flag}`, { enabled: true });
  // A second tenant.
  const organization = await world.make('organizations', { name: 'unseen' });
  const space = await world.make('spaces', { name: 'unseen', relationships: { organization: link(organization) } });
  await createRoute(admin, space, 'unseen');
  await createPackage(admin, await createApp(admin, space));
  ids.unseenOrganization = organization;
  return world;
}

const NAMES: Ids = {
  apps: 'revisions',
  spaces: 'ssh',
  feature_flags: 'app_scaling',
  environment_variable_groups: 'running',
};

/** A path of an endpoint with everything filled in; `more` wins over the world's own. */
export function fillPath(path: string, ids: Ids, more: Ids = {}): string {
  const collection = path.split('/')[2] ?? '';
  const values: Ids = {
    guid: (collection === 'v4' ? ids.apps : ids[collection]) ?? '00000000-0000-4000-8000-000000000000',
    name: NAMES[collection] ?? 'x',
    type: 'web',
    index: '0',
    rest: 'x',
    space: ids.partnerSpace ?? '',
    organization: ids.partnerOrganization ?? '',
    destination: ids.destination ?? '',
    ...more,
  };
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => values[name] ?? 'x');
}
