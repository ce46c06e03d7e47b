import type { RoutedRequest } from './route-request.ts';
import { type BalancerSettings, isBusy, type Pick, pickEndpoint } from './routes/balance.ts';
import type { Endpoint } from './routes/endpoint.ts';

/**
 * The endpoint for a request's next attempt: the instance of the client's session while it is there (a failure mark does
 * not stop that, as with Gorouter), else whichever is next.
 */
export function chooseEndpoint(
  { pool, choice, wantedInstance, hashKey }: RoutedRequest,
  tried: ReadonlySet<Endpoint>,
  now: number,
  random: () => number,
  settings: BalancerSettings,
): Pick {
  if (wantedInstance !== '') {
    const wanted = pool.findInstance(wantedInstance);
    const isFree = wanted !== undefined && !tried.has(wanted) && !isBusy(wanted, settings);
    if (isFree && choice?.matches(wanted) !== false) return wanted;
  }
  const among = choice === undefined ? {} : { among: (endpoint: Endpoint) => choice.matches(endpoint) };
  return pickEndpoint(pool, { now, random, tried, hashKey, ...among }, settings);
}
