import type { Challenge } from './challenge.ts';
import { type CredentialSource, redactSent } from './credential-source.ts';
import type { RegistryCredentials } from './credentials.ts';
import { untilAborted } from './deadline.ts';
import type { Endpoint } from './endpoint.ts';
import { type Ask, RegistryError } from './registry-error.ts';
import type { FetchedToken, TokenCache } from './token-cache.ts';
import { type TokenAccess, type TokenRealm, tokenRealm } from './token-realm.ts';
import { requestToken } from './token-request.ts';
import type { Transport } from './transport.ts';

export interface AuthorizerOptions {
  readonly transport: Transport;
  readonly cache: TokenCache;
  readonly endpoint: Endpoint;
  readonly repository: string;
  readonly credentials: CredentialSource;
  readonly access: TokenAccess;
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

/**
 * Gets into one repository of one registry: anonymously, with Basic, or with a Bearer token from the token server of the
 * challenge. The credentials go to the registry's origin and to its token server, to nobody else.
 */
export class Authorizer {
  readonly #options: AuthorizerOptions;
  readonly #key: string;

  constructor(options: AuthorizerOptions) {
    this.#options = options;
    const { endpoint, repository, credentials, access } = options;
    const scope = access.actions === 'pull' ? '' : `${access.actions} ${(access.mountFrom ?? []).join(' ')}`;
    this.#key = `${endpoint.registry}/${repository} ${credentials.key} ${scope}`;
  }

  /**
   * The authorization that worked last time. One that is about to expire is renewed now, for the registry's challenge is
   * known: that saves a request which would be refused.
   */
  async current(signal: AbortSignal | undefined): Promise<string | undefined> {
    const { cache, onStep } = this.#options;
    const known = cache.get(this.#key);
    const challenge = cache.challenge(this.#key);
    if (known !== undefined || challenge === undefined) {
      return known;
    }
    try {
      return await this.#token(challenge, signal);
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof RegistryError)) throw error;
      // The registry may have another token server by now: it will say so.
      cache.forget(this.#key);
      onStep(`${error.registry} gave no new token: ${error.detail}`);
      return undefined;
    }
  }

  /** The authorization to try after a 401. @throws RegistryError when there is none */
  async answer({ challenges, sent, refusal, signal }: Refused): Promise<string> {
    const { cache, endpoint } = this.#options;
    if (sent !== undefined) {
      cache.drop(this.#key, sent);
    }
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
    if (bearer) {
      return this.#token(bearer, signal);
    }
    if (challenges.some(({ scheme }) => scheme === 'basic')) {
      const authorization = await this.#basic(sent, refusal, signal);
      this.#options.onStep(`${endpoint.registry} wants a user name and password`);
      return cache.getOrFetch(this.#key, () => Promise.resolve({ authorization, lifeS: Number.POSITIVE_INFINITY }));
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
    const reason = this.#options.credentials.blame();
    return new RegistryError('REGISTRY_UNAUTHORIZED', this.#ask('access'), `it answered 401${said}: ${reason}`, {
      status: 401,
    });
  }

  /** A registry that echoes what it was sent must not bring it into a log. */
  redact(text: string, authorization: string | undefined): string {
    return redactSent(text, this.#options.credentials.last, authorization);
  }

  async #basic(sent: string | undefined, refusal: string, signal: AbortSignal | undefined): Promise<string> {
    const { credentials: source } = this.#options;
    let credentials = await source.get(signal);
    if (credentials !== undefined && credentials.basicAuthorization() === sent) {
      credentials = (await source.renew(credentials, signal)) ?? credentials;
    }
    if (credentials?.identityToken() !== undefined) {
      throw new RegistryError(
        'REGISTRY_UNAUTHORIZED',
        this.#ask('access'),
        'it wants a user name and password, and there is only an identity token for it',
        { status: 401 },
      );
    }
    const basic = credentials?.basicAuthorization();
    if (basic === undefined || basic === sent) {
      throw this.unauthorized(refusal);
    }
    return basic;
  }

  #token(challenge: Challenge, signal: AbortSignal | undefined): Promise<string> {
    const { cache } = this.#options;
    return untilAborted(
      cache.getOrFetch(this.#key, () => this.#fetchToken(challenge)),
      signal,
    );
  }

  /** With no caller's signal: others may wait for the same token. */
  async #fetchToken(challenge: Challenge): Promise<FetchedToken> {
    const { credentials: source, endpoint, repository, access, trustedTokenHosts } = this.#options;
    const ask = this.#ask('access');
    const credentials = await source.get(undefined);
    const withCredentials = credentials !== undefined;
    const realm = tokenRealm(challenge, { ask, endpoint, repository, access, withCredentials, trustedTokenHosts });
    try {
      return { ...(await this.#request(realm, credentials)), challenge };
    } catch (error) {
      const refused = error instanceof RegistryError && error.code === 'REGISTRY_UNAUTHORIZED';
      const renewed = refused && withCredentials ? await source.renew(credentials, undefined) : undefined;
      if (renewed === undefined) throw error;
      return { ...(await this.#request(realm, renewed)), challenge };
    }
  }

  #request(realm: TokenRealm, credentials: RegistryCredentials | undefined): Promise<FetchedToken> {
    const { credentials: source, endpoint, transport, repository, documentMs, onStep, access } = this.#options;
    const purpose = access.actions === 'pull' ? 'pull' : 'pull and push';
    const wanted = repository === '' ? `for ${endpoint.registry}` : `to ${purpose} ${repository}`;
    onStep(`asking ${realm.url.host} for a token ${wanted}, ${source.describe()}`);
    return requestToken({
      transport,
      realm,
      credentials,
      registryOrigin: endpoint.origin,
      target: repository === '' ? endpoint.registry : `${endpoint.registry}/${repository}`,
      documentMs,
      onStep,
    });
  }

  #ask(what: string): Ask {
    const { endpoint, repository } = this.#options;
    const to = repository === '' ? '' : ` to ${repository}`;
    return { phase: 'authentication', registry: endpoint.registry, what: `${what}${to}` };
  }
}
