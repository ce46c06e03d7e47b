import type { Kysely } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';

/** `cause` is what went wrong; the database is as it was before. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError';
  readonly code = 'DATABASE_MIGRATION_FAILED';
}

/**
 * Brings the database to the newest schema: all pending migrations, in order of their names, in one transaction.
 * Several processes may call it at once: one migrates, the others wait (PostgreSQL's advisory lock, SQLite's write
 * lock).
 *
 * @returns the names of the migrations that ran
 * @throws MigrationError
 */
export async function migrate<DB>(db: Kysely<DB>, migrations: Readonly<Record<string, Migration>>): Promise<string[]> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => ({ ...migrations }) } });
  const { error, results } = await migrator.migrateToLatest();
  if (error !== undefined) {
    const failed = results?.find((result) => result.status === 'Error')?.migrationName;
    const what = failed === undefined ? 'cannot migrate the database' : `migration ${failed} failed`;
    const why = error instanceof Error ? error.message : String(error);
    throw new MigrationError(`${what}: ${why}`, { cause: error });
  }
  return (results ?? []).map((result) => result.migrationName);
}
