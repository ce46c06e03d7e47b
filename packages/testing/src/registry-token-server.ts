import { randomUUID, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { type SelfSigned, selfSigned } from './self-signed.ts';

export interface TokenServerOptions {
  readonly username: string;
  readonly password: string;
  /** Taken as a refresh token in place of name and password (distribution's `docs/spec/auth/oauth.md`). */
  readonly identityToken?: string;
  /** Whether those without a name may pull; default no. */
  readonly anonymousPull?: boolean;
  /** What the answer says of a token's life, in seconds; default 300. */
  readonly expiresIn?: number;
}

/** A request that the token server got. */
export interface TokenRequest {
  readonly service: string | undefined;
  readonly scope: string | undefined;
  readonly authorization: string | undefined;
  /** The form of a POST. */
  readonly form?: Readonly<Record<string, string>>;
}

export interface TokenServer {
  readonly realm: string;
  readonly service: string;
  readonly issuer: string;
  readonly signer: SelfSigned;
  readonly requests: readonly TokenRequest[];
  stop(): Promise<void>;
}

/** A token server as distribution's `docs/spec/auth/token.md` describes it, on loopback. */
export async function startTokenServer(options: TokenServerOptions): Promise<TokenServer> {
  const signer = selfSigned(['token-server']);
  const [service, issuer] = ['test-registry', 'test-token-server'];
  const requests: TokenRequest[] = [];
  const basic = `Basic ${Buffer.from(`${options.username}:${options.password}`).toString('base64')}`;

  const answer = async (request: IncomingMessage): Promise<{ readonly status: number; readonly body: object }> => {
    const { authorization, method, url } = { ...request.headers, method: request.method, url: request.url ?? '/' };
    const post = method === 'POST';
    const query = post ? new URLSearchParams(await text(request)) : new URL(url, 'http://token-server').searchParams;
    // One parameter for each scope, says the specification; some clients send one with spaces in it.
    const scope = query.has('scope') ? query.getAll('scope').join(' ') : undefined;
    const form = post ? { form: Object.fromEntries(query) } : {};
    requests.push({ service: query.get('service') ?? undefined, scope, authorization, ...form });
    const identity =
      query.get('grant_type') === 'refresh_token' && query.get('refresh_token') === options.identityToken;
    if ((authorization !== undefined && authorization !== basic) || (post && !identity)) {
      return { status: 401, body: { errors: [{ code: 'UNAUTHORIZED', message: 'wrong user name or password' }] } };
    }
    const known = authorization === basic || identity;
    const access = (scope?.split(' ') ?? []).flatMap((each) => grant(each, known, options.anonymousPull ?? false));
    const token = signToken(signer, {
      iss: issuer,
      aud: service,
      sub: known ? options.username : '',
      jti: randomUUID(),
      access,
    });
    const life = { expires_in: options.expiresIn ?? 300, issued_at: new Date().toISOString() };
    // The two kinds of requests have their answers under different names.
    return { status: 200, body: { ...(post ? { access_token: token } : { token }), ...life } };
  };

  const server = createServer((request, response) => {
    void answer(request).then(
      ({ status, body }) =>
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body)),
      (error: Error) => response.destroy(error),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    realm: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
    service,
    issuer,
    signer,
    requests,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** What of `repository:name:pull,push` this user gets. */
function grant(scope: string, known: boolean, anonymousPull: boolean): object[] {
  const match = /^([^:]+):(.+):([^:]*)$/.exec(scope);
  const actions = (match?.[3] ?? '').split(',').filter((action) => known || (anonymousPull && action === 'pull'));
  return match && actions.length > 0 ? [{ type: match[1], name: match[2], actions }] : [];
}

const TOKEN_LIFE_S = 3600;

function signToken({ key, certBase64 }: SelfSigned, claims: object): string {
  const now = Math.floor(Date.now() / 1000);
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const header = encode({ typ: 'JWT', alg: 'ES256', x5c: [certBase64] });
  const body = encode({ ...claims, iat: now, nbf: now - 60, exp: now + TOKEN_LIFE_S });
  const signature = sign('sha256', Buffer.from(`${header}.${body}`), { key, dsaEncoding: 'ieee-p1363' });
  return `${header}.${body}.${signature.toString('base64url')}`;
}
