import { type InstanceChoice, readInstanceChoice } from './forwarding/instance-choice.ts';
import { type StickySettings, stickyInstance } from './forwarding/sticky-session.ts';
import type { RequestHead } from './http/request-head.ts';
import { type RouterAnswer, routerAnswers } from './router-answer.ts';
import { hashKeyOf } from './routes/hash-routing.ts';
import type { Pool } from './routes/pool.ts';
import { hostKey } from './routes/route-uri.ts';

export interface RoutedRequest {
  readonly pool: Pool;
  /** The only endpoints that will do. */
  readonly choice: InstanceChoice | undefined;
  /** The instance of the client's session; empty: none. */
  readonly wantedInstance: string;
  /** Where the route goes by a header: the request's value of it. */
  readonly hashKey: string | undefined;
}

interface Routes {
  lookup(authority: string, path: string): Pool | undefined;
}

/** Finds the route of a request, or the answer to give in its stead. */
export function routeRequest(
  request: RequestHead,
  clientIp: string,
  routes: Routes,
  sticky: StickySettings,
): RoutedRequest | RouterAnswer {
  const { host, target } = request;
  if (host === '') return routerAnswers.emptyHost();
  const choice = readInstanceChoice(request);
  if (choice === 'invalid-app-instance') return routerAnswers.invalidAppInstance();
  if (choice === 'invalid-process-instance') return routerAnswers.invalidProcessInstance();
  const query = target.indexOf('?');
  const pool = routes.lookup(host, query < 0 ? target : target.slice(0, query));
  // Load balancers probe by address, and the answer must not tell that address (Gorouter).
  if (pool === undefined && hostKey(host) === clientIp) return routerAnswers.emptyHost();
  if (pool === undefined) return routerAnswers.unknownRoute(hostKey(host));
  if (pool.endpoints.length === 0) return routerAnswers.noEndpoints(hostKey(host));
  if (choice !== undefined && !pool.endpoints.some((endpoint) => choice.matches(endpoint))) {
    return routerAnswers.unknownInstance(choice.kind, choice.guid, choice.index, hostKey(host));
  }
  const hashKey = pool.hash === undefined ? undefined : hashKeyOf(request.fields, pool.hash);
  return { pool, choice, wantedInstance: stickyInstance(request.fields, sticky), hashKey };
}
