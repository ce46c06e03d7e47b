import type { FastifyInstance } from 'fastify';
import type { KeyRing } from '../handlers/key-ring.ts';

/** The UAA release whose API this is part of; cf asks for a minimum with `--origin`. */
const API_VERSION = '77.20.0';

export interface ServerInfoDependencies {
  readonly externalUrl: string;
  readonly issuer: string;
  readonly keys: KeyRing;
  readonly startedAt: number;
}

/** What everyone may know. */
export function serverInfoRoutes(api: FastifyInstance, dependencies: ServerInfoDependencies): void {
  const { externalUrl, issuer, keys, startedAt } = dependencies;
  const base = `${externalUrl}/uaa`;

  const info = {
    app: { version: API_VERSION },
    links: { uaa: base, login: base },
    zone_name: 'uaa',
    entityID: new URL(externalUrl).host,
    timestamp: new Date(startedAt).toISOString(),
    idpDefinitions: {},
    // cf asks for every prompt that is named here, but for the passcode, which is what `cf login --sso` asks for.
    prompts: {
      username: ['text', 'Email'],
      password: ['password', 'Password'],
      passcode: ['password', 'There is no single sign-on here: use cf login without --sso. One Time Code'],
    },
  };
  for (const path of ['/login', '/info']) api.get(path, () => info);

  api.get('/token_keys', () => ({ keys: keys.published() }));
  api.get('/token_key', () => keys.signer().published);

  const openid = {
    issuer,
    authorization_endpoint: `${base}/oauth/authorize`,
    token_endpoint: `${base}/oauth/token`,
    userinfo_endpoint: `${base}/userinfo`,
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
    grant_types_supported: ['password', 'client_credentials', 'refresh_token', 'authorization_code'],
    response_types_supported: ['code'],
    jwks_uri: `${base}/token_keys`,
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    claims_supported: ['sub', 'user_name', 'origin', 'iss', 'auth_time', 'client_id', 'aud', 'zid', 'user_id', 'email'],
  };
  // The second is where OpenID Connect Discovery looks: behind the issuer.
  for (const path of ['/.well-known/openid-configuration', '/oauth/token/.well-known/openid-configuration']) {
    api.get(path, () => openid);
  }
}
