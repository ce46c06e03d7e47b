import { randomBytes } from 'node:crypto';
import { databaseEngine } from '@slipway/database';
import { deleteMetadata, saveMetadata } from '../adapters/sql/metadata-entries.ts';
import type { AppRow, ProcessRow, TaskRow } from '../adapters/sql/schema.ts';
import { LIVE_TASK_STATES } from '../adapters/sql/task-rows.ts';
import type { UnitOfWork } from '../adapters/sql/writer.ts';
import { processUserProblem } from '../domain/lrp/process-user.ts';
import { userOf } from '../domain/lrp/run-info.ts';
import { detectedCommand } from '../domain/lrp/start-command.ts';
import type { MetadataUpdate } from '../domain/metadata.ts';
import { purposes } from '../domain/secrets/purposes.ts';
import { taskProblems } from '../domain/task/task-problems.ts';
import { buildTaskSpec } from '../domain/task/task-spec.ts';
import { isTerminal, nextTaskStep, type TaskReport, type TaskStep } from '../domain/task/task-state.ts';
import { notFound, unprocessable } from '../errors.ts';
import { loadAppContext } from './app-context.ts';
import { noteTaskUsage } from './app-usage-events.ts';
import { auditApp } from './audit.ts';
import { type Platform, sealCredentials } from './platform.ts';
import { quotaProblemsOfTask } from './quota-checks.ts';
import { requireFeature } from './require-feature.ts';
import { lockApp } from './rows.ts';
import { requireSignedImage } from './signature-policies.ts';
import { sealTaskSpec } from './task-specs.ts';

/** What the user asks for; what is undefined comes from the template, or is the default. */
export interface TaskRequest {
  readonly name: string | undefined;
  readonly command: string | undefined;
  readonly user: string | null | undefined;
  readonly memoryMb: number | undefined;
  readonly diskMb: number | undefined;
  readonly logRateBytesPerSecond: number | undefined;
  readonly dropletGuid: string | undefined;
  readonly templateProcessGuid: string | undefined;
  readonly metadata: MetadataUpdate | undefined;
}

/** Throws 403 where a feature is off, 404 for a template or a droplet that is not there, 422. */
export async function createTask(
  unit: UnitOfWork,
  platform: Platform,
  appGuid: string,
  request: TaskRequest,
  caller: { readonly admin: boolean },
): Promise<TaskRow> {
  const { sql, now } = unit;
  await requireFeature(sql, 'task_creation', caller);
  await requireFeature(sql, 'diego_docker', caller);
  const { limits } = platform;
  const app = await lockApp(unit, appGuid);
  const dropletGuid = await dropletOf(unit, app, request.dropletGuid);
  if (request.diskMb !== undefined && request.diskMb > limits.maximumDiskMb) {
    throw unprocessable(`Cannot request disk_in_mb greater than ${limits.maximumDiskMb}`);
  }
  const template = await templateOf(unit, app, request.templateProcessGuid);
  const context = await loadAppContext(unit, platform, app, dropletGuid);
  requireSignedImage(context.image, context.signaturePolicy);
  const { execution } = context;
  const guid = platform.newGuid();
  const user = request.user === undefined ? (template?.run_as ?? null) : request.user;
  const command = request.command ?? (template === undefined ? undefined : commandOf(template, execution));
  const wish = {
    guid,
    // Cloud Foundry's form of a name that nobody gave.
    name: request.name ?? randomBytes(4).toString('hex'),
    createdAt: now,
    user,
    memoryMb: request.memoryMb ?? template?.memory_mb ?? limits.defaultMemoryMb,
    diskMb: request.diskMb ?? template?.disk_mb ?? limits.defaultDiskMb,
    logRateBytesPerSecond:
      request.logRateBytesPerSecond ?? template?.log_rate_bytes_per_second ?? limits.defaultLogRateBytesPerSecond,
    version: platform.newGuid(),
  };
  const userProblem = processUserProblem(user, limits.processUsers);
  const problems = [
    ...taskProblems({ name: wish.name, command }),
    ...(await quotaProblemsOfTask(unit, app.space_guid, wish)),
    ...(userProblem === undefined ? [] : [userProblem]),
  ];
  if (problems.length > 0 || command === undefined) throw unprocessable(...problems);
  const credentials = sealCredentials(
    platform.vault,
    context.droplet,
    purposes.dropletPassword(context.droplet.guid),
    platform.cellPublicKey,
  );
  const uris = [...new Set(context.destinations.map(({ url }) => url))];
  const result = buildTaskSpec({ ...context, app, task: { ...wish, command }, credentials, uris });
  if (result.outcome === 'rejected') throw unprocessable(result.reason);
  const sequenceId = app.last_task_sequence_id + 1;
  await sql.updateTable('apps').set({ last_task_sequence_id: sequenceId }).where('guid', '=', app.guid).execute();
  const row = await sql
    .insertInto('tasks')
    .values({
      guid,
      created_at: now,
      updated_at: now,
      app_guid: app.guid,
      sequence_id: sequenceId,
      name: wish.name,
      state: 'PENDING',
      command: platform.vault.encrypt(command, purposes.taskCommand(guid)),
      run_as: userOf(user, execution),
      memory_mb: wish.memoryMb,
      disk_mb: wish.diskMb,
      log_rate_bytes_per_second: wish.logRateBytesPerSecond,
      droplet_guid: dropletGuid,
      failure_reason: null,
      cell_id: null,
      spec: sealTaskSpec(platform, result.spec),
      sealed_to: platform.cellPublicKey,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  await saveMetadata(sql, 'task', guid, request.metadata);
  await noteTaskUsage(unit, row, 'TASK_STARTED');
  await auditTask(unit, app, row, 'create');
  await unit.announce('task', guid);
  return row;
}

/** It ends when its cell has ended it, or at once when it has none. Throws 404, and 422 when it has ended already. */
export async function cancelTask(unit: UnitOfWork, guid: string): Promise<TaskRow> {
  const before = await lockTask(unit, guid);
  if (before === undefined) throw notFound('Task');
  if (isTerminal(before.state)) {
    throw unprocessable(`Task state is ${before.state} and therefore cannot be canceled`);
  }
  const app = await unit.sql
    .selectFrom('apps')
    .selectAll()
    .where('guid', '=', before.app_guid)
    .executeTakeFirstOrThrow();
  const row = await unit.sql
    .updateTable('tasks')
    .set({ state: 'CANCELING', updated_at: unit.now })
    .where('guid', '=', guid)
    .returningAll()
    .executeTakeFirstOrThrow();
  await auditTask(unit, app, row, 'cancel');
  await unit.announce('task', guid);
  return row;
}

/** What becomes of a task by what is said of it. */
export async function settleTask(unit: UnitOfWork, guid: string, report: TaskReport): Promise<TaskStep> {
  const row = await lockTask(unit, guid);
  if (row === undefined) return { kind: 'none' };
  const step = nextTaskStep({ state: row.state, cellId: row.cell_id }, report);
  if (step.kind === 'give') {
    await unit.sql
      .updateTable('tasks')
      .set({ state: 'RUNNING', cell_id: step.cellId, updated_at: unit.now })
      .where('guid', '=', guid)
      .execute();
    await unit.announce('task', guid);
  }
  if (step.kind === 'finish') await finishTask(unit, row, step);
  return step;
}

/** What it was made of is forgotten with its end: it holds secrets. */
export async function finishTask(unit: UnitOfWork, row: TaskRow, step: TaskStep): Promise<void> {
  if (step.kind !== 'finish') return;
  const { numUpdatedRows } = await unit.sql
    .updateTable('tasks')
    .set({
      state: step.failed ? 'FAILED' : 'SUCCEEDED',
      failure_reason: step.failed ? (step.reason ?? 'unknown') : null,
      spec: null,
      updated_at: unit.now,
    })
    .where('guid', '=', row.guid)
    .where('state', 'in', LIVE_TASK_STATES)
    .executeTakeFirst();
  if (numUpdatedRows > 0n) await noteTaskUsage(unit, row, 'TASK_STOPPED');
  await unit.announce('task', row.guid);
}

/** With their app: what runs is ended by its cell, for it is no longer desired. */
export async function deleteTasksOf(unit: UnitOfWork, app: AppRow): Promise<void> {
  const { sql } = unit;
  const rows = await sql.selectFrom('tasks').selectAll().where('app_guid', '=', app.guid).execute();
  if (rows.length === 0) return;
  for (const row of rows) {
    if (row.state === 'RUNNING') await auditTask(unit, app, row, 'cancel');
    if (isTerminal(row.state)) continue;
    await noteTaskUsage(unit, row, 'TASK_STOPPED');
    await unit.announce('task', row.guid);
  }
  await deleteMetadata(
    sql,
    rows.map(({ guid }) => guid),
  );
  await sql.deleteFrom('tasks').where('app_guid', '=', app.guid).execute();
}

/** Those that ended before a time. Returns how many there were. */
export async function pruneTasks({ sql }: UnitOfWork, before: string): Promise<number> {
  const rows = await sql
    .selectFrom('tasks')
    .select('guid')
    .where('state', 'in', ['SUCCEEDED', 'FAILED'])
    .where('updated_at', '<', before)
    .execute();
  if (rows.length === 0) return 0;
  const guids = rows.map(({ guid }) => guid);
  await deleteMetadata(sql, guids);
  await sql.deleteFrom('tasks').where('guid', 'in', guids).execute();
  return guids.length;
}

/** On PostgreSQL its row is locked, so that of two reports the first counts. */
function lockTask({ sql }: UnitOfWork, guid: string): Promise<TaskRow | undefined> {
  const query = sql.selectFrom('tasks').selectAll().where('guid', '=', guid);
  return (databaseEngine(sql) === 'postgres' ? query.forUpdate() : query).executeTakeFirst();
}

async function dropletOf({ sql }: UnitOfWork, app: AppRow, asked: string | undefined): Promise<string> {
  if (asked === undefined) {
    if (app.droplet_guid === null) {
      throw unprocessable('Task must have a droplet. Specify droplet or assign current droplet to app.');
    }
    return app.droplet_guid;
  }
  const row = await sql
    .selectFrom('droplets')
    .select('guid')
    .where('guid', '=', asked)
    .where('app_guid', '=', app.guid)
    .executeTakeFirst();
  if (row === undefined) throw notFound('Droplet');
  return row.guid;
}

async function templateOf({ sql }: UnitOfWork, app: AppRow, guid: string | undefined): Promise<ProcessRow | undefined> {
  if (guid === undefined) return undefined;
  const row = await sql
    .selectFrom('processes')
    .selectAll()
    .where('guid', '=', guid)
    .where('app_guid', '=', app.guid)
    .executeTakeFirst();
  if (row === undefined) throw notFound('Process');
  return row;
}

function commandOf(process: ProcessRow, image: Parameters<typeof detectedCommand>[0]): string {
  return process.command === null || process.command === '' ? detectedCommand(image) : process.command;
}

/** Commands may hold secrets. */
function auditTask(unit: UnitOfWork, app: AppRow, row: TaskRow, what: 'create' | 'cancel'): Promise<void> {
  return auditApp(unit, app, `task.${what}`, {
    task_guid: row.guid,
    request: { name: row.name, memory_in_mb: row.memory_mb, command: '[PRIVATE DATA HIDDEN]' },
  });
}
