import type { AppRow, DropletRow, ProcessRow } from '../adapters/sql/schema.ts';
import type { UnitOfWork } from '../adapters/sql/writer.ts';
import type { HealthCheckSettings } from '../domain/lrp/health-check.ts';
import { lrpGuid } from '../domain/lrp/process-guid.ts';
import { buildRunInfo, processPorts, type RunInfoInput } from '../domain/lrp/run-info.ts';
import { purposes } from '../domain/secrets/purposes.ts';
import { unprocessable } from '../errors.ts';
import { loadAppContext } from './app-context.ts';
import { type Platform, sealCredentials } from './platform.ts';
import { sealRunInfo } from './run-infos.ts';
import { settingsOf, sidecarsOf } from './sidecars.ts';
import { requireSignedImage } from './signature-policies.ts';

/** What a version of the process would be made of now; undefined while the app has no droplet. */
async function loadRunInfoInput(
  unit: UnitOfWork,
  platform: Platform,
  app: AppRow,
  process: ProcessRow,
): Promise<(Omit<RunInfoInput, 'credentials'> & { readonly droplet: DropletRow }) | undefined> {
  if (app.droplet_guid === null) return undefined;
  const context = await loadAppContext(unit, platform, app, app.droplet_guid);
  const sidecars = await sidecarsOf(unit.sql, app.guid);
  return {
    ...context,
    app,
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
      usesImageHealthCheck: app.image_health_check_enabled === 1,
      user: process.run_as,
      startTimeoutS: process.health_check_timeout ?? platform.limits.defaultStartTimeoutS,
    },
    sidecars: sidecars.filter(({ types }) => types.includes(process.type)).map(settingsOf),
    destinations: context.destinations.filter(({ processType }) => processType === process.type),
  };
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
 * the old one goes. Throws 422 when there is nothing to start, or its image is not signed as its organization asks.
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
  requireSignedImage(input.image, input.signaturePolicy);
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
