import { migrate, openDatabase } from '@slipway/database';
import { type Logger, Secret } from '@slipway/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Kysely } from 'kysely';
import { AtRest } from './adapters/crypto/at-rest.ts';
import { PasswordHasher } from './adapters/crypto/password-hasher.ts';
import { AuthorizationCodeStore } from './adapters/sql/authorization-code-store.ts';
import { ClientStore } from './adapters/sql/client-store.ts';
import { GroupStore } from './adapters/sql/group-store.ts';
import { LoginFailureStore } from './adapters/sql/login-failure-store.ts';
import { migrations } from './adapters/sql/migrations.ts';
import { RefreshTokenStore } from './adapters/sql/refresh-token-store.ts';
import type { UaaDatabase } from './adapters/sql/schema.ts';
import { SigningKeyStore } from './adapters/sql/signing-key-store.ts';
import { UserStore } from './adapters/sql/user-store.ts';
import type { Config } from './config.ts';
import { forgottenBefore } from './domain/login-policy.ts';
import { AccessTokens } from './handlers/access-tokens.ts';
import { AuthorizationCodes } from './handlers/authorization-codes.ts';
import { ClientLogin } from './handlers/client-login.ts';
import { prepareIdentities } from './handlers/first-start.ts';
import { KeyRing } from './handlers/key-ring.ts';
import { LoginGuard } from './handlers/login-guard.ts';
import { TokenGrants } from './handlers/token-grants.ts';
import { UserAccounts } from './handlers/user-accounts.ts';
import { UserLogin } from './handlers/user-login.ts';
import { createUaaMetrics, type UaaMetrics } from './metrics.ts';
import { createApi } from './routes/api.ts';

type IdentityConfig = Pick<
  Config,
  | 'ADMIN_PASSWORD'
  | 'CLOUD_CONTROLLER_SECRET'
  | 'SSH_PROXY_SECRET'
  | 'DATABASE_URL'
  | 'ENCRYPTION_KEY'
  | 'EXTERNAL_URL'
  | 'ACCESS_TOKEN_SECONDS'
  | 'REFRESH_TOKEN_SECONDS'
>;

/** uaa without the network: the database and what works on it. */
export interface Identity {
  readonly db: Kysely<UaaDatabase>;
  readonly keys: KeyRing;
  readonly metrics: UaaMetrics;
  createApi(): Promise<FastifyInstance>;
  /** Brings the schema up to date, and sees to the first key, client and user. */
  prepare(): Promise<void>;
  /** Deletes what has expired. */
  sweep(): Promise<void>;
  close(): Promise<void>;
}

export interface IdentityDependencies {
  readonly logger: Logger;
  readonly now?: () => number;
  readonly hasher?: PasswordHasher;
}

/** Opens the database and puts together what works on it. */
export function openIdentity(config: IdentityConfig, dependencies: IdentityDependencies): Identity {
  const { logger, now = Date.now, hasher = new PasswordHasher() } = dependencies;
  const db = openDatabase<UaaDatabase>(config.DATABASE_URL.reveal());
  const users = new UserStore(db);
  const clients = new ClientStore(db);
  const refreshTokens = new RefreshTokenStore(db);
  const failures = new LoginFailureStore(db);
  const keys = new KeyRing({
    store: new SigningKeyStore(db),
    atRest: new AtRest(new Secret(Buffer.from(config.ENCRYPTION_KEY.reveal(), 'base64'))),
    now,
    logger,
    tokenLifetimeMs: config.ACCESS_TOKEN_SECONDS * 1_000,
  });
  const issuer = `${config.EXTERNAL_URL}/uaa/oauth/token`;
  const accessTokens = new AccessTokens(keys, issuer, now);
  const guard = new LoginGuard(failures, now);
  const login = new UserLogin({ users, hasher, guard, logger });
  const clientLogin = new ClientLogin({ clients, hasher, guard });
  const accounts = new UserAccounts({ users, hasher, login, now });
  const groups = new GroupStore(db);
  const codeStore = new AuthorizationCodeStore(db);
  const codes = new AuthorizationCodes({ codes: codeStore, clients, users, now });
  const grants = new TokenGrants({
    users,
    refreshTokens,
    codes,
    login,
    accessTokens,
    accessTokenSeconds: config.ACCESS_TOKEN_SECONDS,
    refreshTokenSeconds: config.REFRESH_TOKEN_SECONDS,
    now,
  });
  const metrics = createUaaMetrics(() => hasher.waiting);

  return {
    db,
    keys,
    metrics,
    createApi: () =>
      createApi({
        externalUrl: config.EXTERNAL_URL,
        issuer,
        startedAt: now(),
        keys,
        clientLogin,
        grants,
        accessTokens,
        refreshTokens,
        users,
        groups,
        codes,
        accounts,
        clients,
        hasher,
        now,
        logger,
        onIssued: metrics.onIssued,
        onError: metrics.onError,
      }),
    prepare: async () => {
      const applied = await migrate(db, migrations);
      if (applied.length > 0) logger.info({ applied }, 'database.migrated');
      await keys.load();
      await prepareIdentities({
        users,
        clients,
        accounts,
        hasher,
        adminPassword: config.ADMIN_PASSWORD,
        cloudControllerSecret: config.CLOUD_CONTROLLER_SECRET,
        sshProxySecret: config.SSH_PROXY_SECRET,
        now,
        logger,
      });
    },
    sweep: async () => {
      await refreshTokens.deleteExpired(now());
      await codeStore.deleteExpired(now());
      await failures.deleteBefore(forgottenBefore(now()));
      await keys.deleteExpired();
    },
    close: () => db.destroy(),
  };
}
