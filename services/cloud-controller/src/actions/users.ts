import { deleteMetadata } from '../adapters/sql/metadata-entries.ts';
import type { UserRow } from '../adapters/sql/schema.ts';
import type { UnitOfWork } from '../adapters/sql/writer.ts';

/** Undefined when there is a user of that guid already. */
export function createUser({ sql, now }: UnitOfWork, guid: string): Promise<UserRow | undefined> {
  return sql
    .insertInto('users')
    .values({ guid, created_at: now, updated_at: now })
    .onConflict((conflict) => conflict.column('guid').doNothing())
    .returningAll()
    .executeTakeFirst();
}

/** A user with all of its roles. The account is uaa's, and stays. */
export async function deleteUser({ sql }: UnitOfWork, guid: string): Promise<void> {
  await sql.deleteFrom('roles').where('user_guid', '=', guid).execute();
  await deleteMetadata(sql, [guid]);
  await sql.deleteFrom('users').where('guid', '=', guid).execute();
}
