import type { Reference } from '../reference.ts';
import { givenCredentials } from './credential-source.ts';
import type { RegistryCredentials } from './credentials.ts';
import { EndpointResolver } from './endpoint.ts';
import { type Deadlines, defaultDeadlines, defaultRetries, type RetryPolicy } from './limits.ts';
import { RepositoryClient } from './repository-client.ts';
import { RepositorySession } from './repository-session.ts';
import { RequestGates } from './request-gate.ts';
import { TokenCache } from './token-cache.ts';
import { Transport } from './transport.ts';

export interface RegistryClientOptions {
  /**
   * Registries spoken to over plain http, as `host` (any port) or `host:port`. Those on loopback need not be listed: a
   * handshake tells whether they speak TLS.
   */
  readonly plainHttp?: readonly string[];
  /** Hosts of token servers that may get the credentials of a registry of another site. */
  readonly trustedTokenHosts?: readonly string[];
  /** PEM certificates of authorities to trust beside the system's. */
  readonly extraAuthorities?: readonly string[];
  readonly deadlines?: Partial<Deadlines>;
  readonly retries?: Partial<RetryPolicy>;
  readonly userAgent?: string;
  /** A clock in milliseconds that never goes back, for the life of tokens and of what was found out about registries. */
  readonly now?: () => number;
}

/** How one caller gets at a repository. */
export interface RepositoryAccess {
  /** For this registry only: they go to its origin and its token server. */
  readonly credentials?: RegistryCredentials | undefined;
  /** Told in words what is asked of whom and what the answer is: the staging log. Never holds a secret. */
  readonly onStep?: ((text: string) => void) | undefined;
  /** In milliseconds since 1970: a pause that would last beyond it is not begun, and its reason is the error. */
  readonly deadline?: number | undefined;
}

/** Sockets, token cache and what is known of registries: one for a process. */
export class RegistryClient {
  readonly #transport: Transport;
  readonly #endpoints: EndpointResolver;
  readonly #tokens: TokenCache;
  readonly #gates: RequestGates;
  readonly #options: RegistryClientOptions;
  readonly #deadlines: Deadlines;
  readonly #retries: RetryPolicy;

  constructor(options: RegistryClientOptions = {}) {
    this.#options = options;
    this.#deadlines = { ...defaultDeadlines, ...options.deadlines };
    this.#retries = { ...defaultRetries, ...options.retries };
    this.#transport = new Transport(this.#deadlines, options.userAgent ?? 'slipway', options.extraAuthorities ?? []);
    const now = options.now ?? (() => performance.now());
    this.#endpoints = new EndpointResolver(options.plainHttp ?? [], this.#deadlines.probeMs, now);
    this.#tokens = new TokenCache(now);
    this.#gates = new RequestGates(this.#retries, now);
  }

  /** The repository of a reference; its tag and digest do not matter here. */
  repository(reference: Pick<Reference, 'registry' | 'repository'>, access: RepositoryAccess = {}): RepositoryClient {
    const { registry, repository } = reference;
    const session = new RepositorySession({
      registry,
      repository,
      credentials: givenCredentials(access.credentials),
      onStep: access.onStep ?? (() => undefined),
      deadline: access.deadline,
      gates: this.#gates,
      transport: this.#transport,
      endpoints: this.#endpoints,
      tokens: this.#tokens,
      trustedTokenHosts: this.#options.trustedTokenHosts ?? [],
      deadlines: this.#deadlines,
      retries: this.#retries,
    });
    return new RepositoryClient(session);
  }

  /** Ends all sockets, also those in use. */
  close(): Promise<void> {
    return this.#transport.close();
  }
}
