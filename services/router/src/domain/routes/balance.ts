import type { Endpoint } from './endpoint.ts';
import { isOverloaded, preferenceOf } from './hash-routing.ts';
import type { Pool } from './pool.ts';

export interface BalancerSettings {
  /** Requests one backend may have unanswered; 0: no limit. */
  readonly maxWaiting: number;
  /** How long a failed backend is passed over. */
  readonly failureMarkMs: number;
}

export interface PickQuery {
  readonly now: number;
  /** In [0, 1). */
  readonly random: () => number;
  /** Endpoints this request has tried. */
  readonly tried: ReadonlySet<Endpoint>;
  /** Only these will do (a request to one instance); absent: any of the pool. */
  readonly among?: (endpoint: Endpoint) => boolean;
  /** What the route's hash is made of; absent: the request has none. */
  readonly hashKey?: string | undefined;
}

/** `busy`: there are endpoints, each with its limit of unanswered requests. `none`: there is nothing left to try. */
export type Pick = Endpoint | 'busy' | 'none';

/**
 * Chooses the endpoint for a request's next attempt. A marked backend is chosen only when no other is left, and then the
 * marks of all that could be chosen are cleared, as Gorouter's round-robin does; unlike Gorouter's, least-connection
 * heeds the marks too, because a dead backend always has the fewest connections.
 */
export function pickEndpoint(pool: Pool, query: PickQuery, settings: BalancerSettings): Pick {
  const { now } = query;
  const isMarked = ({ backend }: Endpoint): boolean => backend.isMarkedFailed(now, settings.failureMarkMs);
  const byAlgorithm = pool.algorithm === 'least-connection' ? leastWaiting : nextInTurn;
  const choose = pool.hash !== undefined && query.hashKey !== undefined ? preferred : byAlgorithm;
  const chosen = choose(pool, query, (endpoint) => !isBusy(endpoint, settings) && !isMarked(endpoint));
  if (chosen !== undefined) return chosen;

  const left = pool.endpoints.filter((endpoint) => isWanted(endpoint, query));
  const free = left.filter((endpoint) => !isBusy(endpoint, settings));
  if (free.length === 0) return left.length === 0 ? 'none' : 'busy';
  for (const { backend } of free) backend.clearFailure();
  return choose(pool, query, (endpoint) => !isBusy(endpoint, settings)) ?? 'none';
}

/** Has as many unanswered requests as it may. */
export function isBusy({ backend }: Endpoint, { maxWaiting }: BalancerSettings): boolean {
  return maxWaiting > 0 && backend.waiting >= maxWaiting;
}

function isWanted(endpoint: Endpoint, { tried, among }: PickQuery): boolean {
  return !tried.has(endpoint) && among?.(endpoint) !== false;
}

type Choose = (pool: Pool, query: PickQuery, isFit: (endpoint: Endpoint) => boolean) => Endpoint | undefined;

const nextInTurn: Choose = (pool, query, isFit) => {
  const { endpoints } = pool;
  for (let i = 0; i < endpoints.length; i++) {
    const index = (pool.cursor + i) % endpoints.length;
    const endpoint = endpoints[index] as Endpoint;
    if (!isWanted(endpoint, query) || !isFit(endpoint)) continue;
    pool.cursor = index + 1;
    return endpoint;
  }
  return undefined;
};

const preferred: Choose = (pool, query, isFit) => {
  const { hash, endpoints } = pool;
  if (hash === undefined) return undefined;
  const fit = preferenceOf(query.hashKey ?? '', endpoints).filter((each) => isWanted(each, query) && isFit(each));
  return fit.find((endpoint) => !isOverloaded(endpoint, endpoints, hash)) ?? fit[0];
};

const leastWaiting: Choose = (pool, query, isFit) => {
  let best: Endpoint | undefined;
  let ties = 0;
  for (const endpoint of pool.endpoints) {
    if (!isWanted(endpoint, query) || !isFit(endpoint)) continue;
    const { waiting } = endpoint.backend;
    if (best === undefined || waiting < best.backend.waiting) {
      best = endpoint;
      ties = 1;
    } else if (waiting === best.backend.waiting && query.random() * ++ties < 1) {
      // Each of n equals is kept with probability 1/n.
      best = endpoint;
    }
  }
  return best;
};
