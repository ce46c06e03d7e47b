import { isUniqueViolation } from '@slipway/database';
import { saveMetadata } from '../adapters/sql/metadata-entries.ts';
import type { AppRow } from '../adapters/sql/schema.ts';
import type { UnitOfWork } from '../adapters/sql/writer.ts';
import type { MetadataUpdate } from '../domain/metadata.ts';
import { unprocessable } from '../errors.ts';
import { requireNoDeployment } from './active-deployment.ts';
import { auditApp } from './audit.ts';
import { decryptEnvironment, encryptEnvironment, type Platform } from './platform.ts';
import { endVersion, renewVersion } from './process-versions.ts';
import { createProcess } from './processes.ts';
import { watchAppQuotas } from './quota-checks.ts';
import { requireFeature } from './require-feature.ts';
import { noteRevision } from './revisions.ts';
import { lockApp, processesOf } from './rows.ts';

export interface NewApp {
  readonly name: string;
  readonly spaceGuid: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly metadata: MetadataUpdate | undefined;
}

/** A stopped app with its web process, whose guid is the app's (cloud_controller_ng `process_create.rb`). */
export async function createApp(
  unit: UnitOfWork,
  platform: Platform,
  caller: { readonly admin: boolean },
  app: NewApp,
): Promise<AppRow> {
  const { sql, now } = unit;
  await requireFeature(sql, 'diego_docker', caller);
  const guid = platform.newGuid();
  const row = await sql
    .insertInto('apps')
    .values((eb) => ({
      guid,
      created_at: now,
      updated_at: now,
      name: app.name,
      space_guid: app.spaceGuid,
      organization_guid: eb.selectFrom('spaces').select('organization_guid').where('guid', '=', app.spaceGuid),
      desired_state: 'STOPPED',
      lifecycle_type: 'docker',
      environment_variables: encryptEnvironment(platform.vault, guid, app.environment),
      droplet_guid: null,
    }))
    .returningAll()
    .executeTakeFirstOrThrow()
    .catch((error: unknown) => {
      throw isUniqueViolation(error) ? nameTaken(app.name) : error;
    });
  await createProcess(unit, platform, { guid, appGuid: guid, type: 'web' });
  await saveMetadata(sql, 'app', guid, app.metadata);
  await auditApp(unit, row, 'create', { request: { name: row.name, lifecycle: { type: 'docker' } } });
  unit.log(guid, `Created app with guid ${guid}`);
  return row;
}

/** Throws 404, 422. */
export async function updateApp(
  unit: UnitOfWork,
  guid: string,
  change: { readonly name?: string | undefined; readonly metadata?: MetadataUpdate | undefined },
): Promise<AppRow> {
  const { sql, now } = unit;
  const before = await lockApp(unit, guid);
  const name = change.name ?? before.name;
  const row = await sql
    .updateTable('apps')
    .set({ name, updated_at: now })
    .where('guid', '=', guid)
    .returningAll()
    .executeTakeFirstOrThrow()
    .catch((error: unknown) => {
      throw isUniqueViolation(error) ? nameTaken(name) : error;
    });
  await saveMetadata(sql, 'app', guid, change.metadata);
  const request = {
    ...(change.name === undefined ? {} : { name }),
    ...(change.metadata && { metadata: change.metadata }),
  };
  await auditApp(unit, row, 'update', { request });
  const what = name === before.name ? '' : ` ({"name"=>${JSON.stringify(name)}})`;
  unit.log(guid, `Updated app with guid ${guid}${what}`);
  return row;
}

/** Null removes a variable. Takes effect at the next restart. */
export async function updateEnvironment(
  unit: UnitOfWork,
  platform: Platform,
  guid: string,
  change: Readonly<Record<string, string | null>>,
): Promise<Record<string, string>> {
  const app = await lockApp(unit, guid);
  const before = decryptEnvironment(platform.vault, guid, app.environment_variables);
  const merged = Object.entries({ ...before, ...change });
  const after = Object.fromEntries(merged.filter((entry): entry is [string, string] => entry[1] !== null));
  await unit.sql
    .updateTable('apps')
    .set({ environment_variables: encryptEnvironment(platform.vault, guid, after), updated_at: unit.now })
    .where('guid', '=', guid)
    .execute();
  await auditApp(unit, app, 'update', { request: { environment_variables: '[PRIVATE DATA HIDDEN]' } });
  unit.log(guid, `Updated app with guid ${guid} ({"environment_json"=>"[PRIVATE DATA HIDDEN]"})`);
  return after;
}

/** Throws 403 while images are switched off, 404, 422 without a droplet. */
export async function startApp(
  unit: UnitOfWork,
  platform: Platform,
  caller: { readonly admin: boolean },
  guid: string,
): Promise<AppRow> {
  const app = await lockApp(unit, guid);
  await requireStartable(unit, app, caller);
  if (app.desired_state === 'STARTED') return app;
  const withinQuotas = await watchAppQuotas(unit, app.space_guid);
  const started = await setState(unit, app, 'STARTED');
  await withinQuotas();
  await startProcesses(unit, platform, started);
  await auditApp(unit, app, 'start');
  unit.log(guid, `Starting app with guid ${guid}`);
  return started;
}

/** Throws 404. */
export async function stopApp(unit: UnitOfWork, guid: string): Promise<AppRow> {
  const app = await lockApp(unit, guid);
  if (app.desired_state === 'STOPPED') return app;
  await requireNoDeployment(unit, guid, 'StopDisabledDuringDeployment');
  const stopped = await setState(unit, app, 'STOPPED');
  for (const process of await processesOf(unit, guid)) await endVersion(unit, process);
  await auditApp(unit, app, 'stop');
  unit.log(guid, `Stopping app with guid ${guid}`);
  return stopped;
}

/** A stop and a start at once: every process gets a new version. */
export async function restartApp(
  unit: UnitOfWork,
  platform: Platform,
  caller: { readonly admin: boolean },
  guid: string,
): Promise<AppRow> {
  const app = await lockApp(unit, guid);
  await requireNoDeployment(unit, guid, 'StopDisabledDuringDeployment');
  await requireStartable(unit, app, caller);
  const withinQuotas = await watchAppQuotas(unit, app.space_guid);
  const started = await setState(unit, app, 'STARTED');
  await withinQuotas();
  await startProcesses(unit, platform, started);
  await auditApp(unit, app, 'restart');
  unit.log(guid, `Restarted app with guid ${guid}`);
  return started;
}

/** Throws 404, 422. What runs is changed by the next restart. */
export async function assignDroplet(unit: UnitOfWork, guid: string, dropletGuid: string): Promise<AppRow> {
  const app = await lockApp(unit, guid);
  const { sql, now } = unit;
  const droplet = await sql
    .selectFrom('droplets')
    .select('guid')
    .where('guid', '=', dropletGuid)
    .where('app_guid', '=', guid)
    .executeTakeFirst();
  if (droplet === undefined) {
    throw unprocessable('Unable to assign current droplet. Ensure the droplet exists and belongs to this app.');
  }
  await auditApp(unit, app, 'droplet.mapped', { request: { droplet_guid: dropletGuid } });
  unit.log(guid, `Updated app with guid ${guid} ({"droplet_guid"=>${JSON.stringify(dropletGuid)}})`);
  return sql
    .updateTable('apps')
    .set({ droplet_guid: dropletGuid, updated_at: now })
    .where('guid', '=', guid)
    .returningAll()
    .executeTakeFirstOrThrow();
}

async function startProcesses(unit: UnitOfWork, platform: Platform, app: AppRow): Promise<void> {
  const processes = await processesOf(unit, app.guid);
  await noteRevision(
    unit,
    platform,
    app,
    processes.map(({ guid }) => guid),
  );
  for (const process of processes) await renewVersion(unit, platform, app, process);
}

async function requireStartable(unit: UnitOfWork, app: AppRow, caller: { readonly admin: boolean }): Promise<void> {
  if (app.droplet_guid === null) throw unprocessable('Assign a droplet before starting this app.');
  await requireFeature(unit.sql, 'diego_docker', caller);
}

function setState({ sql, now }: UnitOfWork, app: AppRow, state: AppRow['desired_state']): Promise<AppRow> {
  return sql
    .updateTable('apps')
    .set({ desired_state: state, updated_at: now })
    .where('guid', '=', app.guid)
    .returningAll()
    .executeTakeFirstOrThrow();
}

function nameTaken(name: string): Error {
  return unprocessable(`App with the name '${name}' already exists.`);
}
