import { deleteMetadata, saveMetadata } from '../adapters/sql/metadata-entries.ts';
import type { UserRow } from '../adapters/sql/schema.ts';
import type { UnitOfWork } from '../adapters/sql/writer.ts';
import type { MetadataUpdate } from '../domain/metadata.ts';
import { notFound } from '../errors.ts';
import { auditResource, auditRole } from './audit.ts';

/** Undefined when there is a user of that guid already. */
export async function createUser(
  unit: UnitOfWork,
  user: { readonly guid: string; readonly name: string },
): Promise<UserRow | undefined> {
  const { sql, now } = unit;
  const { guid } = user;
  const row = await sql
    .insertInto('users')
    .values({ guid, created_at: now, updated_at: now })
    .onConflict((conflict) => conflict.column('guid').doNothing())
    .returningAll()
    .executeTakeFirst();
  if (row !== undefined) await auditResource(unit, 'user', 'create', user);
  return row;
}

/** Throws 404. */
export async function updateUser(
  unit: UnitOfWork,
  user: { readonly guid: string; readonly name: string },
  metadata: MetadataUpdate | undefined,
): Promise<UserRow> {
  const { sql, now } = unit;
  await saveMetadata(sql, 'user', user.guid, metadata);
  const row = await sql
    .updateTable('users')
    .set({ updated_at: now })
    .where('guid', '=', user.guid)
    .returningAll()
    .executeTakeFirst();
  if (row === undefined) throw notFound('User');
  await auditResource(unit, 'user', 'update', user, { data: { request: { metadata } } });
  return row;
}

/** A user with all of its roles. The account is uaa's, and stays. */
export async function deleteUser(
  unit: UnitOfWork,
  user: { readonly guid: string; readonly name: string },
): Promise<void> {
  const { sql } = unit;
  const roles = await sql.deleteFrom('roles').where('user_guid', '=', user.guid).returningAll().execute();
  for (const role of roles) await auditRole(unit, role, 'remove', user.name);
  await deleteMetadata(sql, [user.guid]);
  await sql.deleteFrom('users').where('guid', '=', user.guid).execute();
  await auditResource(unit, 'user', 'delete-request', user);
}
