import { z } from 'zod';
import {
  addNetworkPolicies,
  type NetworkPolicySpec,
  policyAppsHidden,
  removeNetworkPolicies,
} from '../actions/network-policies.ts';
import { isProtocol, policyProblem, type SentPolicy } from '../domain/network-policy.ts';
import { ApiError } from '../errors.ts';
import {
  networkPoliciesSchema,
  networkPolicyErrorSchema,
  presentNetworkPolicies,
} from '../resources/network-policy.ts';
import { type CallerAccess, hideForbidden } from './access.ts';
import type { Api, ApiContext } from './api-context.ts';
import { accessOf } from './authentication.ts';

const PATH = '/networking/v1/external/policies';

const end = z.object({ id: z.string().default(''), tag: z.string().default('') });
const noPorts = { start: 0, end: 0 };
const policiesBody = z.object({
  policies: z
    .array(
      z.object({
        source: end.default({ id: '', tag: '' }),
        destination: end
          .extend({
            protocol: z.string().default(''),
            ports: z.object({ start: z.int().default(0), end: z.int().default(0) }).default(noPorts),
          })
          .default({ id: '', tag: '', protocol: '', ports: noPorts }),
      }),
    )
    .default([]),
});
const guids = z
  .string()
  .transform((text) => text.split(',').filter((guid) => guid !== ''))
  .optional();
const listQuery = z.strictObject({
  id: guids.meta({ description: 'Guids of apps, with commas: policies that one of them is an end of.' }),
  source_id: guids,
  dest_id: guids,
});
const emptyAnswer = z.object({});
const errors = { '4xx': networkPolicyErrorSchema, '5xx': networkPolicyErrorSchema };

/**
 * The external API of Cloud Foundry's policy server, as the cf CLI speaks it: with its errors, and for whoever has the
 * role space developer at both ends (`enable_space_developer_self_service`), or the scope network.admin.
 */
export function networkPolicyRoutes(api: Api, context: ApiContext): void {
  void api.register(async (scope) => {
    // The CLI shows what the policy server says as `error`.
    scope.addHook('onSend', async (_, reply, payload) => {
      if (reply.statusCode < 400 || typeof payload !== 'string') return payload;
      if (reply.statusCode === 422) reply.code(400);
      const { errors } = JSON.parse(payload) as { readonly errors: readonly { readonly detail: string }[] };
      return JSON.stringify({ error: errors.map(({ detail }) => detail).join(', ') });
    });
    endpoints(scope as Api, context);
  });
}

function endpoints(api: Api, context: ApiContext): void {
  const { db, writer, platform } = context;

  api.get(
    PATH,
    {
      schema: {
        operationId: 'listNetworkPolicies',
        summary: 'List network policies',
        querystring: listQuery,
        response: { 200: networkPoliciesSchema, ...errors },
      },
    },
    async (request) => {
      const { id = [], source_id: sources = [], dest_id: destinations = [] } = request.query;
      let query = db
        .selectFrom('network_policies')
        .innerJoin('apps as source', 'source.guid', 'network_policies.source_guid')
        .innerJoin('apps as destination', 'destination.guid', 'network_policies.destination_guid')
        .selectAll('network_policies')
        .orderBy('network_policies.id');
      if (id.length > 0) {
        query = query.where((eb) =>
          eb.or([eb('network_policies.source_guid', 'in', id), eb('network_policies.destination_guid', 'in', id)]),
        );
      } else {
        if (sources.length > 0) query = query.where('network_policies.source_guid', 'in', sources);
        if (destinations.length > 0) query = query.where('network_policies.destination_guid', 'in', destinations);
      }
      const access = accessOf(request);
      if (!isNetworkAdmin(access)) {
        for (const column of ['source.space_guid', 'destination.space_guid']) {
          const visible = access.visibleSpaces(column, 'networkPolicy.read');
          if (visible !== undefined) query = query.where(visible);
        }
      }
      return presentNetworkPolicies(await query.execute());
    },
  );

  const changing = { body: policiesBody, response: { 200: emptyAnswer, ...errors } };
  api.post(
    PATH,
    { schema: { operationId: 'createNetworkPolicies', summary: 'Create network policies', ...changing } },
    async (request) => {
      const access = accessOf(request);
      const policies = await readPolicies(context, access, request.body.policies);
      const limit = isNetworkAdmin(access) ? undefined : platform.limits.networkPoliciesPerSource;
      await writer.write((unit) => addNetworkPolicies(unit, policies, limit));
      return {};
    },
  );

  api.post(
    `${PATH}/delete`,
    { schema: { operationId: 'deleteNetworkPolicies', summary: 'Delete network policies', ...changing } },
    async (request) => {
      const policies = await readPolicies(context, accessOf(request), request.body.policies);
      await writer.write((unit) => removeNetworkPolicies(unit, policies));
      return {};
    },
  );
}

function isNetworkAdmin(access: CallerAccess): boolean {
  return access.admin || access.caller.scopes.has('network.admin');
}

/** Throws 400 for what is wrong, 403 for ends that are not there or not the caller's to connect. */
async function readPolicies(
  { db }: ApiContext,
  access: CallerAccess,
  sent: readonly SentPolicy[],
): Promise<NetworkPolicySpec[]> {
  const problem = policyProblem(sent);
  if (problem !== undefined) throw new ApiError('NetworkPolicyInvalid', `mapper: validate policies: ${problem}`);
  const policies = sent.flatMap(({ source, destination: { id, protocol, ports } }) =>
    isProtocol(protocol) ? [{ source: source.id, destination: id, protocol, start: ports.start, end: ports.end }] : [],
  );
  if (isNetworkAdmin(access)) return policies;
  const ends = [...new Set(policies.flatMap(({ source, destination }) => [source, destination]))];
  const apps = await db.selectFrom('apps').select('space_guid').distinct().where('guid', 'in', ends).execute();
  for (const { space_guid: space } of apps) {
    await hideForbidden(access.requireInSpace('networkPolicy.write', space, 'App'), policyAppsHidden());
  }
  return policies;
}
