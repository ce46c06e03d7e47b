import { Backend } from './backend.ts';
import { type Endpoint, type EndpointSpec, sameBackend, sameInstance, sameSpec } from './endpoint.ts';
import { type BalancingAlgorithm, Pool } from './pool.ts';
import type { Registration } from './registration.ts';
import { RouteTrie } from './route-trie.ts';
import { hostKey, type RouteUri } from './route-uri.ts';

export interface RouteTableOptions {
  /** Endpoints not registered for so long are pruned; a registration can only shorten it. */
  readonly ttlMs: number;
  /** How long a route without endpoints is known still (answered 503, not 404); 0: not at all. */
  readonly emptyPoolMs: number;
  readonly defaultAlgorithm: BalancingAlgorithm;
  /** In [0, 1): where a new pool's turns begin. */
  readonly random: () => number;
  /** No route leads to this backend any more, or another instance has taken its address. */
  readonly onBackendGone: (backend: Backend) => void;
}

/** One endpoint that came or went. */
export interface RouteChange {
  readonly kind: 'registered' | 'unregistered' | 'pruned' | 'replaced';
  readonly uri: string;
  readonly spec: EndpointSpec;
}

/** A backend with the pools that it is in. */
interface Listing {
  readonly backend: Backend;
  readonly memberships: Map<Pool, Endpoint>;
}

/** All routes, in memory only: registrants repeat them, so that an empty table fills itself. */
export class RouteTable {
  readonly #options: RouteTableOptions;
  readonly #trie = new RouteTrie();
  readonly #pools = new Map<string, { readonly pool: Pool; readonly uri: RouteUri }>();
  readonly #listings = new Map<string, Listing>();
  #endpointCount = 0;

  constructor(options: RouteTableOptions) {
    this.#options = options;
  }

  get routeCount(): number {
    return this.#pools.size;
  }

  get endpointCount(): number {
    return this.#endpointCount;
  }

  /** Adds or refreshes the endpoint in each of its routes. The newest registration wins over what was known. */
  register(registration: Registration, now: number): RouteChange[] {
    const { endpoint: spec, routes, algorithm, hash } = registration;
    const changes: RouteChange[] = [];
    if (routes.length === 0) return changes;
    const { backend, memberships } = this.#listingFor(spec, now, changes);
    const ttlMs = registration.ttlMs > 0 ? Math.min(registration.ttlMs, this.#options.ttlMs) : this.#options.ttlMs;
    for (const uri of routes) {
      const pool = this.#poolFor(uri);
      pool.algorithm = algorithm ?? this.#options.defaultAlgorithm;
      pool.hash = hash;
      const known = memberships.get(pool);
      if (known !== undefined) {
        known.lastSeen = now;
        known.ttlMs = ttlMs;
        if (!sameSpec(known.spec, spec)) known.spec = spec;
        continue;
      }
      const endpoint: Endpoint = { spec, backend, lastSeen: now, ttlMs };
      pool.add(endpoint);
      memberships.set(pool, endpoint);
      this.#endpointCount++;
      changes.push({ kind: 'registered', uri: pool.uri, spec });
    }
    return changes;
  }

  /**
   * Removes the endpoint from the routes named. A message about another instance than the one registered is of the past:
   * senders repeat unregistrations, and the address may have a new owner.
   */
  unregister(registration: Registration, now: number): RouteChange[] {
    const changes: RouteChange[] = [];
    for (const uri of registration.routes) {
      const pool = this.#pools.get(uri.key)?.pool;
      const endpoint = pool?.get(registration.endpoint.address);
      if (pool === undefined || endpoint === undefined) continue;
      if (!sameInstance(endpoint.spec.instanceId, registration.endpoint.instanceId)) continue;
      this.#remove(pool, endpoint, 'unregistered', now, changes);
    }
    return changes;
  }

  /**
   * Removes endpoints whose time is up, and routes that have been empty for long enough. TLS endpoints stay: their
   * certificate tells whether they are still who they were (Gorouter).
   */
  prune(now: number): RouteChange[] {
    const changes: RouteChange[] = [];
    for (const { pool, uri } of [...this.#pools.values()]) {
      const stale = pool.endpoints.filter(({ spec, lastSeen, ttlMs }) => !spec.tls && now - lastSeen > ttlMs);
      for (const endpoint of stale) this.#remove(pool, endpoint, 'pruned', now, changes);
      if (pool.emptySince !== undefined && now - pool.emptySince >= this.#options.emptyPoolMs) this.#forget(uri);
    }
    return changes;
  }

  /** Counts every endpoint as just registered: nobody could register while NATS was away. */
  refreshAll(now: number): void {
    for (const { pool } of this.#pools.values()) {
      for (const endpoint of pool.endpoints) endpoint.lastSeen = now;
    }
  }

  /** Takes an endpoint out until it is registered again. */
  remove(pool: Pool, endpoint: Endpoint, now: number): RouteChange[] {
    const changes: RouteChange[] = [];
    this.#remove(pool, endpoint, 'pruned', now, changes);
    return changes;
  }

  /**
   * @param authority the request's host, with or without port
   * @param path the request target's path, without the query
   */
  lookup(authority: string, path: string): Pool | undefined {
    return this.#trie.lookup(hostKey(authority), path);
  }

  has(uri: RouteUri): boolean {
    return (this.#pools.get(uri.key)?.pool.endpoints.length ?? 0) > 0;
  }

  /** Every route with its endpoints. */
  *routes(): Generator<Pool> {
    for (const { pool } of this.#pools.values()) yield pool;
  }

  #listingFor(spec: EndpointSpec, now: number, changes: RouteChange[]): Listing {
    const known = this.#listings.get(spec.address);
    if (known !== undefined && sameBackend(known.backend, spec)) {
      known.backend.instanceId ||= spec.instanceId;
      return known;
    }
    // An address has one owner: routes of the former one must not lead to the new one.
    for (const [pool, endpoint] of known?.memberships ?? []) this.#remove(pool, endpoint, 'replaced', now, changes);
    const listing: Listing = { backend: new Backend(spec), memberships: new Map() };
    this.#listings.set(spec.address, listing);
    return listing;
  }

  #poolFor(uri: RouteUri): Pool {
    const known = this.#pools.get(uri.key);
    if (known !== undefined) return known.pool;
    const { defaultAlgorithm, random } = this.#options;
    const pool = new Pool(uri.key, uri.contextPath, defaultAlgorithm, Math.floor(random() * 0x10000));
    this.#pools.set(uri.key, { pool, uri });
    this.#trie.set(uri, pool);
    return pool;
  }

  #remove(pool: Pool, endpoint: Endpoint, kind: RouteChange['kind'], now: number, changes: RouteChange[]): void {
    const { backend, spec } = endpoint;
    const listing = this.#listings.get(backend.address);
    if (listing?.memberships.get(pool) !== endpoint) return;
    listing.memberships.delete(pool);
    pool.remove(endpoint, now);
    this.#endpointCount--;
    changes.push({ kind, uri: pool.uri, spec });
    const route = this.#pools.get(pool.uri);
    if (pool.endpoints.length === 0 && this.#options.emptyPoolMs === 0 && route !== undefined) this.#forget(route.uri);
    if (listing.memberships.size > 0) return;
    this.#listings.delete(backend.address);
    this.#options.onBackendGone(backend);
  }

  #forget(uri: RouteUri): void {
    this.#pools.delete(uri.key);
    this.#trie.delete(uri);
  }
}
