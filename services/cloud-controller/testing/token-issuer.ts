import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';

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
  stop(): Promise<void>;
}

export const EXTERNAL_URL = 'http://localhost:8080';

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
  const server = createServer((request, response) => {
    requests++;
    const found = request.url === '/uaa/token_keys' && !failing;
    response.writeHead(found ? 200 : 500, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ keys: found ? published : [] }));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    uaaUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/uaa`,
    rotate,
    requests: () => requests,
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
