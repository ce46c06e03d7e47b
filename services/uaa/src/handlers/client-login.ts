import type { PasswordHasher } from '../adapters/crypto/password-hasher.ts';
import type { ClientStore } from '../adapters/sql/client-store.ts';
import type { OauthClient } from '../domain/oauth-client.ts';
import { UaaError } from '../errors.ts';
import type { LoginGuard } from './login-guard.ts';

export interface ClientLoginDependencies {
  readonly clients: ClientStore;
  readonly hasher: PasswordHasher;
  readonly guard: LoginGuard;
}

/** Checks secrets of clients. */
export class ClientLogin {
  readonly #deps: ClientLoginDependencies;

  constructor(dependencies: ClientLoginDependencies) {
    this.#deps = dependencies;
  }

  /** Throws UaaError CLIENT_REFUSED or BUSY. */
  async logIn(clientId: string, secret: string): Promise<OauthClient> {
    const { clients, hasher, guard } = this.#deps;
    const client = await clients.get(clientId);
    if (client !== undefined && client.secretHash === null) {
      // Public: whoever knows a secret for it means another client.
      if (secret !== '') throw refused();
      return client;
    }
    const outcome = await guard.attempt(`client ${clientId.slice(0, 255)}`, async () => {
      const { matches } = await hasher.verify(secret, client?.secretHash ?? undefined);
      return matches;
    });
    if (outcome !== 'passed' || client === undefined) throw refused();
    return client;
  }
}

function refused(): UaaError {
  return new UaaError('CLIENT_REFUSED', 'Bad credentials');
}
