import { z } from 'zod';
import type { Metadata } from '../domain/metadata.ts';
import { routeUrl } from '../domain/names/route-name.ts';
import type { RouteOptions } from '../domain/names/route-options.ts';
import {
  apiTime,
  apiTimeSchema,
  type Links,
  linkSchema,
  metadataSchema,
  presentResource,
  type ResourceRow,
  resourceSchema,
  toOne,
  toOneSchema,
} from './shapes.ts';

export const destinationSchema = z
  .object({
    guid: z.string(),
    app: z.object({ guid: z.string(), process: z.object({ type: z.string() }) }),
    weight: z.null(),
    port: z.int(),
    protocol: z.enum(['http1', 'http2']),
    created_at: apiTimeSchema,
    updated_at: apiTimeSchema,
  })
  .meta({ id: 'Destination' });

export const destinationsSchema = z
  .object({
    destinations: z.array(destinationSchema),
    links: z.object({ self: linkSchema, route: linkSchema }),
  })
  .meta({ id: 'Destinations' });

export const routeSchema = resourceSchema
  .extend({
    protocol: z.literal('http'),
    host: z.string(),
    path: z.string(),
    port: z.null(),
    url: z.string(),
    destinations: z.array(destinationSchema),
    options: z.object({
      loadbalancing: z.enum(['round-robin', 'least-connection', 'hash']).optional(),
      hash_header: z.string().optional(),
      hash_balance: z.string().optional(),
    }),
    metadata: metadataSchema,
    relationships: z.object({ space: toOneSchema, domain: toOneSchema }),
    links: z.object({ self: linkSchema, space: linkSchema, destinations: linkSchema, domain: linkSchema }),
  })
  .meta({ id: 'Route' });

export interface RouteView extends ResourceRow {
  readonly host: string;
  readonly path: string;
  readonly space_guid: string;
  readonly domain_guid: string;
  readonly options: string;
}

export interface DestinationView extends ResourceRow {
  readonly app_guid: string;
  readonly process_type: string;
  readonly port: number | null;
  readonly protocol: 'http1' | 'http2';
  /** Where it leads when it names no port. */
  readonly default_port: number;
}

export function presentDestination(row: DestinationView): z.infer<typeof destinationSchema> {
  return {
    guid: row.guid,
    app: { guid: row.app_guid, process: { type: row.process_type } },
    weight: null,
    port: row.port ?? row.default_port,
    protocol: row.protocol,
    created_at: apiTime(row.created_at),
    updated_at: apiTime(row.updated_at),
  };
}

export function presentDestinations(
  routeGuid: string,
  destinations: readonly DestinationView[],
  link: Links,
): z.infer<typeof destinationsSchema> {
  const route = `/v3/routes/${routeGuid}`;
  return {
    destinations: destinations.map(presentDestination),
    links: { self: link(`${route}/destinations`), route: link(route) },
  };
}

export function presentRoute(
  row: RouteView,
  domainName: string,
  destinations: readonly DestinationView[],
  metadata: Metadata,
  link: Links,
): z.infer<typeof routeSchema> {
  const self = `/v3/routes/${row.guid}`;
  return {
    ...presentResource(row),
    protocol: 'http',
    host: row.host,
    path: row.path,
    port: null,
    url: routeUrl(row.host, domainName, row.path),
    destinations: destinations.map(presentDestination),
    options: JSON.parse(row.options) as RouteOptions,
    metadata,
    relationships: { space: toOne(row.space_guid), domain: toOne(row.domain_guid) },
    links: {
      self: link(self),
      space: link(`/v3/spaces/${row.space_guid}`),
      destinations: link(`${self}/destinations`),
      domain: link(`/v3/domains/${row.domain_guid}`),
    },
  };
}
