import { randomUUID } from 'node:crypto';
import { createApp, createPackage } from './fixtures.ts';
import { fillPath, type Ids, link, type World } from './world.ts';

/** What is sent to an endpoint, such that whoever may do it succeeds, again and again. */
interface PermissionRequest {
  /** Default: none. `ids` has what `fresh` made, too. */
  readonly body?: (ids: Ids) => unknown;
  /** A body of YAML instead. */
  readonly yaml?: string;
  readonly query?: string;
  /** Which of the world's things the path names, where its collection does not say. */
  readonly ids?: (ids: Ids) => Ids;
  /**
   * Made by an administrator before a request that shall succeed, because it uses something up. Names those of the path:
   * `guid`, `destination`.
   */
  readonly fresh?: (world: World) => Promise<Ids>;
}

const name = (): string => `n-${randomUUID()}`;
const nothing = { body: () => ({}) };
const inOrganization = (ids: Ids) => ({ relationships: { organization: link(ids.organizations) } });
const inSpace = (ids: Ids) => ({ relationships: { space: link(ids.spaces) } });
const docker = { lifecycle: { type: 'docker', data: {} } };
const MANIFEST = 'applications: [{name: permitted, docker: {image: x}}]';
const fresh = (make: (world: World) => Promise<string>): Pick<PermissionRequest, 'fresh'> => ({
  fresh: async (world) => ({ guid: await make(world) }),
});
const freshSegment = (world: World): Promise<string> => world.make('isolation_segments', { name: name() });
const bindings = (lifecycle: string): Record<string, PermissionRequest> => ({
  [`POST /v3/security_groups/{guid}/relationships/${lifecycle}_spaces`]: {
    body: (ids) => ({ data: [{ guid: ids.spaces }] }),
  },
  [`DELETE /v3/security_groups/{guid}/relationships/${lifecycle}_spaces/{space}`]: {
    ids: (ids) => ({ space: ids.spaces ?? '' }),
    fresh: async (world) => {
      const relationships = { [`${lifecycle}_spaces`]: { data: [{ guid: world.id('spaces') }] } };
      return { guid: await world.make('security_groups', { name: name(), relationships }) };
    },
  },
});
const freshRoute = async (world: World): Promise<Ids> => {
  const { route, destination } = await world.route();
  return { guid: route, destination };
};
const destinations = (ids: Ids) => ({ destinations: [{ app: { guid: ids.apps } }] });
const credentials = (place: object) => ({
  name: name(),
  registry: `${randomUUID()}.test`,
  username: 'robot',
  password: 'secret',
  ...place,
});
const ofOrganization = { ids: (ids: Ids): Ids => ({ guid: ids.organizationCredentials ?? '' }) };
const policies = (ids: Ids) => {
  const destination = { id: ids.startedApp, protocol: 'tcp', ports: { start: 8080, end: 8080 } };
  return { policies: [{ source: { id: ids.apps }, destination }] };
};
const partnerOrganization = (ids: Ids) => ({ data: [{ guid: ids.partnerOrganization }] });
const partnerSpace = (ids: Ids) => ({ data: [{ guid: ids.partnerSpace }] });

/** By the endpoint's name in the matrix. An endpoint that is not here is sent nothing. */
export const permissionRequests: Readonly<Record<string, PermissionRequest>> = {
  'POST /v3/organizations': { body: () => ({ name: name() }) },
  'PATCH /v3/organizations/{guid}': nothing,
  'DELETE /v3/organizations/{guid}': fresh((w) => w.make('organizations', { name: name() })),
  'PATCH /v3/organizations/{guid}/relationships/default_isolation_segment': { body: () => ({ data: null }) },
  'PATCH /v3/organizations/{guid}/signature_policy': nothing,
  'POST /v3/organization_quotas': { body: () => ({ name: name() }) },
  'PATCH /v3/organization_quotas/{guid}': nothing,
  'DELETE /v3/organization_quotas/{guid}': fresh((w) => w.make('organization_quotas', { name: name() })),
  'POST /v3/organization_quotas/{guid}/relationships/organizations': {
    body: (ids) => ({ data: [{ guid: ids.organizations }] }),
  },
  'POST /v3/isolation_segments': { body: () => ({ name: name() }) },
  'PATCH /v3/isolation_segments/{guid}': nothing,
  'DELETE /v3/isolation_segments/{guid}': fresh(freshSegment),
  'POST /v3/isolation_segments/{guid}/relationships/organizations': {
    body: (ids) => ({ data: [{ guid: ids.organizations }] }),
  },
  'DELETE /v3/isolation_segments/{guid}/relationships/organizations/{organization}': {
    ids: (ids) => ({ organization: ids.organizations ?? '' }),
    fresh: async (world) => {
      const guid = await freshSegment(world);
      const data = [{ guid: world.id('organizations') }];
      await world.api.admin.post(`/v3/isolation_segments/${guid}/relationships/organizations`, { data });
      return { guid };
    },
  },

  'POST /v3/security_groups': { body: () => ({ name: name(), rules: [] }) },
  'PATCH /v3/security_groups/{guid}': nothing,
  'DELETE /v3/security_groups/{guid}': fresh((w) => w.make('security_groups', { name: name(), rules: [] })),
  ...bindings('running'),
  ...bindings('staging'),

  'POST /v3/spaces': { body: (ids) => ({ name: name(), ...inOrganization(ids) }) },
  'PATCH /v3/spaces/{guid}': nothing,
  'DELETE /v3/spaces/{guid}': fresh((w) => w.space()),
  'PATCH /v3/spaces/{guid}/features/{name}': { body: () => ({ enabled: true }) },
  'PATCH /v3/spaces/{guid}/relationships/isolation_segment': { body: () => ({ data: null }) },
  'DELETE /v3/spaces/{guid}/routes': { query: 'unmapped=true' },
  'POST /v3/spaces/{guid}/actions/apply_manifest': { yaml: MANIFEST },
  'POST /v3/spaces/{guid}/manifest_diff': { yaml: MANIFEST },
  'POST /v3/space_quotas': { body: (ids) => ({ name: name(), ...inOrganization(ids) }) },
  'PATCH /v3/space_quotas/{guid}': nothing,
  'DELETE /v3/space_quotas/{guid}': fresh((w) => w.make('space_quotas', { name: name(), ...inOrganization(w.ids) })),
  'POST /v3/space_quotas/{guid}/relationships/spaces': { body: (ids) => ({ data: [{ guid: ids.spaces }] }) },
  'DELETE /v3/space_quotas/{guid}/relationships/spaces/{space}': {
    ids: (ids) => ({ space: ids.spaces ?? '' }),
    fresh: async (world) => {
      const space = await world.space();
      const relationships = { organization: link(world.ids.organizations), spaces: { data: [{ guid: space }] } };
      return { space, guid: await world.make('space_quotas', { name: name(), relationships }) };
    },
  },

  'POST /v3/users': { body: () => ({ guid: randomUUID() }) },
  'PATCH /v3/users/{guid}': nothing,
  'DELETE /v3/users/{guid}': fresh(async (w) => (await w.member()).user),
  'POST /v3/roles': {
    fresh: async (world) => ({ user: (await world.member()).user }),
    body: (ids) => ({
      type: 'organization_auditor',
      relationships: { user: link(ids.user ?? ids.users), organization: link(ids.organizations) },
    }),
  },
  'POST /v3/roles (space)': {
    fresh: async (world) => ({ user: (await world.member()).user }),
    body: (ids) => ({
      type: 'space_auditor',
      relationships: { user: link(ids.user ?? ids.users), space: link(ids.spaces) },
    }),
  },
  'GET /v3/roles/{guid} (space)': { ids: (ids) => ({ guid: ids.spaceRole ?? '' }) },
  'DELETE /v3/roles/{guid}': {
    fresh: async (world) => ({ guid: (await world.member()).role }),
  },
  'DELETE /v3/roles/{guid} (space)': {
    ids: (ids) => ({ guid: ids.spaceRole ?? '' }),
    fresh: async (world) => {
      const { user } = await world.member();
      const relationships = { user: link(user), space: link(world.ids.spaces) };
      return { guid: await world.make('roles', { type: 'space_auditor', relationships }) };
    },
  },

  'POST /v3/domains': { body: (ids) => ({ name: `${randomUUID()}.test`, ...inOrganization(ids) }) },
  'POST /v3/domains (shared)': { body: () => ({ name: `${randomUUID()}.test` }) },
  'GET /v3/domains/{guid} (shared)': { ids: (ids) => ({ guid: ids.sharedDomain ?? '' }) },
  'PATCH /v3/domains/{guid}': nothing,
  'PATCH /v3/domains/{guid} (shared)': { ...nothing, ids: (ids) => ({ guid: ids.sharedDomain ?? '' }) },
  'DELETE /v3/domains/{guid}': fresh((w) => w.domain()),
  'DELETE /v3/domains/{guid} (shared)': {
    ids: (ids) => ({ guid: ids.sharedDomain ?? '' }),
    ...fresh((w) => w.make('domains', { name: `${randomUUID()}.test` })),
  },
  'POST /v3/domains/{guid}/relationships/shared_organizations': {
    ...fresh((w) => w.domain()),
    body: partnerOrganization,
  },
  'DELETE /v3/domains/{guid}/relationships/shared_organizations/{organization}': {
    fresh: async (world) => {
      const guid = await world.domain();
      const path = `/v3/domains/${guid}/relationships/shared_organizations`;
      await world.api.admin.post(path, partnerOrganization(world.ids));
      return { guid };
    },
  },

  'POST /v3/apps': { body: (ids) => ({ name: name(), ...docker, ...inSpace(ids) }) },
  'PATCH /v3/apps/{guid}': nothing,
  'DELETE /v3/apps/{guid}': fresh((w) => w.app()),
  'POST /v3/apps/{guid}/actions/start': { ids: (ids) => ({ guid: ids.startedApp ?? '' }) },
  'POST /v3/apps/{guid}/actions/restart': { ids: (ids) => ({ guid: ids.startedApp ?? '' }) },
  'POST /v3/apps/{guid}/actions/apply_manifest': { yaml: MANIFEST },
  'PATCH /v3/apps/{guid}/environment_variables': { body: () => ({ var: {} }) },
  'PATCH /v3/apps/{guid}/features/{name}': { body: () => ({ enabled: true }) },
  'PATCH /v3/apps/{guid}/features/{name} (ssh)': { ids: () => ({ name: 'ssh' }), body: () => ({ enabled: true }) },
  'GET /v3/apps/{guid}/droplets/current': { ids: (ids) => ({ guid: ids.startedApp ?? '' }) },
  'GET /v3/apps/{guid}/relationships/current_droplet': { ids: (ids) => ({ guid: ids.startedApp ?? '' }) },
  'PATCH /v3/apps/{guid}/relationships/current_droplet': {
    ids: (ids) => ({ guid: ids.startedApp ?? '' }),
    body: (ids) => link(ids.droplets),
  },
  'PATCH /v3/processes/{guid}': nothing,
  'PATCH /v3/apps/{guid}/processes/{type}': nothing,
  'POST /v3/processes/{guid}/actions/scale': { body: () => ({ instances: 1 }) },
  'POST /v3/apps/{guid}/processes/{type}/actions/scale': { body: () => ({ instances: 1 }) },

  'POST /v3/apps/{guid}/sidecars': { body: () => ({ name: name(), command: 'run', process_types: ['other'] }) },
  'PATCH /v3/sidecars/{guid}': nothing,
  'DELETE /v3/sidecars/{guid}': fresh((w) => w.sidecar()),
  'POST /v3/apps/{guid}/tasks': { ids: (ids) => ({ guid: ids.startedApp ?? '' }), body: () => ({ command: 'run' }) },
  'PATCH /v3/tasks/{guid}': nothing,
  'POST /v3/tasks/{guid}/actions/cancel': fresh((w) => w.task()),
  'PUT /v3/tasks/{guid}/cancel': fresh((w) => w.task()),

  'PATCH /v3/packages/{guid}': nothing,
  'DELETE /v3/packages/{guid}': fresh((w) => createPackage(w.api.admin, w.id('apps'))),
  'PATCH /v3/builds/{guid}': nothing,
  'PATCH /v3/droplets/{guid}': nothing,
  'DELETE /v3/droplets/{guid}': fresh((w) => w.unusedDroplet()),
  'POST /v3/packages': {
    body: (ids) => ({ type: 'docker', relationships: { app: link(ids.apps) }, data: { image: 'x' } }),
  },
  'POST /v3/builds': {
    fresh: async (world) => ({
      package: await createPackage(world.api.admin, await createApp(world.api.admin, world.id('spaces'))),
    }),
    body: (ids) => ({ package: { guid: ids.package ?? ids.packages } }),
  },
  'POST /v3/deployments': {
    fresh: async (world) => ({ app: (await world.startedApp()).app }),
    body: (ids) => ({ relationships: { app: link(ids.app ?? ids.startedApp) } }),
  },
  'PATCH /v3/deployments/{guid}': nothing,
  'POST /v3/deployments/{guid}/actions/cancel': fresh((w) => w.deployment()),
  'PATCH /v3/revisions/{guid}': nothing,

  'POST /networking/v1/external/policies': { body: policies },
  'POST /networking/v1/external/policies/delete': { body: policies },

  'POST /v3/routes': {
    body: (ids) => ({ host: name(), relationships: { space: link(ids.spaces), domain: link(ids.sharedDomain) } }),
  },
  'PATCH /v3/routes/{guid}': nothing,
  'DELETE /v3/routes/{guid}': { fresh: freshRoute },
  'POST /v3/routes/{guid}/destinations': { body: destinations },
  'PATCH /v3/routes/{guid}/destinations': { fresh: freshRoute, body: destinations },
  'PATCH /v3/routes/{guid}/destinations/{destination}': { body: () => ({ protocol: 'http1' }) },
  'DELETE /v3/routes/{guid}/destinations/{destination}': { fresh: freshRoute },
  'POST /v3/routes/{guid}/relationships/shared_spaces': { fresh: freshRoute, body: partnerSpace },
  'DELETE /v3/routes/{guid}/relationships/shared_spaces/{space}': {
    fresh: async (world) => {
      const route = await freshRoute(world);
      await world.api.admin.post(`/v3/routes/${route.guid}/relationships/shared_spaces`, partnerSpace(world.ids));
      return route;
    },
  },
  'PATCH /v3/routes/{guid}/relationships/space': { fresh: freshRoute, body: (ids) => link(ids.partnerSpace) },

  'POST /v3/service_instances': { body: (ids) => ({ type: 'user-provided', name: name(), ...inSpace(ids) }) },
  'PATCH /v3/service_instances/{guid}': nothing,
  'DELETE /v3/service_instances/{guid}': fresh((w) => w.service()),
  'POST /v3/service_instances/{guid}/relationships/shared_spaces': { body: partnerSpace },
  'POST /v3/service_credential_bindings': {
    fresh: async (world) => ({ service: await world.service() }),
    body: (ids) => ({
      type: 'app',
      relationships: { app: link(ids.apps), service_instance: link(ids.service ?? ids.service_instances) },
    }),
  },
  'PATCH /v3/service_credential_bindings/{guid}': nothing,
  'DELETE /v3/service_credential_bindings/{guid}': fresh(async (w) => w.binding(await w.service())),

  'POST /v3/registry_credentials': { body: (ids) => credentials(inSpace(ids)) },
  'POST /v3/registry_credentials (organization)': { body: (ids) => credentials(inOrganization(ids)) },
  'GET /v3/registry_credentials/{guid} (organization)': ofOrganization,
  'PATCH /v3/registry_credentials/{guid}': { body: () => ({ password: 'another' }) },
  'PATCH /v3/registry_credentials/{guid} (organization)': { ...nothing, ...ofOrganization },
  'DELETE /v3/registry_credentials/{guid}': fresh((w) => w.registryCredentials('space')),
  'DELETE /v3/registry_credentials/{guid} (organization)': {
    ...ofOrganization,
    ...fresh((w) => w.registryCredentials('organization')),
  },
  'POST /v3/registry_credentials/{guid}/actions/verify (organization)': ofOrganization,

  'PATCH /v3/feature_flags/{name}': { body: () => ({ enabled: true }) },
  'PATCH /v3/environment_variable_groups/{name}': { body: () => ({ var: {} }) },
  'GET /v3/audit_events/{guid} (organization)': { ids: (ids) => ({ guid: ids.organizationEvent ?? '' }) },
};

/** What is sent for a line of the matrix: `succeeds` says whether what it uses up shall be made first. */
export async function requestFor(
  endpoint: string,
  world: World,
  succeeds: boolean,
): Promise<{ readonly path: string; readonly body: string | undefined; readonly headers: Record<string, string> }> {
  const request = permissionRequests[endpoint] ?? {};
  const made = succeeds && request.fresh !== undefined ? await request.fresh(world) : {};
  const more = { ...request.ids?.(world.ids), ...made };
  const path = fillPath(endpoint.split(' ')[1] ?? '', world.ids, more);
  const body =
    request.yaml ?? (request.body === undefined ? undefined : JSON.stringify(request.body({ ...world.ids, ...made })));
  return {
    path: request.query === undefined ? path : `${path}?${request.query}`,
    body,
    headers: request.yaml === undefined ? {} : { 'content-type': 'application/x-yaml' },
  };
}
