import { z } from 'zod';
import { notFound, unprocessable } from '../errors.ts';
import type { Api, ApiContext } from './api-context.ts';
import { type EmptyList, emptyList } from './empty-lists.ts';

interface Unsupported {
  /** Its list is empty, and one of it is not found. */
  readonly path: string;
  readonly resource: string;
  readonly filters: readonly string[];
  readonly orderBy?: readonly string[];
  readonly included?: EmptyList['included'];
  readonly fields?: readonly string[];
  /** Why nothing can be made of it, and what to do instead. */
  readonly instead: string;
}

const buildpacks = 'There are no buildpacks: images are run as they are. Use cf push APP --docker-image IMAGE.';
const stacks = 'There are no stacks: an image brings its own file system.';
const downloads = 'Nothing is kept here that could be downloaded: pull the image from its registry.';
const services =
  'There are no managed services: use cf create-user-provided-service with the credentials of a service that runs elsewhere.';

/** What Cloud Foundry has and Slipway does not. */
const collections: readonly Unsupported[] = [
  {
    path: '/v3/buildpacks',
    resource: 'Buildpack',
    filters: ['guids', 'names', 'stacks', 'lifecycle'],
    orderBy: ['position'],
    instead: buildpacks,
  },
  { path: '/v3/stacks', resource: 'Stack', filters: ['guids', 'names', 'default'], orderBy: ['name'], instead: stacks },
  {
    path: '/v3/service_brokers',
    resource: 'Service broker',
    filters: ['guids', 'names', 'space_guids'],
    orderBy: ['name'],
    instead: services,
  },
  {
    path: '/v3/service_offerings',
    resource: 'Service offering',
    filters: [
      'guids',
      'names',
      'available',
      'service_broker_guids',
      'service_broker_names',
      'space_guids',
      'organization_guids',
    ],
    orderBy: ['name'],
    fields: ['service_broker'],
    instead: services,
  },
  {
    path: '/v3/service_plans',
    resource: 'Service plan',
    filters: [
      'guids',
      'names',
      'available',
      'broker_catalog_ids',
      'space_guids',
      'organization_guids',
      'service_broker_guids',
      'service_broker_names',
      'service_offering_guids',
      'service_offering_names',
      'service_instance_guids',
    ],
    orderBy: ['name'],
    included: { 'space.organization': 'organizations', service_offering: 'service_offerings' },
    fields: ['service_offering.service_broker'],
    instead: services,
  },
  {
    path: '/v3/route_policies',
    resource: 'Route policy',
    filters: ['guids', 'route_guids', 'space_guids'],
    instead: 'There are no route policies: whoever reaches the router reaches every route.',
  },
];

/** Single requests; every method that changes something is answered so. */
const requests: readonly { readonly path: string; readonly instead: string }[] = [
  { path: '/v3/packages/:guid/upload', instead: `Bits cannot be uploaded. ${buildpacks}` },
  { path: '/v3/droplets/:guid/upload', instead: `Droplets cannot be uploaded. ${buildpacks}` },
  { path: '/v3/resource_matches', instead: `Bits cannot be uploaded. ${buildpacks}` },
  {
    path: '/v3/service_route_bindings',
    instead: 'There are no route services: traffic goes from the router to the app.',
  },
];

const anything = z.object({ '*': z.string() });
const changes = ['POST', 'PUT', 'PATCH', 'DELETE'];

/** Before the body is read, which may be large and anything. */
function refuse(api: Api, methods: readonly string[], url: string, instead: string): void {
  const handler = async (): Promise<never> => {
    throw unprocessable(instead);
  };
  const schema = { summary: 'Not available', description: instead };
  for (const method of methods) api.route({ method, url, schema, onRequest: handler, handler });
}

/** Says of what Slipway does not do that it does not, and what to use instead: a bare 404 would confuse clients. */
export function unsupportedRoutes(api: Api, context: ApiContext): void {
  for (const { path, resource, filters, orderBy = [], included = {}, fields = [], instead } of collections) {
    const order = ['created_at', 'updated_at', ...orderBy];
    emptyList(api, context, { path, filters, orderBy: order, included, fields });
    api.get(`${path}/*`, { schema: { params: anything } }, async () => {
      throw notFound(resource);
    });
    refuse(api, ['POST'], path, instead);
    refuse(api, changes, `${path}/*`, instead);
  }
  // The routing API as far as the cf CLI asks it: there are no groups, for routes are http only.
  const groups = {
    querystring: z.strictObject({ name: z.string().optional() }),
    response: { 200: z.array(z.never()) },
  };
  api.get('/routing/v1/router_groups', { schema: groups }, async () => []);
  for (const { path, instead } of requests) refuse(api, changes, path, instead);
  for (const kind of ['packages', 'droplets']) refuse(api, ['GET'], `/v3/${kind}/:guid/download`, downloads);
  refuse(api, ['POST'], '/v3/droplets', `Droplets cannot be uploaded. ${buildpacks}`);
}
