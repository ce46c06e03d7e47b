import { z } from 'zod';
import { OciError } from '../errors.ts';
import { checkShape, parseJsonObject } from '../json-document.ts';
import { readDocument, readRefusal } from './body.ts';
import type { RegistryCredentials } from './credentials.ts';
import { withDeadline } from './deadline.ts';
import { MAX_TOKEN_BYTES } from './limits.ts';
import { type Ask, RegistryError } from './registry-error.ts';
import { isTransientStatus, parseRetryAfter } from './retry.ts';
import type { TokenRealm } from './token-realm.ts';
import type { Transport } from './transport.ts';

export interface TokenRequest {
  readonly transport: Transport;
  readonly realm: TokenRealm;
  readonly credentials: RegistryCredentials | undefined;
  /** Of the registry that the token is for. */
  readonly registryOrigin: string;
  /** `docker.io/library/nginx`: what the token is for. */
  readonly target: string;
  readonly documentMs: number;
  readonly onStep: (text: string) => void;
}

/** Names this program to token servers (RFC 6749); distribution wants one with the refresh token grant. */
const CLIENT_ID = 'slipway';

/** Above this no header can carry the token; undici's own limit is that of the server, commonly 8-16 KiB. */
const MAX_TOKEN_LENGTH = 64 * 1024;

const tokenSchema = z
  .object({
    token: z.string().nullish(),
    access_token: z.string().nullish(),
    expires_in: z.number().nullish(),
  })
  .transform(({ token, access_token, expires_in }) => ({
    token: token || access_token || '',
    // Servers that do not know say 0: a Go struct without `omitempty`.
    lifeS: expires_in && expires_in > 0 ? expires_in : undefined,
  }))
  .refine(({ token }) => /^[\x21-\x7e]+$/.test(token) && token.length <= MAX_TOKEN_LENGTH, 'no usable token');

/**
 * Asks a token server once: by GET with a password or anonymously (distribution `spec/auth/token.md`), by POST with an
 * identity token, which is a refresh token there (`spec/auth/oauth.md`).
 *
 * @throws RegistryError
 */
export async function requestToken(
  request: TokenRequest,
): Promise<{ readonly authorization: string; readonly lifeS: number | undefined }> {
  const { transport, realm, credentials, onStep } = request;
  const { host } = realm.url;
  const ask: Ask = { phase: 'authentication', registry: host, what: `a token for ${request.target}` };
  return withDeadline(request.documentMs, ask, undefined, async (signal) => {
    const answer = await transport.exchange({
      ask,
      ...asHttp(realm, credentials),
      signal,
      registryOrigin: request.registryOrigin,
    });
    onStep(`${host} answered ${answer.status}`);
    const { url } = answer;
    if (answer.status !== 200) {
      const refusal = await readRefusal(answer, (text) => credentials?.redact(text) ?? text);
      const said = refusal === '' ? '' : ` (${refusal})`;
      throw tokenRefused(answer.status, said, parseRetryAfter(answer.header('retry-after'), Date.now()), ask, url);
    }
    const body = await readDocument(answer, ask, MAX_TOKEN_BYTES, signal);
    try {
      const { token, lifeS } = checkShape(tokenSchema, parseJsonObject(body, 'token'), 'token');
      return { authorization: `Bearer ${token}`, lifeS };
    } catch (error) {
      // Without the cause: a parser quotes what it stumbled over, and that may be the token.
      const why = error instanceof OciError ? `: ${error.message}` : '';
      throw new RegistryError('TOKEN_INVALID', ask, `its answer holds no usable token${why}`, { url, status: 200 });
    }
  });
}

function asHttp(
  { url: realm, service, scopes }: TokenRealm,
  credentials: RegistryCredentials | undefined,
): {
  readonly url: URL;
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
} {
  const url = new URL(realm);
  const refreshToken = credentials?.identityToken();
  if (refreshToken !== undefined) {
    const form = new URLSearchParams({ grant_type: 'refresh_token', client_id: CLIENT_ID });
    if (service !== undefined) form.append('service', service);
    form.append('scope', scopes.join(' '));
    form.append('refresh_token', refreshToken);
    const type = 'application/x-www-form-urlencoded';
    return {
      url,
      method: 'POST',
      headers: { accept: 'application/json', 'content-type': type },
      body: form.toString(),
    };
  }
  if (service !== undefined) url.searchParams.append('service', service);
  for (const scope of scopes) url.searchParams.append('scope', scope);
  const authorization = credentials?.basicAuthorization();
  return {
    url,
    method: 'GET',
    headers: { accept: 'application/json', ...(authorization === undefined ? {} : { authorization }) },
  };
}

function tokenRefused(
  status: number,
  said: string,
  retryAfterMs: number | undefined,
  ask: Ask,
  url: URL,
): RegistryError {
  const code =
    status === 401 || status === 403
      ? 'REGISTRY_UNAUTHORIZED'
      : status === 429
        ? 'RATE_LIMITED'
        : isTransientStatus(status)
          ? 'REGISTRY_UNAVAILABLE'
          : 'TOKEN_INVALID';
  // A redirect is an answer like any other that is no token: following it would carry the credentials away.
  const redirected = status >= 300 && status < 400 ? ', a redirect, which is not followed' : '';
  return new RegistryError(code, ask, `it answered ${status}${redirected}${said}`, {
    url,
    status,
    retryAfterMs,
    transient: isTransientStatus(status),
  });
}
