import type { Logger, Secret } from '@slipway/service-kit';
import type { PasswordHasher } from '../adapters/crypto/password-hasher.ts';
import type { ClientStore } from '../adapters/sql/client-store.ts';
import type { UserStore } from '../adapters/sql/user-store.ts';
import type { OauthClient } from '../domain/oauth-client.ts';
import { adminGroups, cfClientScopes } from '../domain/scopes.ts';
import { UAA_ORIGIN } from '../domain/user.ts';
import { UaaError } from '../errors.ts';
import type { UserAccounts } from './user-accounts.ts';

const ADMIN_NAME = 'admin';

/** The CLI's client, which is compiled into it: public, no secret. */
const CF_CLIENT: Omit<OauthClient, 'createdAt'> = {
  clientId: 'cf',
  secretHash: null,
  grantTypes: ['password', 'refresh_token'],
  scopes: cfClientScopes,
  authorities: [],
};

/** cloud-controller's own: roles are given to users by name, and name them when they are listed. */
const CLOUD_CONTROLLER_CLIENT: Omit<OauthClient, 'createdAt' | 'secretHash'> = {
  clientId: 'cloud_controller',
  grantTypes: ['client_credentials'],
  scopes: [],
  authorities: ['scim.read'],
};

/** Takes the one-time codes of `cf ssh`, and asks cloud-controller in their users' names. */
const SSH_CLIENT: Omit<OauthClient, 'createdAt' | 'secretHash'> = {
  clientId: 'ssh-proxy',
  grantTypes: ['authorization_code'],
  scopes: ['openid', 'cloud_controller.read', 'cloud_controller.write', 'cloud_controller.admin'],
  authorities: [],
};

export interface FirstStartDependencies {
  readonly users: UserStore;
  readonly clients: ClientStore;
  readonly accounts: UserAccounts;
  readonly hasher: PasswordHasher;
  readonly adminPassword: Secret;
  readonly cloudControllerSecret: Secret;
  /** Undefined: there is no SSH. */
  readonly sshProxySecret: Secret | undefined;
  readonly now: () => number;
  readonly logger: Logger;
}

/** Sees to it that the platform's clients are as this release has them, and that there is a user `admin`. */
export async function prepareIdentities(dependencies: FirstStartDependencies): Promise<void> {
  const { users, clients, accounts, adminPassword, now, logger } = dependencies;
  const createdAt = new Date(now()).toISOString();
  await clients.put({ ...CF_CLIENT, createdAt });
  const secretHash = await dependencies.hasher.hash(dependencies.cloudControllerSecret.reveal());
  await clients.put({ ...CLOUD_CONTROLLER_CLIENT, secretHash, createdAt });
  if (dependencies.sshProxySecret !== undefined) {
    const sshHash = await dependencies.hasher.hash(dependencies.sshProxySecret.reveal());
    await clients.put({ ...SSH_CLIENT, secretHash: sshHash, createdAt });
  }
  if ((await users.findByName(ADMIN_NAME, UAA_ORIGIN)) !== undefined) return;
  try {
    const admin = await accounts.create(
      {
        userName: ADMIN_NAME,
        password: adminPassword.reveal(),
        email: ADMIN_NAME,
        givenName: null,
        familyName: null,
        active: true,
        verified: true,
      },
      adminGroups,
    );
    logger.info({ userGuid: admin.guid }, 'admin.created');
  } catch (error) {
    // Another process that starts at the same time was first.
    if (!(error instanceof UaaError) || error.code !== 'USER_EXISTS') throw error;
  }
}
