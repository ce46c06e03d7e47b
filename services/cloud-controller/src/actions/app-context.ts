import {
  type ExecutionMetadata,
  type ResolvedImage,
  resolvedImageSchema,
  type SignaturePolicy,
} from '@slipway/contracts';
import { type DestinationUrl, loadDestinationUrls } from '../adapters/sql/lrp-rows.ts';
import type { AppRow, DropletRow, Sql } from '../adapters/sql/schema.ts';
import type { UnitOfWork } from '../adapters/sql/writer.ts';
import type { BoundService } from '../domain/lrp/bound-service.ts';
import { type ServiceMode, serviceMode } from '../domain/lrp/service-delivery.ts';
import { purposes } from '../domain/secrets/purposes.ts';
import { placementTagsOf } from '../domain/shared-segment.ts';
import { dropletExecutionSchema } from '../domain/staging/droplet-execution.ts';
import { notFound } from '../errors.ts';
import { loadEnvironmentGroup } from './environment-groups.ts';
import { decryptEnvironment, type Platform } from './platform.ts';
import { loadBoundServices } from './service-instances.ts';
import { policyInForce } from './signature-policies.ts';

/** What whatever runs of an app is made of: a version of a process, a task. */
export interface AppContext {
  readonly droplet: DropletRow;
  readonly apiUrl: string;
  readonly space: { readonly guid: string; readonly name: string };
  readonly organization: { readonly guid: string; readonly name: string };
  readonly image: ResolvedImage;
  /** Which signatures the organization asks of it; undefined: none. */
  readonly signaturePolicy: SignaturePolicy | undefined;
  readonly execution: ExecutionMetadata;
  readonly userVariables: Readonly<Record<string, string>>;
  readonly services: readonly BoundService[];
  readonly serviceMode: ServiceMode;
  readonly runningGroup: Readonly<Record<string, string>>;
  readonly placementTags: readonly string[];
  /** Where routes lead to the app, the oldest destination first. */
  readonly destinations: readonly DestinationUrl[];
}

/** Throws 404. */
export async function loadAppContext(
  { sql }: UnitOfWork,
  platform: Platform,
  app: AppRow,
  dropletGuid: string,
): Promise<AppContext> {
  const droplet = await sql.selectFrom('droplets').selectAll().where('guid', '=', dropletGuid).executeTakeFirst();
  const tenancy = await loadTenancy(sql, app.space_guid);
  if (droplet === undefined) throw notFound('Droplet');
  if (tenancy === undefined) throw notFound('Space');
  return {
    droplet,
    apiUrl: platform.externalUrl,
    space: { guid: app.space_guid, name: tenancy.space_name },
    organization: { guid: tenancy.org_guid, name: tenancy.org_name },
    image: resolvedImageSchema.parse(JSON.parse(droplet.image)),
    signaturePolicy: await policyInForce(sql, tenancy.org_guid),
    execution: {
      ...dropletExecutionSchema.parse(JSON.parse(droplet.execution)),
      env: openImageEnvironment(platform, droplet),
    },
    userVariables: decryptEnvironment(platform.vault, app.guid, app.environment_variables),
    services: await loadBoundServices(sql, platform, app.guid),
    serviceMode: serviceMode(app),
    runningGroup: (await loadEnvironmentGroup(sql, platform, 'running')).variables,
    placementTags: placementTagsOf(tenancy.segment_name, tenancy.segment_guid),
    destinations: await loadDestinationUrls(sql, [app.guid]),
  };
}

function loadTenancy(sql: Sql, spaceGuid: string) {
  return (
    sql
      .selectFrom('spaces')
      .innerJoin('organizations', 'organizations.guid', 'spaces.organization_guid')
      // The space's own segment, else the organization's.
      .leftJoin('isolation_segments', (join) =>
        join.on('isolation_segments.guid', '=', (eb) =>
          eb.fn.coalesce('spaces.isolation_segment_guid', 'organizations.isolation_segment_guid'),
        ),
      )
      .select([
        'spaces.name as space_name',
        'organizations.guid as org_guid',
        'organizations.name as org_name',
        'isolation_segments.name as segment_name',
        'isolation_segments.guid as segment_guid',
      ])
      .where('spaces.guid', '=', spaceGuid)
      .executeTakeFirst()
  );
}

/** `NAME=value`, as the image has them. */
function openImageEnvironment({ vault }: Platform, droplet: DropletRow): string[] {
  return JSON.parse(vault.decrypt(droplet.image_environment, purposes.imageEnvironment(droplet.guid))) as string[];
}
