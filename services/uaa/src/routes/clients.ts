import type { FastifyInstance } from 'fastify';
import type { PasswordHasher } from '../adapters/crypto/password-hasher.ts';
import type { ClientStore } from '../adapters/sql/client-store.ts';
import { parseNewClient, renderClient } from '../domain/oauth-client.ts';
import { UaaError } from '../errors.ts';
import type { AccessTokens } from '../handlers/access-tokens.ts';
import { ADMIN_SCOPE, requireScope } from './authorization.ts';

export interface ClientRoutesDependencies {
  readonly clients: ClientStore;
  readonly hasher: PasswordHasher;
  readonly accessTokens: AccessTokens;
  readonly now: () => number;
}

/** Clients, which programs get tokens with. */
export function clientRoutes(api: FastifyInstance, dependencies: ClientRoutesDependencies): void {
  const { clients, hasher, accessTokens, now } = dependencies;

  api.post('/oauth/clients', async (request, reply) => {
    const caller = await accessTokens.verify(request.headers.authorization);
    requireScope(caller, 'clients.write', 'clients.admin');
    const parsed = parseNewClient(request.body);
    if (parsed.outcome === 'invalid') throw new UaaError('CLIENT_INVALID', parsed.description);
    const { secret, ...fields } = parsed.client;
    if (!caller.scopes.has(ADMIN_SCOPE)) {
      // Else whoever may make clients could make one that may do everything.
      const beyond = [...fields.authorities].filter((authority) => !caller.scopes.has(authority));
      if (beyond.length > 0) {
        throw new UaaError('SCOPE_INSUFFICIENT', `you cannot give what you do not have: ${beyond.join(', ')}`);
      }
    }
    const secretHash = secret === '' ? null : await hasher.hash(secret);
    const client = { ...fields, secretHash, createdAt: new Date(now()).toISOString() };
    if (!(await clients.insert(client))) {
      throw new UaaError('CLIENT_EXISTS', `Client already exists: ${client.clientId}`);
    }
    return reply.code(201).send(renderClient(client));
  });

  api.get<{ Params: { clientId: string } }>('/oauth/clients/:clientId', async (request) => {
    const caller = await accessTokens.verify(request.headers.authorization);
    requireScope(caller, 'clients.read', 'clients.admin');
    const client = await clients.get(request.params.clientId);
    if (client === undefined) throw notFound(request.params.clientId);
    return renderClient(client);
  });

  api.delete<{ Params: { clientId: string } }>('/oauth/clients/:clientId', async (request) => {
    const caller = await accessTokens.verify(request.headers.authorization);
    requireScope(caller, 'clients.write', 'clients.admin');
    const client = await clients.delete(request.params.clientId);
    if (client === undefined) throw notFound(request.params.clientId);
    return renderClient(client);
  });
}

function notFound(clientId: string): UaaError {
  return new UaaError('CLIENT_NOT_FOUND', `No client with requested id: ${clientId}`);
}
