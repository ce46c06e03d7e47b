import { deleteMetadata, saveMetadata } from '../adapters/sql/metadata-entries.ts';
import type { PackageRow } from '../adapters/sql/schema.ts';
import type { UnitOfWork } from '../adapters/sql/writer.ts';
import type { MetadataUpdate } from '../domain/metadata.ts';
import { purposes } from '../domain/secrets/purposes.ts';
import { notFound, unprocessable } from '../errors.ts';
import { auditApp } from './audit.ts';
import type { Platform } from './platform.ts';
import { prunePackages } from './prune.ts';
import { lockApp } from './rows.ts';

/** `cf copy-source`: the image of one app for another, with its credentials. Throws 404, 422. */
export async function copyPackage(
  unit: UnitOfWork,
  platform: Platform,
  source: PackageRow,
  appGuid: string,
): Promise<PackageRow> {
  if (source.app_guid === appGuid) throw unprocessable('Source and destination app cannot be the same');
  const { sql, now } = unit;
  const app = await lockApp(unit, appGuid);
  const guid = platform.newGuid();
  const password =
    source.password === null
      ? null
      : platform.vault.encrypt(
          platform.vault.decrypt(source.password, purposes.packagePassword(source.guid)),
          purposes.packagePassword(guid),
        );
  const { id: _, ...fields } = source;
  const row = await sql
    .insertInto('packages')
    .values({ ...fields, guid, created_at: now, updated_at: now, app_guid: appGuid, password })
    .returningAll()
    .executeTakeFirstOrThrow();
  const data = { package_guid: guid, request: { source_package_guid: source.guid } };
  await auditApp(unit, app, 'package.create', data);
  await prunePackages(unit, appGuid);
  return row;
}

export interface PackageChange {
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly metadata: MetadataUpdate | undefined;
}

/** New credentials are used from the next staging on. Throws 404. */
export async function updatePackage(
  unit: UnitOfWork,
  platform: Platform,
  before: PackageRow,
  change: PackageChange,
): Promise<PackageRow> {
  const { sql, now } = unit;
  const { guid } = before;
  const { username, password, metadata } = change;
  const app = await lockApp(unit, before.app_guid);
  await saveMetadata(sql, 'package', guid, metadata);
  const row = await sql
    .updateTable('packages')
    .set({
      updated_at: now,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password: platform.vault.encrypt(password, purposes.packagePassword(guid)) }),
    })
    .where('guid', '=', guid)
    .returningAll()
    .executeTakeFirst();
  if (row === undefined) throw notFound('Package');
  const request = {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password: '[PRIVATE DATA HIDDEN]' }),
    ...(metadata === undefined ? {} : { metadata }),
  };
  await auditApp(unit, app, 'package.update', { package_guid: guid, request });
  return row;
}

/** Its droplets stay. Throws 404, and 422 while it is being staged. */
export async function deletePackage(unit: UnitOfWork, row: Pick<PackageRow, 'guid' | 'app_guid'>): Promise<void> {
  const { sql } = unit;
  const app = await lockApp(unit, row.app_guid);
  const staging = await sql
    .selectFrom('builds')
    .select('id')
    .where('package_guid', '=', row.guid)
    .where('state', '=', 'STAGING')
    .executeTakeFirst();
  if (staging !== undefined) throw unprocessable('The package is being staged. Delete it when the build is done.');
  await deleteMetadata(sql, [row.guid]);
  await sql.deleteFrom('packages').where('guid', '=', row.guid).execute();
  await auditApp(unit, app, 'package.delete', { package_guid: row.guid });
}
