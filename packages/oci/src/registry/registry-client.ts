import type { Reference } from '../reference.ts';
import { type DropletRegistry, isDropletCopy } from '../settings/droplet-registry.ts';
import { emptySettings, entryForRegistry, type RegistrySettings } from '../settings/registry-settings.ts';
import { parseHostRules } from '../settings/settings-list.ts';
import { checkLogin, type LoginAnswer } from './check-login.ts';
import { ConnectionPolicy } from './connection-policy.ts';
import type { LookupAddresses } from './connector.ts';
import type { HelperOptions } from './credential-helper.ts';
import { type CredentialSource, givenCredentials, platformCredentials } from './credential-source.ts';
import type { RegistryCredentials } from './credentials.ts';
import type { DocumentCache } from './document-cache.ts';
import { EndpointResolver } from './endpoint.ts';
import { HelperAnswers } from './helper-credentials.ts';
import { type Deadlines, defaultDeadlines, defaultRetries, type RetryPolicy } from './limits.ts';
import { MirrorRests } from './mirror-rests.ts';
import { MirroredRepository } from './mirrored-repository.ts';
import { type CallOptions, RepositoryClient } from './repository-client.ts';
import { RepositorySession } from './repository-session.ts';
import { RepositoryWriter } from './repository-writer.ts';
import { RequestGates } from './request-gate.ts';
import { TokenCache } from './token-cache.ts';
import type { TokenAccess } from './token-realm.ts';
import { Transport } from './transport.ts';

export interface RegistryClientOptions {
  /** What operators set; `useSettings` replaces it. */
  readonly settings?: RegistrySettings;
  /**
   * Registries spoken to over plain http beside those of the settings, as `host` (any port), `host:port` or network. Those
   * on loopback need not be listed: a handshake tells whether they speak TLS.
   */
  readonly plainHttp?: readonly string[];
  /** Hosts of token servers that may get the credentials of a registry of another site. */
  readonly trustedTokenHosts?: readonly string[];
  /** PEM certificates of authorities to trust beside the system's. */
  readonly extraAuthorities?: readonly string[];
  readonly deadlines?: Partial<Deadlines>;
  readonly retries?: Partial<RetryPolicy>;
  readonly userAgent?: string;
  /** Where callers share manifests and configs; default: each reads for itself. */
  readonly documents?: DocumentCache;
  /** The platform's own registry, with credentials that are used for what is below its prefix. */
  readonly droplets?: DropletRegistry & { readonly credentials: RegistryCredentials };
  /** Who runs credential helpers and where they are found. */
  readonly helpers?: HelperOptions;
  /** How names become addresses; default the system's way. */
  readonly lookup?: LookupAddresses;
  /** A clock in milliseconds that never goes back, for the life of tokens and of what was found out about registries. */
  readonly now?: () => number;
}

/** How one caller gets at a repository. */
export interface RepositoryAccess {
  /** For this registry only: they go to its origin and its token server. */
  readonly credentials?: RegistryCredentials | undefined;
  /** Ask the registry itself and none of its mirrors, e.g. to find out whether the credentials are good. */
  readonly direct?: boolean;
  /** Told in words what is asked of whom and what the answer is: the staging log. Never holds a secret. */
  readonly onStep?: ((text: string) => void) | undefined;
  /** In milliseconds since 1970: a pause that would last beyond it is not begun, and its reason is the error. */
  readonly deadline?: number | undefined;
  /**
   * In milliseconds since 1970, when what this is for was asked for; default now. What a tag meant before is not taken
   * from the shared documents; what it means later is.
   */
  readonly freshSince?: number | undefined;
}

/** A place to log in to, and a repository there that shall be readable. */
export interface LoginPlace {
  readonly registry: string;
  readonly repository?: string | undefined;
}

/** The question is whether the registry answers, too: it has not long for that. */
const LOGIN_ATTEMPTS = 2;

/** A mirror that fails is not asked again: there is another place to ask. */
const MIRROR_ATTEMPTS = 1;

type Place = Pick<Reference, 'registry' | 'repository'>;

/** Sockets, token cache and what is known of registries: one for a process. */
export class RegistryClient {
  readonly #transport: Transport;
  readonly #endpoints: EndpointResolver;
  readonly #tokens: TokenCache;
  readonly #gates: RequestGates;
  readonly #options: RegistryClientOptions;
  readonly #deadlines: Deadlines;
  readonly #retries: RetryPolicy;
  readonly #helpers: HelperAnswers;
  readonly #rests: MirrorRests;
  #settings: RegistrySettings;

  constructor(options: RegistryClientOptions = {}) {
    this.#options = options;
    this.#deadlines = { ...defaultDeadlines, ...options.deadlines };
    this.#retries = { ...defaultRetries, ...options.retries };
    const now = options.now ?? (() => performance.now());
    this.#settings = this.#withOptions(options.settings ?? emptySettings);
    this.#transport = new Transport({
      deadlines: this.#deadlines,
      userAgent: options.userAgent ?? 'slipway',
      policy: this.#policy(),
      lookup: options.lookup,
    });
    this.#endpoints = new EndpointResolver(this.#settings, this.#deadlines.probeMs, now, options.lookup);
    this.#helpers = new HelperAnswers(options.helpers ?? {}, now);
    this.#rests = new MirrorRests(now);
    this.#tokens = new TokenCache(now);
    this.#gates = new RequestGates(this.#retries, now);
  }

  /**
   * Takes other settings from now on: for repositories that are opened after this, and for all sockets. Requests under
   * way finish as they began.
   */
  useSettings(settings: RegistrySettings): void {
    this.#settings = this.#withOptions(settings);
    this.#endpoints.use(this.#settings);
    this.#transport.use(this.#policy());
    this.#helpers.forget();
    this.#rests.forget();
  }

  /**
   * The repository of a reference; its tag and digest do not matter here. Without credentials of the caller's those of
   * the settings are used, if there are any.
   */
  repository({ registry, repository }: Place, access: RepositoryAccess = {}): RepositoryClient {
    const source = this.#source({ registry, repository }, access.credentials);
    const session = this.#session(registry, repository, source, access, this.#retries);
    const mirrors = access.direct ? [] : (entryForRegistry(this.#settings, registry)?.mirrors ?? []);
    if (mirrors.length === 0) {
      return new RepositoryClient(session);
    }
    const retries = { ...this.#retries, attempts: MIRROR_ATTEMPTS };
    const clients = mirrors.map(({ registry: mirror, prefix, tags }) => {
      const name = prefix === '' ? repository : `${prefix}/${repository}`;
      const client = new RepositoryClient(this.#session(mirror, name, this.#platformSource(mirror), access, retries));
      return { registry: mirror, tags, client };
    });
    return new MirroredRepository(session, clients, this.#rests);
  }

  /** The registry itself, to read which repositories it has (`_catalog`). */
  catalog(registry: string, access: RepositoryAccess = {}): RepositoryClient {
    const source = this.#source({ registry, repository: '' }, access.credentials);
    return new RepositoryClient(this.#session(registry, '', source, access, this.#retries, { actions: 'catalog' }));
  }

  /** A repository to write to. No mirror is asked: they are for reading. */
  uploads({ registry, repository }: Place, access: RepositoryAccess = {}): RepositoryWriter {
    const source = this.#source({ registry, repository }, access.credentials);
    return new RepositoryWriter(
      this.#session(registry, repository, source, access, this.#retries, { actions: 'pull,push' }),
    );
  }

  /**
   * Asks a registry itself, with no token that is known already, whether it takes a user name and password.
   *
   * @throws RegistryError when it does not, or cannot be asked
   */
  checkLogin(
    { registry, repository }: LoginPlace,
    credentials: RegistryCredentials,
    { signal, ...access }: CallOptions & Pick<RepositoryAccess, 'onStep' | 'deadline'> = {},
  ): Promise<LoginAnswer> {
    const retries = { ...this.#retries, attempts: LOGIN_ATTEMPTS };
    const tokens = new TokenCache(this.#options.now ?? (() => performance.now()));
    const open = (name: string, source: CredentialSource): RepositorySession =>
      this.#session(registry, name, source, access, retries, { actions: 'pull' }, tokens);
    return checkLogin(open, { registry, repository, credentials, signal });
  }

  /** Ends all sockets, also those in use. */
  close(): Promise<void> {
    return this.#transport.close();
  }

  #session(
    registry: string,
    repository: string,
    credentials: CredentialSource,
    access: RepositoryAccess,
    retries: RetryPolicy,
    tokenAccess: TokenAccess = { actions: 'pull' },
    tokens = this.#tokens,
  ): RepositorySession {
    return new RepositorySession({
      registry,
      repository,
      credentials,
      onStep: access.onStep ?? (() => undefined),
      deadline: access.deadline,
      freshSince: access.freshSince,
      documents: this.#options.documents,
      access: tokenAccess,
      gates: this.#gates,
      transport: this.#transport,
      endpoints: this.#endpoints,
      tokens,
      trustedTokenHosts: this.#settings.trustedTokenHosts,
      deadlines: this.#deadlines,
      retries,
    });
  }

  #source(place: Place, credentials: RegistryCredentials | undefined): CredentialSource {
    if (credentials !== undefined) return givenCredentials(credentials);
    const { droplets } = this.#options;
    if (droplets !== undefined && isDropletCopy(droplets, place)) return platformCredentials(droplets.credentials);
    return this.#platformSource(place.registry);
  }

  /** What the settings say for this one registry, a mirror or not. */
  #platformSource(registry: string): CredentialSource {
    const entry = entryForRegistry(this.#settings, registry);
    if (entry?.credentials !== undefined) return platformCredentials(entry.credentials);
    return entry?.helper === undefined ? givenCredentials(undefined) : this.#helpers.source(entry.helper, registry);
  }

  #withOptions(settings: RegistrySettings): RegistrySettings {
    const { plainHttp = [], trustedTokenHosts = [] } = this.#options;
    return {
      ...settings,
      plainHttp: settings.plainHttp.and(parseHostRules(plainHttp, 'plainHttp')),
      trustedTokenHosts: [...settings.trustedTokenHosts, ...trustedTokenHosts],
    };
  }

  #policy(): ConnectionPolicy {
    return new ConnectionPolicy(this.#settings, this.#options.extraAuthorities ?? []);
  }
}
