import { resolvedImageSchema } from '@slipway/contracts';
import { loadDestinationUrls } from '../adapters/sql/lrp-rows.ts';
import type { AppRow, DropletRow, ProcessRow } from '../adapters/sql/schema.ts';
import type { UnitOfWork } from '../adapters/sql/writer.ts';
import type { HealthCheckSettings } from '../domain/lrp/health-check.ts';
import { lrpGuid } from '../domain/lrp/process-guid.ts';
import { buildRunInfo, processPorts, type RunInfoInput } from '../domain/lrp/run-info.ts';
import { serviceMode } from '../domain/lrp/service-delivery.ts';
import { purposes } from '../domain/secrets/purposes.ts';
import { placementTagsOf } from '../domain/shared-segment.ts';
import { dropletExecutionSchema } from '../domain/staging/droplet-execution.ts';
import { notFound, unprocessable } from '../errors.ts';
import { loadEnvironmentGroup } from './environment-groups.ts';
import { decryptEnvironment, type Platform, sealCredentials } from './platform.ts';
import { sealRunInfo } from './run-infos.ts';
import { loadBoundServices } from './service-instances.ts';
import { settingsOf, sidecarsOf } from './sidecars.ts';

/** What a version of the process would be made of now; undefined while the app has no droplet. */
async function loadRunInfoInput(
  { sql }: UnitOfWork,
  platform: Platform,
  app: AppRow,
  process: ProcessRow,
): Promise<(Omit<RunInfoInput, 'credentials'> & { readonly droplet: DropletRow }) | undefined> {
  if (app.droplet_guid === null) return undefined;
  const droplet = await sql.selectFrom('droplets').selectAll().where('guid', '=', app.droplet_guid).executeTakeFirst();
  const tenancy = await sql
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
    .where('spaces.guid', '=', app.space_guid)
    .executeTakeFirst();
  if (droplet === undefined) throw notFound('Droplet');
  if (tenancy === undefined) throw notFound('Space');
  const { segment_name, segment_guid } = tenancy;
  const destinations = await loadDestinationUrls(sql, [app.guid]);
  return {
    droplet,
    apiUrl: platform.externalUrl,
    app,
    space: { guid: app.space_guid, name: tenancy.space_name },
    organization: { guid: tenancy.org_guid, name: tenancy.org_name },
    process: {
      guid: process.guid,
      version: process.version,
      type: process.type,
      command: process.command,
      memoryMb: process.memory_mb,
      diskMb: process.disk_mb,
      logRateBytesPerSecond: process.log_rate_bytes_per_second,
      healthCheck: healthCheckOf(process),
      readinessCheck: readinessCheckOf(process),
      user: process.run_as,
      startTimeoutS: process.health_check_timeout ?? platform.limits.defaultStartTimeoutS,
    },
    image: resolvedImageSchema.parse(JSON.parse(droplet.image)),
    execution: {
      ...dropletExecutionSchema.parse(JSON.parse(droplet.execution)),
      env: openImageEnvironment(platform, droplet),
    },
    userVariables: decryptEnvironment(platform.vault, app.guid, app.environment_variables),
    services: await loadBoundServices(sql, platform, app.guid),
    serviceMode: serviceMode(app),
    sidecars: (await sidecarsOf(sql, app.guid)).filter(({ types }) => types.includes(process.type)).map(settingsOf),
    runningGroup: (await loadEnvironmentGroup(sql, platform, 'running')).variables,
    placementTags: placementTagsOf(segment_name, segment_guid),
    destinations: destinations.filter(({ processType }) => processType === process.type),
  };
}

/** `NAME=value`, as the image has them. */
function openImageEnvironment({ vault }: Platform, droplet: DropletRow): string[] {
  return JSON.parse(vault.decrypt(droplet.image_environment, purposes.imageEnvironment(droplet.guid))) as string[];
}

function healthCheckOf(process: ProcessRow): HealthCheckSettings {
  return {
    type: process.health_check_type,
    endpoint: process.health_check_endpoint,
    invocationTimeoutS: process.health_check_invocation_timeout,
    intervalS: process.health_check_interval,
  };
}

function readinessCheckOf(process: ProcessRow): HealthCheckSettings {
  return {
    type: process.readiness_type,
    endpoint: process.readiness_endpoint,
    invocationTimeoutS: process.readiness_invocation_timeout,
    intervalS: process.readiness_interval,
  };
}

/** The container ports that the process would get now; undefined while the app has no droplet. */
export async function currentPorts(
  unit: UnitOfWork,
  platform: Platform,
  app: AppRow,
  process: ProcessRow,
): Promise<readonly number[] | undefined> {
  const input = await loadRunInfoInput(unit, platform, app, process);
  return input === undefined ? undefined : processPorts(input);
}

/**
 * Gives a process a new version: what runs now is replaced by what the tables say now. The new LRP is announced before
 * the old one goes. Throws 422 when there is nothing to start.
 */
export async function renewVersion(
  unit: UnitOfWork,
  platform: Platform,
  app: AppRow,
  process: ProcessRow,
): Promise<void> {
  const version = platform.newGuid();
  const input = await loadRunInfoInput(unit, platform, app, { ...process, version });
  if (input === undefined) throw unprocessable('Assign a droplet before starting this app.');
  const { droplet } = input;
  const purpose = purposes.dropletPassword(droplet.guid);
  const credentials = sealCredentials(platform.vault, droplet, purpose, platform.cellPublicKey);
  const result = buildRunInfo({ ...input, credentials });
  if (result.outcome === 'rejected') throw unprocessable(result.reason);
  const { sql, now } = unit;
  await sql.updateTable('processes').set({ version, updated_at: now }).where('guid', '=', process.guid).execute();
  await dropRunInfo(unit, process.guid);
  await sql
    .insertInto('run_infos')
    .values({
      process_guid: process.guid,
      version,
      run_info: sealRunInfo(platform, process.guid, result.runInfo),
      droplet_guid: droplet.guid,
      sealed_to: platform.cellPublicKey,
    })
    .execute();
  await unit.announce('lrp', lrpGuid(process.guid, version));
  await unit.announce('lrp', lrpGuid(process.guid, process.version));
}

/** Nothing of this process shall run any more. */
export async function endVersion(unit: UnitOfWork, process: ProcessRow): Promise<void> {
  await dropRunInfo(unit, process.guid);
  await unit.announce('lrp', lrpGuid(process.guid, process.version));
}

/** What changes in place did change: instances, routes, instances to be replaced. */
export async function touchVersion(unit: UnitOfWork, process: ProcessRow): Promise<void> {
  await unit.sql.updateTable('processes').set({ updated_at: unit.now }).where('guid', '=', process.guid).execute();
  await unit.announce('lrp', lrpGuid(process.guid, process.version));
}

async function dropRunInfo({ sql }: UnitOfWork, processGuid: string): Promise<void> {
  await sql.deleteFrom('run_infos').where('process_guid', '=', processGuid).execute();
  await sql.deleteFrom('retired_instances').where('process_guid', '=', processGuid).execute();
}
