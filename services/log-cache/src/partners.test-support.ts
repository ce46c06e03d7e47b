import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, importJWK, SignJWT } from 'jose';
import { onTestFinished } from 'vitest';

/** uaa and cloud-controller as log-cache sees them: `/uaa/token_keys` and `/internal/v4/log_access`. */
export interface Partners {
  readonly url: string;
  readonly uaaUrl: string;
  /** Every request so far, as `METHOD path`. */
  readonly requests: string[];
  /** What log_access answers: a status by `<user id> <source id>`; 404 for the rest. */
  readonly access: Map<string, number>;
  /** Makes both answer 500 to all. */
  broken: boolean;
  /** Replaces the signing key; the old one is served on. */
  rotate(): Promise<void>;
  token(claims: Readonly<Record<string, unknown>>, options?: TokenOptions): Promise<string>;
}

export interface TokenOptions {
  readonly expiresIn?: string;
  readonly algorithm?: 'RS256' | 'PS256';
  readonly keyId?: string;
}

export async function startPartners(): Promise<Partners> {
  const requests: string[] = [];
  const access = new Map<string, number>();
  const keys: Awaited<ReturnType<typeof newKey>>[] = [await newKey('key-1')];
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    const [status, body] = partners.broken ? [500, 'broken'] : answer(request);
    response.writeHead(status, { 'content-type': 'application/json' }).end(body);
  });
  const answer = (request: IncomingMessage): [number, string] => {
    if (request.url === '/uaa/token_keys') return [200, JSON.stringify({ keys: keys.map((key) => key.published) })];
    const sourceId = /^\/internal\/v4\/log_access\/([^/]+)$/.exec(request.url ?? '')?.[1];
    const token = (request.headers.authorization ?? '').replace(/^bearer /, '').split('.')[1] ?? '';
    const claims = JSON.parse(Buffer.from(token, 'base64url').toString('utf8'));
    return [access.get(`${claims.user_id} ${sourceId}`) ?? 404, '{}'];
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const partners: Partners = {
    url,
    uaaUrl: `${url}/uaa`,
    requests,
    access,
    broken: false,
    rotate: async () => {
      keys.unshift(await newKey(`key-${keys.length + 1}`));
    },
    token: async (claims, options = {}) => {
      const algorithm = options.algorithm ?? 'RS256';
      const key = keys[0];
      if (key === undefined) throw new Error('no key');
      const privateKey = await importJWK(key.privateKey, algorithm);
      return new SignJWT({ jti: crypto.randomUUID(), scope: [], ...claims })
        .setProtectedHeader({ alg: algorithm, kid: options.keyId ?? key.published.kid ?? '' })
        .setExpirationTime(options.expiresIn ?? '10m')
        .sign(privateKey);
    },
  };
  return partners;
}

/** It names no algorithm, so that only the verifier can insist on one. */
async function newKey(kid: string) {
  const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true });
  const published = { ...(await exportJWK(publicKey)), kid, use: 'sig' };
  return { privateKey: await exportJWK(privateKey), published };
}
