import { deleteMetadata } from '../adapters/sql/metadata-entries.ts';
import type { AppRow, RevisionRow, Sql } from '../adapters/sql/schema.ts';
import type { UnitOfWork } from '../adapters/sql/writer.ts';
import type { SidecarSettings } from '../domain/lrp/sidecars.ts';
import { type AppVersion, describeChange } from '../domain/revisions/describe-change.ts';
import { purposes } from '../domain/secrets/purposes.ts';
import { unprocessable } from '../errors.ts';
import { auditApp } from './audit.ts';
import { decryptEnvironment, type Platform } from './platform.ts';
import { processesOf } from './rows.ts';
import { settingsOf, sidecarsOf } from './sidecars.ts';

/** Cloud Foundry's `max_retained_revisions_per_app`. */
const MAX_REVISIONS = 100;

/**
 * Called when an app's processes are about to be started: notes what they are started as, if that is not what was
 * started last, and that it is this that they run. `rolledBackTo` names the revision that was asked for. Without a
 * droplet, or with revisions switched off, nothing is noted.
 */
export async function noteRevision(
  unit: UnitOfWork,
  platform: Platform,
  app: AppRow,
  processGuids: readonly string[],
  rolledBackTo?: RevisionRow,
): Promise<RevisionRow | undefined> {
  const now = await currentVersion(unit, platform, app);
  const revision = now === undefined ? undefined : await findOrInsert(unit, platform, app, now, rolledBackTo);
  if (processGuids.length > 0) {
    await unit.sql
      .updateTable('processes')
      .set({ revision_guid: revision?.guid ?? null })
      .where('guid', 'in', processGuids)
      .execute();
  }
  return revision;
}

async function findOrInsert(
  unit: UnitOfWork,
  platform: Platform,
  app: AppRow,
  now: AppVersion,
  rolledBackTo: RevisionRow | undefined,
): Promise<RevisionRow | undefined> {
  if (app.revisions_enabled === 0) return undefined;
  const latest = await latestRevision(unit.sql, app.guid);
  const changes = latest === undefined ? ['Initial revision.'] : describeChange(versionOf(platform, latest), now);
  if (latest !== undefined && changes.length === 0) return latest;
  const guid = platform.newGuid();
  const reasons =
    rolledBackTo === undefined ? changes : [...changes, `Rolled back to revision ${rolledBackTo.version}.`];
  const row = await unit.sql
    .insertInto('revisions')
    .values({
      guid,
      created_at: unit.now,
      updated_at: unit.now,
      app_guid: app.guid,
      version: (latest?.version ?? 0) + 1,
      droplet_guid: now.dropletGuid,
      environment_variables: platform.vault.encrypt(
        JSON.stringify(now.environment),
        purposes.revisionEnvironment(guid),
      ),
      commands: JSON.stringify(now.commands),
      sidecars: JSON.stringify(now.sidecars),
      description: reasons.join(' '),
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  unit.log(app.guid, `Creating revision for app with guid ${app.guid}`);
  await auditApp(unit, app, 'revision.create', { revision_guid: guid, revision_version: row.version });
  await forgetOldest(unit, app.guid, row.version - MAX_REVISIONS);
  return row;
}

export function latestRevision(sql: Sql, appGuid: string): Promise<RevisionRow | undefined> {
  return sql
    .selectFrom('revisions')
    .selectAll()
    .where('app_guid', '=', appGuid)
    .orderBy('version', 'desc')
    .limit(1)
    .executeTakeFirst();
}

async function forgetOldest({ sql }: UnitOfWork, appGuid: string, upTo: number): Promise<void> {
  const old = await sql
    .selectFrom('revisions')
    .select('guid')
    .where('app_guid', '=', appGuid)
    .where('version', '<=', upTo)
    .execute();
  if (old.length === 0) return;
  const guids = old.map(({ guid }) => guid);
  await deleteMetadata(sql, guids);
  await sql.deleteFrom('revisions').where('guid', 'in', guids).execute();
}

/** What an app would be started as now. */
async function currentVersion(unit: UnitOfWork, platform: Platform, app: AppRow): Promise<AppVersion | undefined> {
  if (app.droplet_guid === null) return undefined;
  // Of several processes of a type, as during a deployment, the newest counts.
  const commands = Object.fromEntries((await processesOf(unit, app.guid)).map(({ type, command }) => [type, command]));
  const environment = decryptEnvironment(platform.vault, app.guid, app.environment_variables);
  const sidecars = (await sidecarsOf(unit.sql, app.guid)).map(settingsOf);
  return { dropletGuid: app.droplet_guid, environment, commands, sidecars };
}

export function versionOf(platform: Platform, revision: RevisionRow): AppVersion {
  return {
    dropletGuid: revision.droplet_guid,
    environment: revisionEnvironment(platform, revision),
    commands: JSON.parse(revision.commands) as Record<string, string | null>,
    sidecars: JSON.parse(revision.sidecars) as SidecarSettings[],
  };
}

export function revisionEnvironment({ vault }: Platform, revision: RevisionRow): Record<string, string> {
  const text = vault.decrypt(revision.environment_variables, purposes.revisionEnvironment(revision.guid));
  return JSON.parse(text) as Record<string, string>;
}

/** The revision that an app shall go back to. Throws 422 when it cannot, or when that would change nothing. */
export async function revisionToDeploy(
  { sql }: UnitOfWork,
  platform: Platform,
  app: AppRow,
  guid: string,
): Promise<RevisionRow> {
  const revision = await sql
    .selectFrom('revisions')
    .selectAll()
    .where('guid', '=', guid)
    .where('app_guid', '=', app.guid)
    .executeTakeFirst();
  if (revision === undefined) throw unprocessable('The revision does not exist');
  const droplet = await sql
    .selectFrom('droplets')
    .select('guid')
    .where('guid', '=', revision.droplet_guid)
    .executeTakeFirst();
  if (droplet === undefined) {
    throw unprocessable('Unable to deploy this revision, the droplet for this revision no longer exists.');
  }
  const latest = await latestRevision(sql, app.guid);
  if (latest !== undefined && describeChange(versionOf(platform, latest), versionOf(platform, revision)).length === 0) {
    throw unprocessable(
      'Unable to rollback. The code and configuration you are rolling back to is the same as the deployed revision.',
    );
  }
  return revision;
}
