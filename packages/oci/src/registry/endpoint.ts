import { HUB } from '../reference.ts';
import { isLoopbackHost } from './address-class.ts';
import { evictOldest } from './evict-oldest.ts';
import { probeScheme, type SpokenScheme } from './scheme-probe.ts';

/** Where the hub's registry API is; `docker.io` itself is a web site. */
const HUB_HOST = 'registry-1.docker.io';

/** A registry on this machine may be started anew with TLS, or without. */
const PROBE_LIFE_MS = 60_000;

/** Users choose the registries that are asked; what is remembered of them is bounded. */
const MAX_PROBED = 1_000;

/** Where a registry's API is spoken. */
export interface Endpoint {
  /** As in references. */
  readonly registry: string;
  readonly origin: string;
  /** Plain http: token servers and redirects of this registry may be plain as well. */
  readonly plain: boolean;
}

/**
 * Finds how to speak to a registry.
 *
 * - A registry of the `plainHttp` list (`host` or `host:port`) is spoken to over plain http.
 * - One on loopback (`localhost`, 127.0.0.0/8, ::1) may be either, as with Docker. A handshake without a request tells
 *   which; a bad certificate is never a reason to fall back to plain http.
 * - All others are https.
 */
export class EndpointResolver {
  readonly #plainHttp: ReadonlySet<string>;
  readonly #probeMs: number;
  readonly #now: () => number;
  readonly #probed = new Map<string, { readonly scheme: Promise<SpokenScheme>; readonly until: number }>();

  constructor(plainHttp: readonly string[], probeMs: number, now: () => number) {
    this.#plainHttp = new Set(plainHttp.map((host) => host.toLowerCase()));
    this.#probeMs = probeMs;
    this.#now = now;
  }

  /** @throws the network's error when a loopback registry cannot be reached */
  async resolve(registry: string): Promise<Endpoint> {
    const url = new URL(`https://${registry === HUB ? HUB_HOST : registry}`);
    const plain =
      this.#isListed(registry, url) ||
      (isLoopbackHost(url.hostname) && (await this.#probe(url, /:\d+$/.test(registry))) !== 'tls');
    if (plain) {
      // Not `url.protocol = `: https://host:443 has lost its port by now, and would become http://host:80.
      const port = url.port || (/:0*443$/.test(registry) ? '443' : '80');
      return { registry, origin: new URL(`http://${url.hostname}:${port}`).origin, plain };
    }
    return { registry, origin: url.origin, plain };
  }

  #isListed(registry: string, url: URL): boolean {
    return this.#plainHttp.has(registry.toLowerCase()) || this.#plainHttp.has(url.hostname);
  }

  #probe(url: URL, withPort: boolean): Promise<SpokenScheme> {
    const key = `${url.host} ${withPort}`;
    const known = this.#probed.get(key);
    if (known && this.#now() < known.until) {
      return known.scheme;
    }
    const scheme = this.#ask(url, withPort);
    const probed = { scheme, until: this.#now() + PROBE_LIFE_MS };
    this.#probed.delete(key);
    this.#probed.set(key, probed);
    evictOldest(this.#probed, MAX_PROBED);
    const forget = (): void => {
      if (this.#probed.get(key) === probed) this.#probed.delete(key);
    };
    // A registry that was down, or going down, tells nothing: ask again next time.
    scheme.then((answer) => {
      if (answer === 'unclear') forget();
    }, forget);
    return scheme;
  }

  async #ask(url: URL, withPort: boolean): Promise<SpokenScheme> {
    const hostname = url.hostname.replace(/^\[|\]$/g, '');
    try {
      return await probeScheme(hostname, Number(url.port || 443), this.#probeMs);
    } catch (error) {
      // No port was named and nobody serves https's own: then it is http's own.
      if (!withPort && (error as NodeJS.ErrnoException).code === 'ECONNREFUSED') {
        return 'plain';
      }
      throw error;
    }
  }
}
