import type { Endpoint } from './endpoint.ts';
import type { HashRouting } from './hash-routing.ts';

export const balancingAlgorithms = ['round-robin', 'least-connection'] as const;
export type BalancingAlgorithm = (typeof balancingAlgorithms)[number];

/** The endpoints of one route. */
export class Pool {
  /** The normalised route: lower-case host and path. */
  readonly uri: string;
  /** The route's path as it was first registered, letter case kept: the Path of sticky-session cookies. */
  readonly contextPath: string;
  algorithm: BalancingAlgorithm;
  /** Before the algorithm, for requests that have the field. */
  hash: HashRouting | undefined;
  /** When the last endpoint left; undefined while there is one. */
  emptySince: number | undefined;
  /** Where round-robin goes on. */
  cursor: number;
  readonly #endpoints: Endpoint[] = [];
  readonly #byAddress = new Map<string, Endpoint>();

  constructor(uri: string, contextPath: string, algorithm: BalancingAlgorithm, cursor: number) {
    this.uri = uri;
    this.contextPath = contextPath;
    this.algorithm = algorithm;
    this.cursor = cursor;
  }

  get endpoints(): readonly Endpoint[] {
    return this.#endpoints;
  }

  get(address: string): Endpoint | undefined {
    return this.#byAddress.get(address);
  }

  /** The endpoint of an instance; an instance without an id answers to its address. */
  findInstance(idOrAddress: string): Endpoint | undefined {
    for (const endpoint of this.#endpoints) {
      if (endpoint.spec.instanceId === idOrAddress) return endpoint;
    }
    return this.#byAddress.get(idOrAddress);
  }

  /** Adds an endpoint whose address is not in the pool yet. */
  add(endpoint: Endpoint): void {
    this.#endpoints.push(endpoint);
    this.#byAddress.set(endpoint.spec.address, endpoint);
    this.emptySince = undefined;
  }

  remove(endpoint: Endpoint, now: number): void {
    const index = this.#endpoints.indexOf(endpoint);
    if (index < 0) return;
    this.#endpoints.splice(index, 1);
    this.#byAddress.delete(endpoint.spec.address);
    if (index < this.cursor) this.cursor--;
    if (this.#endpoints.length === 0) this.emptySince = now;
  }
}
