import { randomUUID, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type SelfSigned, selfSigned } from './self-signed.ts';

export interface TokenServerOptions {
  readonly username: string;
  readonly password: string;
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

  const answer = (request: IncomingMessage): { readonly status: number; readonly body: object } => {
    const query = new URL(request.url ?? '/', 'http://token-server').searchParams;
    const { authorization } = request.headers;
    // One parameter for each scope, says the specification; some clients send one with spaces in it.
    const scope = query.has('scope') ? query.getAll('scope').join(' ') : undefined;
    requests.push({ service: query.get('service') ?? undefined, scope, authorization });
    if (authorization !== undefined && authorization !== basic) {
      return { status: 401, body: { errors: [{ code: 'UNAUTHORIZED', message: 'wrong user name or password' }] } };
    }
    const known = authorization === basic;
    const access = (scope?.split(' ') ?? []).flatMap((each) => grant(each, known, options.anonymousPull ?? false));
    const token = signToken(signer, {
      iss: issuer,
      aud: service,
      sub: known ? options.username : '',
      jti: randomUUID(),
      access,
    });
    return { status: 200, body: { token, expires_in: options.expiresIn ?? 300, issued_at: new Date().toISOString() } };
  };

  const server = createServer((request, response) => {
    const { status, body } = answer(request);
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
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
