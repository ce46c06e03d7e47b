import { randomBytes, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import type { DirectoryUser } from '../src/adapters/uaa/user-directory.ts';

export interface TokenOptions {
  readonly userGuid?: string;
  readonly userName?: string;
  readonly scopes?: readonly string[];
  readonly audience?: readonly string[];
  readonly issuer?: string;
  /** Seconds from now. */
  readonly expiresIn?: number;
}

/** A uaa as far as others see it: real RS256 tokens, and the keys to check them with over HTTP. */
export interface TokenIssuer {
  readonly uaaUrl: string;
  /** The value of an Authorization header. */
  token(options?: TokenOptions): Promise<string>;
  /** From now on tokens are signed by another key, which is published beside the old one. */
  rotate(): Promise<void>;
  /** Answers 500 to whoever asks for the keys. */
  fail(failing: boolean): void;
  readonly requests: () => number;
  /** Of the client `cloud_controller`. */
  readonly clientSecret: string;
  /** Adds an account; its guid. */
  addUser(userName: string, guid?: string, origin?: string): string;
  removeUser(guid: string): void;
  stop(): Promise<void>;
}

export const EXTERNAL_URL = 'http://localhost:8080';

/** As much of SCIM's filters as cloud-controller writes: `(a or b) and (c or d)`. */
function matches(user: DirectoryUser, filter: string): boolean {
  const attributes: Readonly<Record<string, string>> = { id: user.guid, userName: user.userName, origin: user.origin };
  return filter.split(' and (').every((group) =>
    [...group.matchAll(/(\w+) (eq|co) ("(?:[^"\\]|\\.)*")/g)].some(([, name = '', operator, text = '']) => {
      const value = (JSON.parse(text) as string).toLowerCase();
      const actual = attributes[name]?.toLowerCase() ?? '';
      return operator === 'eq' ? actual === value : actual.includes(value);
    }),
  );
}

export async function startTokenIssuer(): Promise<TokenIssuer> {
  const published: unknown[] = [];
  let signing: { readonly key: CryptoKey; readonly kid: string };
  let failing = false;
  let requests = 0;
  const rotate = async (): Promise<void> => {
    const { publicKey, privateKey } = await generateKeyPair('RS256');
    const kid = `key-${published.length + 1}`;
    published.unshift({ ...(await exportJWK(publicKey)), kid, alg: 'RS256', use: 'sig' });
    signing = { key: privateKey, kid };
  };
  await rotate();
  const clientSecret = randomBytes(16).toString('hex');
  const clientToken = randomBytes(16).toString('hex');
  const users: DirectoryUser[] = [{ guid: 'admin-guid', userName: 'admin', origin: 'uaa' }];
  const answer = (path: string, query: URLSearchParams, authorization: string | undefined): unknown => {
    if (failing) return undefined;
    if (path === '/uaa/token_keys') return { keys: published };
    if (path === '/uaa/oauth/token' && authorization === `Basic ${btoa(`cloud_controller:${clientSecret}`)}`) {
      return { access_token: clientToken, expires_in: 600 };
    }
    if (path !== '/uaa/Users' || authorization !== `bearer ${clientToken}`) return undefined;
    const found = users.filter((user) => matches(user, query.get('filter') ?? ''));
    const resources = found.map(({ guid, ...user }) => ({ id: guid, ...user }));
    return { resources, totalResults: resources.length };
  };
  const server = createServer((request, response) => {
    requests++;
    const url = new URL(request.url ?? '', 'http://uaa');
    const body = answer(url.pathname, url.searchParams, request.headers.authorization);
    response.writeHead(body === undefined ? 500 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body ?? {}));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    uaaUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/uaa`,
    rotate,
    requests: () => requests,
    clientSecret,
    addUser: (userName, guid = randomUUID(), origin = 'uaa') => {
      users.push({ guid, userName, origin });
      return guid;
    },
    removeUser: (guid) => {
      users.splice(0, users.length, ...users.filter((user) => user.guid !== guid));
    },
    fail: (value) => {
      failing = value;
    },
    token: async (options = {}) => {
      const userGuid = options.userGuid ?? 'admin-guid';
      const userName = options.userName ?? 'admin';
      const now = Math.floor(Date.now() / 1_000);
      const jwt = await new SignJWT({
        user_id: userGuid,
        user_name: userName,
        email: `${userName}@example.com`,
        origin: 'uaa',
        client_id: 'cf',
        scope: options.scopes ?? [
          'cloud_controller.admin',
          'cloud_controller.read',
          'cloud_controller.write',
          'openid',
        ],
      })
        .setProtectedHeader({ alg: 'RS256', kid: signing.kid })
        .setIssuer(options.issuer ?? `${EXTERNAL_URL}/uaa/oauth/token`)
        .setAudience([...(options.audience ?? ['cloud_controller', 'cf', 'uaa', 'openid'])])
        .setIssuedAt(now)
        .setExpirationTime(now + (options.expiresIn ?? 600))
        .sign(signing.key);
      return `bearer ${jwt}`;
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
