import type { RouteTable } from '../domain/routes/route-table.ts';

/** Gorouter's `/routes`: every route with its endpoints, as JSON. */
export function routeListing(table: RouteTable): string {
  const listing: Record<string, unknown[]> = {};
  for (const pool of table.routes()) {
    listing[pool.uri] = pool.endpoints.map(({ spec, ttlMs }) => ({
      address: spec.address,
      protocol: 'http1',
      tls: spec.tls,
      ttl: Math.round(ttlMs / 1000),
      tags: spec.tags,
      private_instance_id: spec.instanceId,
      ...(spec.serverCertDomainSan === '' ? {} : { server_cert_domain_san: spec.serverCertDomainSan }),
      load_balancing_algorithm: pool.algorithm,
    }));
  }
  return `${JSON.stringify(listing)}\n`;
}
