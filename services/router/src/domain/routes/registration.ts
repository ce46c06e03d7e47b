import type { RouterRegister } from '@slipway/contracts';
import type { EndpointSpec } from './endpoint.ts';
import { type HashRouting, readHashRouting } from './hash-routing.ts';
import { type BalancingAlgorithm, balancingAlgorithms } from './pool.ts';
import { parseRouteUri, type RouteUri } from './route-uri.ts';

/** A `router.register` or `router.unregister` message that makes sense. */
export interface Registration {
  readonly endpoint: EndpointSpec;
  readonly routes: readonly RouteUri[];
  /** 0: the router's own. */
  readonly ttlMs: number;
  /** Undefined: not asked for, or unknown. */
  readonly algorithm: BalancingAlgorithm | undefined;
  /** The route's requests are told apart by a header. */
  readonly hash: HashRouting | undefined;
  /** What was ignored of the message, in words. */
  readonly remarks: readonly string[];
}

export type RegistrationFault =
  | 'no-port'
  | 'unsupported-host'
  | 'unsupported-server-name'
  | 'unsupported-route-service';

/** Host names and addresses; what would end up in a log line or a header must not break either. */
const HOST = /^[A-Za-z0-9._:-]{1,253}$/;
/** Ids go into headers and cookies (RFC 6265 4.1.1, cookie-octet). */
const PLAIN = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*$/;

/** Reads a message whose types were already checked. Never throws. */
export function readRegistration(message: RouterRegister): Registration | RegistrationFault {
  const tls = (message.tls_port ?? 0) !== 0;
  const port = tls ? message.tls_port : message.port;
  if (port === undefined || port === 0) return 'no-port';
  if (!HOST.test(message.host)) return 'unsupported-host';
  const serverName = message.server_cert_domain_san ?? '';
  if (serverName !== '' && !HOST.test(serverName)) return 'unsupported-server-name';
  // Requests must not pass a route service by. Gorouter's config without a secret refuses such routes likewise.
  if ((message.route_service_url ?? '') !== '') return 'unsupported-route-service';
  const remarks: string[] = [];
  const routes: RouteUri[] = [];
  for (const uri of message.uris) {
    const route = parseRouteUri(uri);
    if (route === undefined) remarks.push(`not a route: ${JSON.stringify(uri)}`);
    else routes.push(route);
  }
  const wanted = message.options?.loadbalancing ?? '';
  const algorithm = balancingAlgorithms.find((known) => known === wanted);
  const hash =
    wanted === 'hash' ? readHashRouting(message.options?.hash_header, message.options?.hash_balance) : undefined;
  if (wanted === 'hash' && hash === undefined) remarks.push('load balancing by hash without the name of a header');
  else if (wanted !== '' && wanted !== 'hash' && algorithm === undefined)
    remarks.push(`unknown load balancing: ${JSON.stringify(wanted)}`);
  const plain = (value: string | undefined, name: string): string => {
    if (value === undefined || PLAIN.test(value)) return value ?? '';
    remarks.push(`${name} has characters that no cookie may have`);
    return '';
  };
  return {
    endpoint: {
      address: message.host.includes(':') ? `[${message.host}]:${port}` : `${message.host}:${port}`,
      host: message.host,
      port,
      tls,
      serverCertDomainSan: serverName,
      appId: plain(message.app, 'app'),
      instanceId: plain(message.private_instance_id, 'private_instance_id'),
      instanceIndex: plain(message.private_instance_index, 'private_instance_index'),
      tags: message.tags ?? {},
    },
    routes,
    ttlMs: Math.max(0, message.stale_threshold_in_seconds ?? 0) * 1000,
    algorithm,
    hash,
    remarks,
  };
}
