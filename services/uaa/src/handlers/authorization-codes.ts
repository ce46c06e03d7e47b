import type { AuthorizationCode, AuthorizationCodeStore } from '../adapters/sql/authorization-code-store.ts';
import type { ClientStore } from '../adapters/sql/client-store.ts';
import type { UserStore } from '../adapters/sql/user-store.ts';
import { grantScopes, userGroups } from '../domain/scopes.ts';
import { UaaError } from '../errors.ts';
import type { Caller } from './access-tokens.ts';

export interface AuthorizationCodesDependencies {
  readonly codes: AuthorizationCodeStore;
  readonly clients: ClientStore;
  readonly users: UserStore;
  readonly now: () => number;
}

/** Whom the cf CLI asks codes for. Made together with what takes them. */
const SSH_CLIENT = 'ssh-proxy';

/** UAA's. */
const CODE_LIFETIME_MS = 300_000;

/** One-time codes: a user who has a token lets another client have one too (`cf ssh-code`). */
export class AuthorizationCodes {
  readonly #deps: AuthorizationCodesDependencies;

  constructor(dependencies: AuthorizationCodesDependencies) {
    this.#deps = dependencies;
  }

  /** Throws UaaError CLIENT_REFUSED, SCOPE_INVALID or SCOPE_INSUFFICIENT. */
  async issue(caller: Caller, clientId: string, requested: readonly string[] | undefined): Promise<string> {
    const { codes, clients, users, now } = this.#deps;
    const user = caller.userGuid === undefined ? undefined : await users.get(caller.userGuid);
    if (user === undefined || !user.active) throw new UaaError('SCOPE_INSUFFICIENT', 'codes are for users');
    const client = await clients.get(clientId);
    if (client === undefined || !client.grantTypes.includes('authorization_code')) {
      const why = clientId === SSH_CLIENT ? ': there is no SSH into containers on this platform' : '';
      throw new UaaError('CLIENT_REFUSED', `No client with requested id: ${clientId}${why}`);
    }
    // Never more than the token that asks may do itself.
    const owned = [...userGroups, ...user.groups].filter((scope) => caller.scopes.has(scope));
    const result = grantScopes(owned, client.scopes, requested);
    if (result.outcome === 'refused') throw new UaaError('SCOPE_INVALID', result.description);
    const time = now();
    return codes.create({
      userGuid: user.guid,
      clientId,
      scopes: result.scopes,
      authenticatedAt: time,
      expiresAt: time + CODE_LIFETIME_MS,
    });
  }

  /** Uses the code up, also where it is another client's. Throws UaaError CODE_INVALID. */
  async take(text: string, clientId: string): Promise<AuthorizationCode> {
    const code = await this.#deps.codes.take(text, this.#deps.now());
    if (code === undefined || code.clientId !== clientId) {
      throw new UaaError('CODE_INVALID', 'Invalid authorization code');
    }
    return code;
  }
}
