import type { Readable } from 'node:stream';
import { Agent, type Dispatcher, errors } from 'undici';
import { type AddressClass, mayLeadTo } from './address-class.ts';
import type { ConnectionPolicy } from './connection-policy.ts';
import { createConnector, type LookupAddresses, systemLookup } from './connector.ts';
import { evictOldest } from './evict-oldest.ts';
import type { Deadlines } from './limits.ts';
import { networkFault } from './network-fault.ts';
import { type Ask, RegistryError } from './registry-error.ts';
import { TlsFaults } from './tls-faults.ts';

/** Far more registries than anyone uses at a time. One that is forgotten counts as public, the strictest class. */
const MAX_REACHED = 1_000;

/** One request, without redirects, authentication or repetition. */
export interface Exchange {
  readonly ask: Ask;
  readonly url: URL;
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | Readable | undefined;
  /** How long to wait for the head of the answer; default as for all. */
  readonly headersMs?: number | undefined;
  readonly signal: AbortSignal | undefined;
  /** The origin of the registry itself; all others are foreign, and their addresses are held to a stricter rule. */
  readonly registryOrigin: string;
}

export interface Answer {
  readonly url: URL;
  readonly status: number;
  readonly body: Dispatcher.ResponseData['body'];
  /** The first value of a header. */
  header(name: string): string | undefined;
  headerLines(name: string): readonly string[];
  /** Gives up the body. What is left of it costs the connection. */
  discard(): void;
}

export interface TransportOptions {
  readonly deadlines: Deadlines;
  readonly userAgent: string;
  readonly policy: ConnectionPolicy;
  /** How names become addresses; default the system's way. */
  readonly lookup?: LookupAddresses | undefined;
}

/** Sockets that were opened under one policy. */
interface Agents {
  readonly own: Agent;
  /** One for each class of registry, for a pooled socket has passed the rule of its own class only. */
  readonly foreign: Map<AddressClass, Agent>;
}

/** Sockets to registries and to the hosts that they name. HTTP/1.1 only. */
export class Transport {
  readonly #options: TransportOptions;
  /** Where each registry was last reached. */
  readonly #reached = new Map<string, AddressClass>();
  readonly #faults = new TlsFaults();
  #policy: ConnectionPolicy;
  #agents: Agents;
  /** Those of earlier policies that still have requests under way. */
  readonly #retiring = new Set<Agent>();

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#policy = options.policy;
    this.#agents = this.#createAgents();
  }

  /** Opens all further sockets under another policy. Requests under way finish on theirs, which serve no others. */
  use(policy: ConnectionPolicy): void {
    const { own, foreign } = this.#agents;
    this.#policy = policy;
    this.#agents = this.#createAgents();
    for (const agent of [own, ...foreign.values()]) {
      this.#retiring.add(agent);
      // undici rejects for no other reason than that it was closed already.
      void agent.close().finally(() => this.#retiring.delete(agent));
    }
  }

  /**
   * Sends one request and gives the answer's head; the body must be read or destroyed. Throws RegistryError, or the
   * signal's reason when it was aborted.
   */
  async exchange(exchange: Exchange): Promise<Answer> {
    const { ask, url, method, headers, body: sent, headersMs, signal, registryOrigin } = exchange;
    signal?.throwIfAborted();
    const agent = url.origin === registryOrigin ? this.#agents.own : this.#foreignAgent(registryOrigin);
    const { deadlines } = this.#options;
    // undici's deadline for headers begins anew with each interim answer (1xx). What is sent takes the time it takes.
    const late = new AbortController();
    const patience = 2 * deadlines.connectMs + (headersMs ?? deadlines.headersMs);
    const timer =
      sent === undefined ? setTimeout(() => late.abort(new errors.HeadersTimeoutError()), patience) : undefined;
    let response: Dispatcher.ResponseData;
    try {
      response = await agent.request({
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method,
        // `identity`: digests and sizes are those of the bytes as stored.
        headers: { 'user-agent': this.#options.userAgent, 'accept-encoding': 'identity', ...headers },
        ...(sent === undefined ? {} : { body: sent }),
        ...(headersMs === undefined ? {} : { headersTimeout: headersMs }),
        signal: signal ? AbortSignal.any([signal, late.signal]) : late.signal,
      });
    } catch (error) {
      signal?.throwIfAborted();
      throw networkError(this.#faults.of(error), ask, url);
    } finally {
      clearTimeout(timer);
    }
    const { body } = response;
    // Whoever reads the body gets its errors from reading. One that is given up "fails" as well, and nobody listens.
    body.on('error', () => undefined);
    const lines = (name: string): string[] => [response.headers[name] ?? []].flat();
    return {
      url,
      status: response.statusCode,
      body,
      // Blanks after a value are no part of it (RFC 9110, 5.5), but they are left to us.
      header: (name) => lines(name)[0]?.trim(),
      headerLines: lines,
      discard: () => (method === 'HEAD' ? body.resume() : body.destroy()),
    };
  }

  async close(): Promise<void> {
    const { own, foreign } = this.#agents;
    await Promise.all([own, ...foreign.values(), ...this.#retiring].map((agent) => agent.destroy()));
  }

  #createAgents(): Agents {
    const own = this.#createAgent(
      true,
      (address) => address !== 'special',
      (origin, address) => {
        this.#reached.set(origin, address);
        evictOldest(this.#reached, MAX_REACHED);
      },
    );
    return { own, foreign: new Map() };
  }

  #foreignAgent(registryOrigin: string): Agent {
    const registryClass = this.#reached.get(registryOrigin) ?? 'public';
    const { foreign } = this.#agents;
    const agent =
      foreign.get(registryClass) ?? this.#createAgent(false, (address) => mayLeadTo(registryClass, address));
    foreign.set(registryClass, agent);
    return agent;
  }

  #createAgent(
    own: boolean,
    allows: (address: AddressClass) => boolean,
    onConnect?: (origin: string, address: AddressClass) => void,
  ): Agent {
    const { connectMs, headersMs, bodyIdleMs } = this.#options.deadlines;
    return new Agent({
      allowH2: false,
      connect: createConnector({
        connectMs,
        lookup: this.#options.lookup ?? systemLookup,
        allows,
        policy: this.#policy,
        own,
        faults: this.#faults,
        ...(onConnect ? { onConnect } : {}),
      }),
      headersTimeout: headersMs,
      bodyTimeout: bodyIdleMs,
    });
  }
}

export function networkError(error: unknown, ask: Ask, url: URL): RegistryError {
  const { code, detail, transient } = networkFault(error);
  const where = url.host === ask.registry ? '' : ` (at ${url.host})`;
  // undici's parser error carries the bytes that it stumbled over, a token among them at worst.
  const cause = error instanceof errors.HTTPParserError ? undefined : error;
  return new RegistryError(code, ask, `${detail}${where}`, { url, transient, cause });
}
