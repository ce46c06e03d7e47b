import { Authorizer } from './authorizer.ts';
import { readDocument, readRefusal } from './body.ts';
import { parseChallenges } from './challenge.ts';
import type { CredentialSource } from './credential-source.ts';
import { withDeadline } from './deadline.ts';
import type { DocumentCache, SharedDocument } from './document-cache.ts';
import type { Endpoint, EndpointResolver } from './endpoint.ts';
import type { Deadlines, RetryPolicy } from './limits.ts';
import { describeRateLimit, parseRateLimit } from './rate-limit.ts';
import { followRedirects, placeToGo } from './redirects.ts';
import { refusalError } from './refusal.ts';
import { type Ask, placeError, RegistryError } from './registry-error.ts';
import type { RequestGates } from './request-gate.ts';
import { withRetries } from './retry.ts';
import type { TokenCache } from './token-cache.ts';
import type { TokenAccess } from './token-realm.ts';
import { type Answer, type Exchange, networkError, type Transport } from './transport.ts';

export interface RepositorySessionOptions {
  readonly registry: string;
  /** Empty: the registry itself, in which one can only find out who one is. */
  readonly repository: string;
  readonly credentials: CredentialSource;
  /** What tokens are asked for; default pulling. */
  readonly access?: TokenAccess;
  readonly onStep: (text: string) => void;
  /** In milliseconds since 1970: pauses that would last beyond it are not begun. */
  readonly deadline: number | undefined;
  readonly transport: Transport;
  readonly endpoints: EndpointResolver;
  readonly tokens: TokenCache;
  readonly gates: RequestGates;
  /** Where callers share what they read; undefined: each reads for itself. */
  readonly documents?: DocumentCache | undefined;
  /** In milliseconds since 1970: what tags mean has to be asked for then or later. */
  readonly freshSince?: number | undefined;
  readonly trustedTokenHosts: readonly string[];
  readonly deadlines: Deadlines;
  readonly retries: RetryPolicy;
}

/** One request to the repository; GET of `path` unless it says otherwise. */
export interface RepositoryRequest {
  readonly method?: Exchange['method'];
  /** Below `/v2/<repository>/`, with its query; or the whole URL where an upload goes on. */
  readonly path: string | URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Exchange['body'];
  /** The statuses that are an answer; 200 only, unless it says otherwise. */
  readonly accept?: readonly number[];
  /** How long the registry may take to answer; default as for all. */
  readonly headersMs?: number;
}

/** A small document that callers with the same credentials may share. */
export interface SharedRequest {
  readonly path: string;
  readonly accept?: string;
  /** The most bytes that are read. */
  readonly limit: number;
  readonly verified: (body: Buffer, answer: Answer) => void;
}

/** Requests to one repository on behalf of one caller: repeated, redirected and authorized as needed. */
export class RepositorySession {
  readonly #options: RepositorySessionOptions;
  /** What was last told of the registry's rate limit. */
  #limitTold = '';

  constructor(options: RepositorySessionOptions) {
    this.#options = options;
  }

  get registry(): string {
    return this.#options.registry;
  }

  get repository(): string {
    return this.#options.repository;
  }

  /** Of what was read with the same credentials from the same repository. */
  get cacheKey(): string {
    const { registry, repository, credentials } = this.#options;
    return `${registry}/${repository} ${credentials.key}`;
  }

  get deadlines(): Deadlines {
    return this.#options.deadlines;
  }

  get retries(): RetryPolicy {
    return this.#options.retries;
  }

  get onStep(): (text: string) => void {
    return this.#options.onStep;
  }

  /** The same, with a token that lets one do something else. */
  allowedTo(access: TokenAccess): RepositorySession {
    return new RepositorySession({ ...this.#options, access });
  }

  /** Where the Location header of an answer leads. @throws RegistryError REDIRECT_REFUSED when nobody should go there */
  async placeToGo(answer: Answer, ask: Ask): Promise<URL> {
    return placeToGo(answer, ask, await this.#endpoint(ask));
  }

  /** The same, for others to hear what happens. */
  tellingTo(onStep: (text: string) => void): RepositorySession {
    return new RepositorySession({ ...this.#options, onStep });
  }

  /** The time after which what a tag means has to be asked for: that of the request that this is done for, or now. */
  get freshSince(): number {
    return this.#options.freshSince ?? Date.now();
  }

  /**
   * Fetches a whole small document, or takes it from those that callers with the same credentials share. `verified` throws
   * when it is not what was asked for: what is shared is what it let pass. `freshSince`: as with `DocumentCache.get`.
   */
  async shared(
    ask: Ask,
    { path, accept, limit, verified }: SharedRequest,
    freshSince: number | undefined,
    signal: AbortSignal | undefined,
  ): Promise<SharedDocument> {
    const { documents, registry, onStep } = this.#options;
    const fetch = async (session: RepositorySession, ends: AbortSignal | undefined): Promise<SharedDocument> => {
      const headers = accept === undefined ? {} : { accept };
      const { answer, body } = await session.document(ask, { path, headers }, limit, ends);
      try {
        verified(body, answer);
      } catch (error) {
        throw placeError(error, ask, answer.url);
      }
      return { body, contentType: answer.header('content-type'), link: answer.header('link'), url: answer.url };
    };
    if (documents === undefined) return fetch(this, signal);
    const passenger = {
      signal,
      onStep,
      onJoin: () => onStep(`${registry} is being asked for ${ask.what} already, for another build`),
      onKept: () => onStep(`${registry} gave ${ask.what} for another build`),
    };
    const key = `${path} ${accept ?? ''}`;
    return documents.get(this.cacheKey, key, freshSince, passenger, (ends, tell) => fetch(this.tellingTo(tell), ends));
  }

  /** Fetches a whole small document, asking again where that may help. */
  async document(
    ask: Ask,
    request: RepositoryRequest,
    limit: number,
    callerSignal: AbortSignal | undefined,
  ): Promise<{ readonly answer: Answer; readonly body: Buffer }> {
    return this.retrying(ask, callerSignal, () =>
      withDeadline(this.#options.deadlines.documentMs, ask, callerSignal, async (signal) => {
        const answer = await this.send(ask, request, signal);
        return { answer, body: await readDocument(answer, ask, limit, signal) };
      }),
    );
  }

  /**
   * Runs an attempt as often as the policy says, and tells what is being asked for; but for what is written, of which the
   * writer tells in its own words.
   */
  retrying<T>(ask: Ask, signal: AbortSignal | undefined, attempt: () => Promise<T>): Promise<T> {
    const { onStep, retries: policy, registry, deadline } = this.#options;
    if (ask.phase !== 'copy') onStep(`asking ${registry} for ${ask.what}`);
    return withRetries(
      {
        policy,
        signal,
        deadline,
        onRetry: (error, delayMs) =>
          onStep(`${error.registry}: ${error.detail}; asking again in ${(delayMs / 1000).toFixed(1)} s`),
      },
      attempt,
    );
  }

  /** One request with redirects and authentication, when others have not been told to wait. */
  async send(ask: Ask, request: RepositoryRequest, signal: AbortSignal | undefined): Promise<Answer> {
    const { gates, registry, credentials, deadline, onStep, retries } = this.#options;
    const caller = { ask, signal, deadline, onWait: onStep, impatient: retries.attempts === 1 };
    return gates.run(registry, credentials.key, caller, () => this.#send(ask, request, signal));
  }

  async #send(ask: Ask, request: RepositoryRequest, signal: AbortSignal | undefined): Promise<Answer> {
    const { transport, registry, repository, onStep } = this.#options;
    const { method = 'GET', headers = {}, path, body, accept = [200], headersMs } = request;
    const endpoint = await this.#endpoint(ask);
    const base = repository === '' ? '/v2/' : `/v2/${repository}/`;
    const url = path instanceof URL ? path : new URL(`${base}${path}`, endpoint.origin);
    // Where an upload goes on may be another host, which gets no credentials.
    const isOwn = url.origin === endpoint.origin;
    const authorizer = this.#authorizer(endpoint);
    const onRedirect = (to: URL): void => onStep(`${registry} redirects to ${to.host}`);
    const parts = { ask, endpoint, url, method, headers, body, headersMs, signal, onRedirect };
    const send = (authorization: string | undefined): Promise<Answer> =>
      followRedirects(transport, { ...parts, authorization });
    const sent = isOwn ? await authorizer.current(signal) : undefined;
    let authorization = sent;
    const redact = (text: string): string => authorizer.redact(text, authorization);
    let answer = await send(authorization);
    // A foreign host's 401 is no challenge for us: it would ask for credentials that are not its own.
    if (answer.status === 401 && answer.url.origin === endpoint.origin) {
      const refusal = await readRefusal(answer, redact);
      const challenges = parseChallenges(answer.headerLines('www-authenticate'));
      authorization = await authorizer.answer({ challenges, sent, refusal, signal });
      if (isStream(body)) throw tokenExpired(ask, url);
      answer = await send(authorization);
      if (answer.status === 401 && answer.url.origin === endpoint.origin) {
        throw authorizer.unauthorized(await readRefusal(answer, redact));
      }
    }
    const limit = this.#rateLimitOf(answer);
    if (!accept.includes(answer.status)) {
      throw await refusalError(answer, ask, redact, limit);
    }
    if (limit !== '' && limit !== this.#limitTold) onStep(`${registry} has a rate limit: ${limit}`);
    this.#limitTold = limit;
    const encoding = answer.header('content-encoding');
    if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
      answer.discard();
      throw new RegistryError('REGISTRY_PROTOCOL', ask, 'its answer has a Content-Encoding that was not asked for', {
        url: answer.url,
        status: answer.status,
      });
    }
    return answer;
  }

  #rateLimitOf(answer: Answer): string {
    const said = parseRateLimit((name) => answer.header(name), Date.now());
    return said === undefined ? '' : describeRateLimit(said);
  }

  async #endpoint(ask: Ask): Promise<Endpoint> {
    const { endpoints, registry } = this.#options;
    try {
      return await endpoints.resolve(registry);
    } catch (error) {
      throw networkError(error, ask, new URL(`https://${registry}`));
    }
  }

  #authorizer(endpoint: Endpoint): Authorizer {
    const { transport, tokens: cache, repository, credentials, trustedTokenHosts, onStep } = this.#options;
    const { access = { actions: 'pull' } } = this.#options;
    const { documentMs } = this.#options.deadlines;
    return new Authorizer({
      transport,
      cache,
      endpoint,
      repository,
      credentials,
      access,
      trustedTokenHosts,
      documentMs,
      // As with what is asked for when something is written.
      onStep: access.actions === 'pull' ? onStep : () => undefined,
    });
  }
}

function isStream(body: Exchange['body']): boolean {
  return body !== undefined && typeof body !== 'string' && !(body instanceof Uint8Array);
}

/** What was streamed cannot be sent a second time: whoever has it begins anew, with the token that is there by now. */
function tokenExpired(ask: Ask, url: URL): RegistryError {
  return new RegistryError('REGISTRY_UNAUTHORIZED', ask, 'it wants a new token in the middle of an upload', {
    url,
    transient: true,
  });
}
