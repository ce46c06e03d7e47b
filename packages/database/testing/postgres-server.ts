import { postgresPrograms, startPostgres } from '@slipway/testing';

/**
 * Vitest's global setup of the projects that test with a database. Workers inherit TEST_POSTGRES_URL: what was set
 * before stays (the server of somebody else, or empty for SQLite alone), so that one server serves all projects of a run.
 */
export async function setup(): Promise<(() => Promise<void>) | undefined> {
  if (process.env.TEST_POSTGRES_URL !== undefined) return undefined;
  if (postgresPrograms() === undefined) {
    console.log('SKIPPED on PostgreSQL: set TEST_POSTGRES_URL to a server of yours, or "apt-get install postgresql".');
    process.env.TEST_POSTGRES_URL = '';
    return undefined;
  }
  const postgres = await startPostgres();
  process.env.TEST_POSTGRES_URL = postgres.url;
  return async () => {
    delete process.env.TEST_POSTGRES_URL;
    await postgres.stop();
  };
}
