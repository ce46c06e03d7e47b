import type { FastifyInstance } from 'fastify';
import type { PasswordHasher } from '../adapters/crypto/password-hasher.ts';
import type { ClientStore } from '../adapters/sql/client-store.ts';
import { parseNewClient, parseNewSecret, platformClients, renderClient } from '../domain/oauth-client.ts';
import { UaaError } from '../errors.ts';
import type { AccessTokens, Caller } from '../handlers/access-tokens.ts';
import type { ClientLogin } from '../handlers/client-login.ts';
import { ADMIN_SCOPE, requireScope } from './authorization.ts';
import { scimPage } from './scim-query.ts';

export interface ClientRoutesDependencies {
  readonly clients: ClientStore;
  readonly hasher: PasswordHasher;
  readonly accessTokens: AccessTokens;
  readonly clientLogin: ClientLogin;
  readonly now: () => number;
}

interface Named {
  readonly Params: { readonly clientId: string };
}

/** Clients, which programs get tokens with. */
export function clientRoutes(api: FastifyInstance, dependencies: ClientRoutesDependencies): void {
  const { clients, hasher, accessTokens, clientLogin, now } = dependencies;

  api.post('/oauth/clients', async (request, reply) => {
    const caller = await accessTokens.verify(request.headers.authorization);
    requireScope(caller, 'clients.write', 'clients.admin');
    const parsed = parseNewClient(request.body);
    if (parsed.outcome === 'invalid') throw new UaaError('CLIENT_INVALID', parsed.description);
    const { secret, ...fields } = parsed.client;
    requireOwnAuthorities(caller, fields.authorities);
    const secretHash = secret === '' ? null : await hasher.hash(secret);
    const client = { ...fields, secretHash, createdAt: new Date(now()).toISOString() };
    if (!(await clients.insert(client))) {
      throw new UaaError('CLIENT_EXISTS', `Client already exists: ${client.clientId}`);
    }
    return reply.code(201).send(renderClient(client));
  });

  api.get<{ Querystring: Record<string, unknown> }>('/oauth/clients', async (request) => {
    const caller = await accessTokens.verify(request.headers.authorization);
    requireScope(caller, 'clients.read', 'clients.admin');
    const all = await clients.list();
    const { startIndex, count } = scimPage(request.query);
    const page = all.slice(startIndex - 1, startIndex - 1 + count);
    return {
      resources: page.map(renderClient),
      startIndex,
      itemsPerPage: count,
      totalResults: all.length,
      schemas: ['http://cloudfoundry.org/schema/scim/oauth-clients-1.0'],
    };
  });

  /** All but the secret, which has a path of its own. */
  api.put<Named>('/oauth/clients/:clientId', async (request) => {
    const caller = await accessTokens.verify(request.headers.authorization);
    requireScope(caller, 'clients.write', 'clients.admin');
    const { clientId } = request.params;
    const before = await clients.get(clientId);
    if (before === undefined) throw notFound(clientId);
    requireNotPlatforms(clientId);
    // A secret that is left out is not missed: the client keeps the one that it has.
    const kept = { client_secret: 'kept', ...(request.body as object), client_id: clientId };
    const parsed = parseNewClient(kept);
    if (parsed.outcome === 'invalid') throw new UaaError('CLIENT_INVALID', parsed.description);
    const { secret: _, ...fields } = parsed.client;
    if (before.secretHash === null && fields.grantTypes.includes('client_credentials')) {
      throw new UaaError('CLIENT_INVALID', 'client_secret is required for client_credentials');
    }
    requireOwnAuthorities(caller, fields.authorities);
    const client = { ...before, ...fields };
    await clients.put(client);
    return renderClient(client);
  });

  /** An administrator of clients sets any, a client its own when it knows the old one. */
  api.put<Named>('/oauth/clients/:clientId/secret', async (request) => {
    const caller = await accessTokens.verify(request.headers.authorization);
    const { clientId } = request.params;
    const client = await clients.get(clientId);
    const isOwn = caller.userGuid === undefined && caller.clientId === clientId;
    if (!isOwn) requireScope(caller, 'clients.admin');
    if (client === undefined) throw notFound(clientId);
    requireNotPlatforms(clientId);
    const change = parseNewSecret(request.body);
    if (change === undefined) throw new UaaError('CLIENT_INVALID', 'expected {"secret":"..","oldSecret":".."}');
    if (isOwn) await clientLogin.logIn(clientId, change.oldSecret);
    await clients.put({ ...client, secretHash: await hasher.hash(change.secret) });
    return { status: 'ok', message: 'secret updated' };
  });

  api.get<Named>('/oauth/clients/:clientId', async (request) => {
    const caller = await accessTokens.verify(request.headers.authorization);
    requireScope(caller, 'clients.read', 'clients.admin');
    const client = await clients.get(request.params.clientId);
    if (client === undefined) throw notFound(request.params.clientId);
    return renderClient(client);
  });

  api.delete<Named>('/oauth/clients/:clientId', async (request) => {
    const caller = await accessTokens.verify(request.headers.authorization);
    requireScope(caller, 'clients.write', 'clients.admin');
    requireNotPlatforms(request.params.clientId);
    const client = await clients.delete(request.params.clientId);
    if (client === undefined) throw notFound(request.params.clientId);
    return renderClient(client);
  });
}

/** Else whoever may make clients could make one that may do everything. */
function requireOwnAuthorities(caller: Caller, authorities: readonly string[]): void {
  if (caller.scopes.has(ADMIN_SCOPE)) return;
  const beyond = authorities.filter((authority) => !caller.scopes.has(authority));
  if (beyond.length > 0) {
    throw new UaaError('SCOPE_INSUFFICIENT', `you cannot give what you do not have: ${beyond.join(', ')}`);
  }
}

/** Those are made as this release has them at each start. */
function requireNotPlatforms(clientId: string): void {
  if (platformClients.includes(clientId)) {
    throw new UaaError('CLIENT_INVALID', `the client ${clientId} is the platform's: it cannot be changed`);
  }
}

function notFound(clientId: string): UaaError {
  return new UaaError('CLIENT_NOT_FOUND', `No client with requested id: ${clientId}`);
}
