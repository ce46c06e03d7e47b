import { isIP } from 'node:net';
import { HUB } from '../reference.ts';
import { registryTarget } from '../settings/host-pattern.ts';
import { networksApply, type RegistrySettings } from '../settings/registry-settings.ts';
import { classifyAddress, isLoopbackHost } from './address-class.ts';
import { type LookupAddresses, systemLookup, timely } from './connector.ts';
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
 * - A registry that `plainHttp` names is spoken to over plain http.
 * - One on loopback (`localhost`, 127.0.0.0/8, ::1) may be either, as with Docker. A handshake without a request tells
 *   which; a bad certificate is never a reason to fall back to plain http.
 * - One whose addresses are all in networks of `plainHttp` may be either, too; but only an answer that is no TLS makes
 *   it plain, for somebody in between could hang up. `ConnectionPolicy` looks at the addresses once more at each connect.
 * - All others are https.
 */
export class EndpointResolver {
  #settings: RegistrySettings;
  readonly #probeMs: number;
  readonly #now: () => number;
  readonly #lookup: LookupAddresses;
  readonly #probed = new Map<string, { readonly scheme: Promise<SpokenScheme>; readonly until: number }>();

  constructor(
    settings: RegistrySettings,
    probeMs: number,
    now: () => number,
    lookup: LookupAddresses | undefined = systemLookup,
  ) {
    this.#settings = settings;
    this.#probeMs = probeMs;
    this.#now = now;
    this.#lookup = lookup;
  }

  /** Takes other settings, and forgets what was found out under those before. */
  use(settings: RegistrySettings): void {
    this.#settings = settings;
    this.#probed.clear();
  }

  /** @throws the network's error when a loopback registry cannot be reached */
  async resolve(registry: string): Promise<Endpoint> {
    const url = new URL(`https://${registry === HUB ? HUB_HOST : registry}`);
    if (await this.#isPlain(registry, url)) {
      // Not `url.protocol = `: https://host:443 has lost its port by now, and would become http://host:80.
      const port = url.port || (/:0*443$/.test(registry) ? '443' : '80');
      return { registry, origin: new URL(`http://${url.hostname}:${port}`).origin, plain: true };
    }
    return { registry, origin: url.origin, plain: false };
  }

  async #isPlain(registry: string, url: URL): Promise<boolean> {
    const withPort = /:\d+$/.test(registry);
    const target = registryTarget(withPort ? registry : `${registry}:80`);
    const { plainHttp } = this.#settings;
    if (plainHttp.names(target)) {
      return true;
    }
    const hostname = url.hostname.replace(/^\[|\]$/g, '');
    if (isLoopbackHost(hostname)) {
      return (await this.#probe(url, hostname, withPort)) !== 'tls';
    }
    if (!plainHttp.hasNetworks || !networksApply(this.#settings, registryTarget(registry))) {
      return false;
    }
    const addresses = isIP(hostname) === 0 ? await timely(this.#lookup(hostname), this.#probeMs, hostname) : [hostname];
    const [first] = addresses;
    if (first === undefined || !plainHttp.covers(addresses) || addresses.some(isSpecial)) {
      return false;
    }
    return (await this.#probe(url, first, withPort)) === 'plain';
  }

  #probe(url: URL, address: string, withPort: boolean): Promise<SpokenScheme> {
    const key = `${url.host} ${address} ${withPort}`;
    const known = this.#probed.get(key);
    if (known && this.#now() < known.until) {
      return known.scheme;
    }
    const scheme = this.#ask(url, address, withPort);
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

  async #ask(url: URL, address: string, withPort: boolean): Promise<SpokenScheme> {
    try {
      return await probeScheme(address, Number(url.port || 443), this.#probeMs);
    } catch (error) {
      // No port was named and nobody serves https's own: then it is http's own.
      if (!withPort && (error as NodeJS.ErrnoException).code === 'ECONNREFUSED') {
        return 'plain';
      }
      throw error;
    }
  }
}

function isSpecial(address: string): boolean {
  return classifyAddress(address) === 'special';
}
