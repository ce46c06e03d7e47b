import { randomBytes } from 'node:crypto';
import { createLogger, Secret } from '@slipway/service-kit';
import type { FastifyInstance } from 'fastify';
import { decodeJwt, type JWTPayload } from 'jose';
import { onTestFinished } from 'vitest';
import { PasswordHasher } from './adapters/crypto/password-hasher.ts';
import { createTestDatabase } from './database.test-support.ts';
import { type Identity, openIdentity } from './identity.ts';

export const ADMIN_PASSWORD = 'correct horse battery staple';
export const CLOUD_CONTROLLER_SECRET = 'between services';
export const EXTERNAL_URL = 'http://localhost:8080';

export interface Reply {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: what comes back is what the tests look at.
  readonly body: any;
  readonly headers: Readonly<Record<string, unknown>>;
}

export interface Request {
  readonly token?: string | undefined;
  readonly json?: unknown;
  readonly form?: Readonly<Record<string, string>> | string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface TestUaa {
  readonly identity: Identity;
  readonly api: FastifyInstance;
  readonly clock: { now: number };
  /** Lines of the log. */
  readonly log: string[];
  readonly url: string;
  readonly encryptionKey: string;
  readonly call: (
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    request?: Request,
  ) => Promise<Reply>;
  /** As cf logs in. */
  readonly logIn: (userName?: string, password?: string, form?: Readonly<Record<string, string>>) => Promise<Reply>;
  readonly refresh: (refreshToken: string, form?: Readonly<Record<string, string>>) => Promise<Reply>;
  readonly adminToken: () => Promise<string>;
  /** Makes a user with only what every user has. */
  readonly createUser: (userName: string, password: string) => Promise<string>;
}

export interface TestUaaOptions {
  /** Of an earlier one, to start again on its database. */
  readonly from?: TestUaa;
  readonly encryptionKey?: string;
}

/** `cf:` with an empty secret. */
export const CF_BASIC = 'Basic Y2Y6';

/** uaa on a real database, with a clock that the test moves and password hashes that cost little. */
export async function startUaa(options: TestUaaOptions = {}): Promise<TestUaa> {
  const { from } = options;
  let url = from?.url;
  if (url === undefined) {
    const database = await createTestDatabase();
    onTestFinished(() => database.remove());
    ({ url } = database);
  }
  const encryptionKey = options.encryptionKey ?? from?.encryptionKey ?? randomBytes(32).toString('base64');
  const clock = from?.clock ?? { now: Date.UTC(2026, 0, 1) };
  const log: string[] = [];
  const logger = createLogger('uaa', 'trace', { write: (line) => void log.push(line) });
  const identity = openIdentity(
    {
      DATABASE_URL: new Secret(url),
      ENCRYPTION_KEY: new Secret(encryptionKey),
      ADMIN_PASSWORD: new Secret(ADMIN_PASSWORD),
      CLOUD_CONTROLLER_SECRET: new Secret(CLOUD_CONTROLLER_SECRET),
      EXTERNAL_URL,
      ACCESS_TOKEN_SECONDS: 600,
      REFRESH_TOKEN_SECONDS: 2_592_000,
    },
    {
      logger,
      now: () => clock.now,
      hasher: new PasswordHasher({ memoryKib: 64, passes: 1, parallelism: 1 }),
    },
  );
  onTestFinished(() => identity.close());
  await identity.prepare();
  const api = await identity.createApi();
  onTestFinished(() => api.close());

  const call: TestUaa['call'] = async (method, path, request = {}) => {
    const response = await api.inject({
      method,
      url: path,
      headers: {
        ...(request.token === undefined ? {} : { authorization: `bearer ${request.token}` }),
        ...(request.json === undefined ? {} : { 'content-type': 'application/json' }),
        ...(request.form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
        ...request.headers,
      },
      ...(request.json === undefined ? {} : { payload: JSON.stringify(request.json) }),
      ...(request.form === undefined ? {} : { payload: new URLSearchParams(request.form).toString() }),
    });
    const body = response.body === '' ? undefined : response.json();
    return { status: response.statusCode, body, headers: response.headers };
  };
  const logIn: TestUaa['logIn'] = (userName = 'admin', password = ADMIN_PASSWORD, form = {}) =>
    call('POST', '/uaa/oauth/token', {
      form: { grant_type: 'password', username: userName, password, ...form },
      headers: { authorization: CF_BASIC },
    });
  const refresh: TestUaa['refresh'] = (refreshToken, form = {}) =>
    call('POST', '/uaa/oauth/token', {
      form: { grant_type: 'refresh_token', refresh_token: refreshToken, ...form },
      headers: { authorization: CF_BASIC },
    });
  const adminToken = async (): Promise<string> => (await logIn()).body.access_token;
  const createUser = async (userName: string, password: string): Promise<string> => {
    const json = { userName, password, emails: [{ value: userName }] };
    return (await call('POST', '/uaa/Users', { token: await adminToken(), json })).body.id;
  };
  return { identity, api, clock, log, url, encryptionKey, call, logIn, refresh, adminToken, createUser };
}

export function claimsOf(reply: Reply): JWTPayload {
  return decodeJwt(reply.body.access_token);
}
