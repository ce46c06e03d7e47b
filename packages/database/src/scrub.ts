import { type Kysely, sql } from 'kysely';
import { databaseEngine } from './engine.ts';

/**
 * Rids the files of a database of what was overwritten or deleted: both engines keep old rows in their pages until they
 * are needed. Rewrites `tables` (SQLite: everything), so it is for the rare case that a secret was there. Not inside a
 * transaction.
 */
export async function scrub<DB>(db: Kysely<DB>, tables: readonly string[]): Promise<void> {
  if (databaseEngine(db) === 'postgres') {
    for (const table of tables) await sql`vacuum full ${sql.table(table)}`.execute(db);
    return;
  }
  await sql`vacuum`.execute(db);
  // Until then the old pages are in the file, and copies of them in the log.
  await sql`pragma wal_checkpoint(truncate)`.execute(db);
}
