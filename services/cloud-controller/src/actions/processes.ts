import type { ProcessRow } from '../adapters/sql/schema.ts';
import type { UnitOfWork } from '../adapters/sql/writer.ts';
import { defaultHealthCheckType } from '../domain/lrp/health-check.ts';
import { needsNewVersion, type VersionedPart } from '../domain/lrp/new-version.ts';
import { processUserProblem } from '../domain/lrp/process-user.ts';
import { unprocessable } from '../errors.ts';
import { auditApp, auditAppOf } from './audit.ts';
import type { Platform } from './platform.ts';
import { currentPorts, renewVersion, touchVersion } from './process-versions.ts';
import { watchAppQuotas } from './quota-checks.ts';
import { lockApp } from './rows.ts';
import { requireMemoryForSidecars } from './sidecars.ts';

/** cloud_controller_ng `process_scale.rb`. */
export const NO_ROOM_FOR_SIDECARS =
  'The requested memory allocation is not large enough to run all of your sidecar processes';

/** What a user may set of a process; what is absent stays. */
export type ProcessChange = Partial<
  Pick<
    ProcessRow,
    | 'command'
    | 'instances'
    | 'memory_mb'
    | 'disk_mb'
    | 'log_rate_bytes_per_second'
    | 'health_check_type'
    | 'health_check_endpoint'
    | 'health_check_timeout'
    | 'health_check_invocation_timeout'
    | 'health_check_interval'
    | 'readiness_type'
    | 'readiness_endpoint'
    | 'readiness_invocation_timeout'
    | 'readiness_interval'
    | 'run_as'
  >
>;

/** A process with Cloud Foundry's defaults: one web instance, none of the others. Throws 422. */
export async function createProcess(
  unit: UnitOfWork,
  platform: Platform,
  process: { readonly guid: string; readonly appGuid: string; readonly type: string },
): Promise<ProcessRow> {
  const { sql, now } = unit;
  const { limits } = platform;
  const { appGuid, type } = process;
  const text = `The sidecar memory allocation defined is too large to run with the dependent "${type}" process`;
  await requireMemoryForSidecars(unit, { appGuid, type, memoryMb: limits.defaultMemoryMb }, text);
  const row = await sql
    .insertInto('processes')
    .values({
      guid: process.guid,
      created_at: now,
      updated_at: now,
      app_guid: process.appGuid,
      type: process.type,
      command: null,
      instances: process.type === 'web' ? 1 : 0,
      memory_mb: limits.defaultMemoryMb,
      disk_mb: limits.defaultDiskMb,
      log_rate_bytes_per_second: limits.defaultLogRateBytesPerSecond,
      health_check_type: defaultHealthCheckType(process.type),
      health_check_endpoint: null,
      health_check_timeout: null,
      health_check_invocation_timeout: null,
      health_check_interval: null,
      readiness_type: 'process',
      readiness_endpoint: null,
      readiness_invocation_timeout: null,
      readiness_interval: null,
      version: platform.newGuid(),
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  await auditAppOf(unit, appGuid, 'process.create', { process_guid: row.guid, process_type: type });
  return row;
}

/**
 * Changes a process, and what runs of it where the change takes effect at once. What needs new instances waits for them
 * when `atRestart` is true. Throws 404, 422.
 */
export async function changeProcess(
  unit: UnitOfWork,
  platform: Platform,
  guid: string,
  change: ProcessChange,
  { atRestart = false }: { readonly atRestart?: boolean } = {},
): Promise<ProcessRow> {
  checkLimits(platform, change);
  const { sql, now } = unit;
  const { app_guid: appGuid } = await sql
    .selectFrom('processes')
    .select('app_guid')
    .where('guid', '=', guid)
    .executeTakeFirstOrThrow();
  const app = await lockApp(unit, appGuid);
  const before = await sql.selectFrom('processes').selectAll().where('guid', '=', guid).executeTakeFirstOrThrow();
  const portsBefore = await currentPorts(unit, platform, app, before);
  if (change.memory_mb !== undefined) {
    const resized = { appGuid, type: before.type, memoryMb: change.memory_mb };
    await requireMemoryForSidecars(unit, resized, NO_ROOM_FOR_SIDECARS);
  }
  const withinQuotas = app.desired_state === 'STARTED' ? await watchAppQuotas(unit, app.space_guid) : undefined;
  const after = await sql
    .updateTable('processes')
    .set({ ...change, updated_at: now })
    .where('guid', '=', guid)
    .returningAll()
    .executeTakeFirstOrThrow();
  await withinQuotas?.();
  if (app.desired_state === 'STARTED') {
    const portsAfter = await currentPorts(unit, platform, app, after);
    if (!atRestart && needsNewVersion(versioned(before, portsBefore), versioned(after, portsAfter))) {
      await renewVersion(unit, platform, app, after);
    } else {
      await touchVersion(unit, after);
    }
  }
  await auditApp(unit, app, isScaling(change) ? 'process.scale' : 'process.update', {
    process_guid: guid,
    process_type: after.type,
    request: requestOf(change),
  });
  unit.log(app.guid, `${isScaling(change) ? 'Scaling' : 'Updating'} process: "${after.type}"`);
  return sql.selectFrom('processes').selectAll().where('guid', '=', guid).executeTakeFirstOrThrow();
}

const scaled = ['instances', 'memory_mb', 'disk_mb', 'log_rate_bytes_per_second'];

function isScaling(change: ProcessChange): boolean {
  const names = Object.keys(change);
  return names.length > 0 && names.every((name) => scaled.includes(name));
}

/** What the API calls it, where that is not how it is kept. */
const apiNames: Readonly<Record<string, string>> = {
  memory_mb: 'memory_in_mb',
  disk_mb: 'disk_in_mb',
  log_rate_bytes_per_second: 'log_rate_limit_in_bytes_per_second',
  run_as: 'user',
};

/** A change as an event tells of it. A command may hold secrets. */
function requestOf(change: ProcessChange): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(change).map(([name, value]) => [
      apiNames[name] ?? name,
      name === 'command' ? '[PRIVATE DATA HIDDEN]' : value,
    ]),
  );
}

function versioned(process: ProcessRow, ports: readonly number[] | undefined): VersionedPart {
  return {
    memoryMb: process.memory_mb,
    healthCheckType: process.health_check_type,
    healthCheckEndpoint: process.health_check_endpoint,
    readinessType: process.readiness_type,
    readinessEndpoint: process.readiness_endpoint,
    ports: ports ?? [],
  };
}

/** Throws 422. */
export function checkLimits({ limits }: Platform, change: ProcessChange): void {
  const problems: string[] = [];
  if (change.disk_mb !== undefined && change.disk_mb > limits.maximumDiskMb) {
    problems.push(`Disk in mb must be less than or equal to ${limits.maximumDiskMb}`);
  }
  const timeout = change.health_check_timeout;
  if (timeout !== undefined && timeout !== null && timeout > limits.maximumStartTimeoutS) {
    problems.push(`Health check data timeout must be less than or equal to ${limits.maximumStartTimeoutS}`);
  }
  const wrongUser = change.run_as === undefined ? undefined : processUserProblem(change.run_as, limits.processUsers);
  if (wrongUser !== undefined) problems.push(wrongUser);
  if (problems.length > 0) throw unprocessable(...problems);
}

/** A request to replace an instance is carried out within seconds; after this long it is forgotten. */
const RETIRE_MEMORY_MS = 3_600_000;

/** Has an instance stopped and replaced. */
export async function retireInstance(
  unit: UnitOfWork,
  process: ProcessRow,
  instanceGuid: string,
  index: number,
): Promise<void> {
  const { sql, now } = unit;
  const old = new Date(Date.parse(now) - RETIRE_MEMORY_MS).toISOString();
  await sql
    .deleteFrom('retired_instances')
    .where('process_guid', '=', process.guid)
    .where('created_at', '<', old)
    .execute();
  await sql
    .insertInto('retired_instances')
    .values({ process_guid: process.guid, instance_guid: instanceGuid, created_at: now })
    .onConflict((conflict) => conflict.column('instance_guid').doNothing())
    .execute();
  await touchVersion(unit, process);
  await auditAppOf(unit, process.app_guid, 'process.terminate_instance', {
    process_guid: process.guid,
    process_type: process.type,
    instance_guid: instanceGuid,
  });
  unit.log(process.app_guid, `Terminating process: "${process.type}", index: "${index}"`);
}
