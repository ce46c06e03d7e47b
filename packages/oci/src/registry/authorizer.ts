import { z } from 'zod';
import { OciError } from '../errors.ts';
import { checkShape, parseJsonObject } from '../json-document.ts';
import { readDocument, readRefusal } from './body.ts';
import type { Challenge } from './challenge.ts';
import type { RegistryCredentials } from './credentials.ts';
import { untilAborted, withDeadline } from './deadline.ts';
import type { Endpoint } from './endpoint.ts';
import { MAX_TOKEN_BYTES } from './limits.ts';
import { type Ask, RegistryError } from './registry-error.ts';
import { isTransientStatus, parseRetryAfter } from './retry.ts';
import type { TokenCache } from './token-cache.ts';
import { type TokenRealm, tokenRealm } from './token-realm.ts';
import type { Transport } from './transport.ts';

export interface AuthorizerOptions {
  readonly transport: Transport;
  readonly cache: TokenCache;
  readonly endpoint: Endpoint;
  readonly repository: string;
  readonly credentials: RegistryCredentials | undefined;
  /** Tells the caches of different credentials apart. */
  readonly cacheKey: string;
  /** Hosts of token servers beyond the registry's own site that may get its credentials. */
  readonly trustedTokenHosts: readonly string[];
  readonly documentMs: number;
  readonly onStep: (text: string) => void;
}

/** What came of a request that was answered with 401. */
export interface Refused {
  readonly challenges: readonly Challenge[];
  /** The authorization that was sent, if any. */
  readonly sent: string | undefined;
  /** The registry's own words. */
  readonly refusal: string;
  readonly signal: AbortSignal | undefined;
}

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
 * Gets into one repository of one registry: anonymously, with Basic, or with a Bearer token from the token server of the
 * challenge (distribution `spec/auth/token.md`). The credentials go to the registry's origin and to its token server,
 * to nobody else.
 */
export class Authorizer {
  readonly #options: AuthorizerOptions;

  constructor(options: AuthorizerOptions) {
    this.#options = options;
  }

  /** The authorization that worked last time, if it is still good. */
  current(): string | undefined {
    return this.#options.cache.get(this.#options.cacheKey);
  }

  /** The authorization to try after a 401. @throws RegistryError when there is none */
  async answer({ challenges, sent, refusal, signal }: Refused): Promise<string> {
    const { cache, cacheKey, credentials, endpoint } = this.#options;
    if (sent !== undefined) {
      cache.drop(cacheKey, sent);
    }
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
    if (bearer) {
      const { repository, trustedTokenHosts } = this.#options;
      const withCredentials = credentials !== undefined;
      const ask = this.#ask('access');
      const realm = tokenRealm(bearer, { ask, endpoint, repository, withCredentials, trustedTokenHosts });
      return untilAborted(
        cache.getOrFetch(cacheKey, () => this.#fetchToken(realm)),
        signal,
      );
    }
    if (challenges.some(({ scheme }) => scheme === 'basic')) {
      const basic = credentials?.basicAuthorization();
      if (basic === undefined || basic === sent) {
        throw this.unauthorized(refusal);
      }
      this.#options.onStep(`${endpoint.registry} wants a user name and password`);
      return cache.getOrFetch(cacheKey, () =>
        Promise.resolve({ authorization: basic, lifeS: Number.POSITIVE_INFINITY }),
      );
    }
    const schemes = challenges.map(({ scheme }) => scheme).join(', ');
    throw new RegistryError(
      'REGISTRY_UNAUTHORIZED',
      this.#ask('access'),
      `it answered 401 and offers ${schemes === '' ? 'no way to log in' : `only ${schemes}`}; Basic or Bearer is needed`,
      { status: 401 },
    );
  }

  /** The error after a 401 for which there is nothing more to try. */
  unauthorized(refusal: string): RegistryError {
    const said = refusal === '' ? '' : ` (${refusal})`;
    const reason =
      this.#options.credentials === undefined
        ? 'the repository does not exist, or it needs a user name and password and none were given'
        : `the user ${JSON.stringify(this.#options.credentials.username)} may not pull it, or the password is wrong`;
    return new RegistryError('REGISTRY_UNAUTHORIZED', this.#ask('access'), `it answered 401${said}: ${reason}`, {
      status: 401,
    });
  }

  #ask(what: string): Ask {
    const { endpoint, repository } = this.#options;
    return { phase: 'authentication', registry: endpoint.registry, what: `${what} to ${repository}` };
  }

  async #fetchToken(realm: TokenRealm): Promise<{ authorization: string; lifeS: number | undefined }> {
    const { credentials, endpoint, transport, onStep, documentMs, repository } = this.#options;
    const url = new URL(realm.url);
    if (realm.service !== undefined) {
      url.searchParams.append('service', realm.service);
    }
    url.searchParams.append('scope', realm.scope);
    const ask: Ask = {
      phase: 'authentication',
      registry: url.host,
      what: `a token for ${endpoint.registry}/${repository}`,
    };
    const authorization = credentials?.basicAuthorization();
    const who = credentials === undefined ? 'anonymously' : `as ${JSON.stringify(credentials.username)}`;
    onStep(`asking ${url.host} for a token to pull ${repository}, ${who}`);
    return withDeadline(documentMs, ask, undefined, async (signal) => {
      const answer = await transport.exchange({
        ask,
        url,
        method: 'GET',
        headers: { accept: 'application/json', ...(authorization === undefined ? {} : { authorization }) },
        signal,
        registryOrigin: endpoint.origin,
      });
      onStep(`${url.host} answered ${answer.status}`);
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
