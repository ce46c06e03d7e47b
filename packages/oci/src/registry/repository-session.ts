import { Authorizer } from './authorizer.ts';
import { readDocument, readRefusal } from './body.ts';
import { parseChallenges } from './challenge.ts';
import type { CredentialSource } from './credential-source.ts';
import { withDeadline } from './deadline.ts';
import type { Endpoint, EndpointResolver } from './endpoint.ts';
import type { Deadlines, RetryPolicy } from './limits.ts';
import { followRedirects } from './redirects.ts';
import { refusalError } from './refusal.ts';
import { type Ask, RegistryError } from './registry-error.ts';
import { withRetries } from './retry.ts';
import type { TokenCache } from './token-cache.ts';
import type { TokenAccess } from './token-realm.ts';
import { type Answer, networkError, type Transport } from './transport.ts';

export interface RepositorySessionOptions {
  readonly registry: string;
  readonly repository: string;
  readonly credentials: CredentialSource;
  /** What tokens are asked for; default pulling. */
  readonly access?: TokenAccess;
  readonly onStep: (text: string) => void;
  readonly transport: Transport;
  readonly endpoints: EndpointResolver;
  readonly tokens: TokenCache;
  readonly trustedTokenHosts: readonly string[];
  readonly deadlines: Deadlines;
  readonly retries: RetryPolicy;
}

/** Requests to one repository on behalf of one caller: repeated, redirected and authorized as needed. */
export class RepositorySession {
  readonly #options: RepositorySessionOptions;

  constructor(options: RepositorySessionOptions) {
    this.#options = options;
  }

  get registry(): string {
    return this.#options.registry;
  }

  get repository(): string {
    return this.#options.repository;
  }

  get deadlines(): Deadlines {
    return this.#options.deadlines;
  }

  get onStep(): (text: string) => void {
    return this.#options.onStep;
  }

  /** Fetches a whole small document, asking again where that may help. */
  async document(
    ask: Ask,
    path: string,
    headers: Readonly<Record<string, string>>,
    limit: number,
    callerSignal: AbortSignal | undefined,
  ): Promise<{ readonly answer: Answer; readonly body: Buffer }> {
    return this.retrying(ask, callerSignal, () =>
      withDeadline(this.#options.deadlines.documentMs, ask, callerSignal, async (signal) => {
        const answer = await this.send(ask, 'GET', path, headers, signal);
        return { answer, body: await readDocument(answer, ask, limit, signal) };
      }),
    );
  }

  /** Runs an attempt as often as the policy says, and tells what is being asked for. */
  retrying<T>(ask: Ask, signal: AbortSignal | undefined, attempt: () => Promise<T>): Promise<T> {
    const { onStep, retries, registry } = this.#options;
    onStep(`asking ${registry} for ${ask.what}`);
    return withRetries(
      retries,
      signal,
      (error, delayMs) =>
        onStep(`${error.registry}: ${error.detail}; asking again in ${(delayMs / 1000).toFixed(1)} s`),
      attempt,
    );
  }

  /** One request with redirects and authentication; gives answers of status 200 only. */
  async send(
    ask: Ask,
    method: 'GET' | 'HEAD',
    path: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal | undefined,
  ): Promise<Answer> {
    const { transport, registry, repository, onStep } = this.#options;
    const endpoint = await this.#endpoint(ask);
    const authorizer = this.#authorizer(endpoint);
    const url = new URL(`/v2/${repository}/${path}`, endpoint.origin);
    const onRedirect = (to: URL): void => onStep(`${registry} redirects to ${to.host}`);
    const send = (authorization: string | undefined): Promise<Answer> =>
      followRedirects(transport, { ask, endpoint, url, method, headers, authorization, signal, onRedirect });
    const sent = await authorizer.current(signal);
    let authorization = sent;
    const redact = (text: string): string => authorizer.redact(text, authorization);
    let answer = await send(authorization);
    // A foreign host's 401 is no challenge for us: it would ask for credentials that are not its own.
    if (answer.status === 401 && answer.url.origin === endpoint.origin) {
      const refusal = await readRefusal(answer, redact);
      const challenges = parseChallenges(answer.headerLines('www-authenticate'));
      authorization = await authorizer.answer({ challenges, sent, refusal, signal });
      answer = await send(authorization);
      if (answer.status === 401 && answer.url.origin === endpoint.origin) {
        throw authorizer.unauthorized(await readRefusal(answer, redact));
      }
    }
    if (answer.status !== 200) {
      throw await refusalError(answer, ask, redact);
    }
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

  async #endpoint(ask: Ask): Promise<Endpoint> {
    const { endpoints, registry } = this.#options;
    try {
      return await endpoints.resolve(registry);
    } catch (error) {
      throw networkError(error, ask, new URL(`https://${registry}`));
    }
  }

  #authorizer(endpoint: Endpoint): Authorizer {
    const { transport, tokens: cache, repository, credentials, access, trustedTokenHosts, onStep } = this.#options;
    const { documentMs } = this.#options.deadlines;
    return new Authorizer({
      transport,
      cache,
      endpoint,
      repository,
      credentials,
      access: access ?? { actions: 'pull' },
      trustedTokenHosts,
      documentMs,
      onStep,
    });
  }
}
