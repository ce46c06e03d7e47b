import { HUB } from '../reference.ts';
import { isLoopbackHost } from './address-class.ts';
import { evictOldest } from './evict-oldest.ts';
import { speaksTls } from './scheme-probe.ts';

/** Where the hub's registry API is; `docker.io` itself is a web site. */
const HUB_HOST = 'registry-1.docker.io';

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
  readonly #probed = new Map<string, Promise<boolean>>();

  constructor(plainHttp: readonly string[], probeMs: number) {
    this.#plainHttp = new Set(plainHttp.map((host) => host.toLowerCase()));
    this.#probeMs = probeMs;
  }

  /** @throws the network's error when a loopback registry cannot be reached */
  async resolve(registry: string): Promise<Endpoint> {
    const url = new URL(`https://${registry === HUB ? HUB_HOST : registry}`);
    const plain =
      this.#isListed(registry, url) ||
      (isLoopbackHost(url.hostname) && !(await this.#isTls(url, /:\d+$/.test(registry))));
    if (plain) {
      // Not `url.protocol = `: https://host:443 has lost its port by now, and would become http://host:80.
      const port = url.port || (/:443$/.test(registry) ? '443' : '80');
      return { registry, origin: new URL(`http://${url.hostname}:${port}`).origin, plain };
    }
    return { registry, origin: url.origin, plain };
  }

  #isListed(registry: string, url: URL): boolean {
    return this.#plainHttp.has(registry.toLowerCase()) || this.#plainHttp.has(url.hostname);
  }

  #isTls(url: URL, withPort: boolean): Promise<boolean> {
    const key = `${url.host} ${withPort}`;
    const known = this.#probed.get(key);
    if (known) {
      return known;
    }
    const hostname = url.hostname.replace(/^\[|\]$/g, '');
    const probe = speaksTls(hostname, Number(url.port || 443), this.#probeMs).catch((error: NodeJS.ErrnoException) => {
      // No port was named and nobody serves https's own: then it is http's own.
      if (!withPort && error.code === 'ECONNREFUSED') {
        return false;
      }
      // A registry that was down tells nothing: ask again next time.
      this.#probed.delete(key);
      throw error;
    });
    this.#probed.set(key, probe);
    evictOldest(this.#probed, MAX_PROBED);
    return probe;
  }
}
