import { migrate, scrub } from '@slipway/database';
import type { Logger } from '@slipway/service-kit';
import { type Encrypting, migrationsWith } from '../adapters/sql/migrations.ts';
import type { Db } from '../adapters/sql/schema.ts';

/** Brings the database to the newest schema, and rids its files of secrets that older releases wrote in clear text. */
export async function prepareDatabase(db: Db, vault: Encrypting, logger: Logger): Promise<void> {
  const migrated = await migrate(db, migrationsWith(vault));
  if (migrated.length > 0) logger.info({ migrations: migrated }, 'database.migrated');
  const tables = (await db.selectFrom('unscrubbed_tables').select('name').execute()).map(({ name }) => name);
  if (tables.length === 0) return;
  await scrub(db, tables);
  await db.deleteFrom('unscrubbed_tables').execute();
  logger.info({ tables }, 'database.scrubbed');
}
