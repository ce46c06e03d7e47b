import { randomBytes } from 'node:crypto';
import { migrate, openDatabase } from '@slipway/database';
import { createLogger, Secret } from '@slipway/service-kit';
import { type Kysely, sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import { engines, rawContent } from '../../testing/test-database.ts';
import { migrationsWith } from '../adapters/sql/migrations.ts';
import type { Database, Db } from '../adapters/sql/schema.ts';
import { Vault } from '../adapters/vault.ts';
import { purposes } from '../domain/secrets/purposes.ts';
import { prepareDatabase } from './prepare-database.ts';

const logger = createLogger('test', 'silent');
const CANARY = 'canary-of-an-old-release';

/** A database as it was before environments were sealed, with one app that runs. */
async function oldDatabase(db: Db): Promise<void> {
  const all = migrationsWith({ encrypt: () => 'none' });
  await migrate(db, Object.fromEntries(Object.entries(all).filter(([name]) => name < '010')));
  const time = '2026-01-01T00:00:00.000Z';
  const insert = async (table: string, row: Record<string, unknown>): Promise<void> => {
    const times = { created_at: time, updated_at: time };
    const untyped = db as unknown as Kysely<Record<string, Record<string, unknown>>>;
    await untyped
      .insertInto(table)
      .values(table === 'run_infos' ? row : { ...times, ...row })
      .execute();
  };
  await insert('organization_quotas', { guid: 'quota', name: 'default', limits: '{}' });
  await insert('organizations', { guid: 'org', name: 'org', suspended: 0, quota_guid: 'quota' });
  await insert('spaces', { guid: 'space', name: 'space', organization_guid: 'org' });
  const app = { name: 'app-of-old', space_guid: 'space', desired_state: 'STARTED', lifecycle_type: 'docker' };
  await insert('apps', { guid: 'app', ...app, environment_variables: 'v1.sealed' });
  const sizes = { instances: 1, memory_mb: 1, disk_mb: 1, log_rate_bytes_per_second: -1, version: 'v' };
  const checks = { health_check_type: 'port', readiness_type: 'process' };
  await insert('processes', { guid: 'process', app_guid: 'app', type: 'web', ...sizes, ...checks });
  const execution = { entrypoint: ['/run'], cmd: [], env: [`IMAGE=${CANARY}`], workdir: '', user: '', ports: [] };
  const droplet = { app_guid: 'app', state: 'STAGED', image: '{}', execution: JSON.stringify(execution) };
  await insert('droplets', { guid: 'droplet', ...droplet });
  const runInfo = JSON.stringify({ environment: [`SECRET=${CANARY}`], padding: 'x'.repeat(5_000) });
  const runs = { process_guid: 'process', version: 'v', droplet_guid: 'droplet', sealed_to: 'key' };
  await insert('run_infos', { ...runs, run_info: runInfo });
  // What older versions left in the pages of the file.
  for (const text of [`OLDER=${CANARY}`, runInfo]) await sql`update run_infos set run_info = ${text}`.execute(db);
}

describe.each(engines)('on $engine', ({ create }) => {
  test('environments that an older release left in clear text are sealed, and gone from the files', async () => {
    const database = await create();
    const db = openDatabase<Database>(database.url);
    try {
      await oldDatabase(db);
      expect(await rawContent(db, database)).toContain(CANARY);
      const vault = new Vault(new Secret(randomBytes(32)));
      await prepareDatabase(db, vault, logger);
      const raw = await rawContent(db, database);
      expect(raw).not.toContain(CANARY);
      expect(raw).toContain('app-of-old');
      const droplet = await db.selectFrom('droplets').selectAll().executeTakeFirstOrThrow();
      const sealed = droplet.image_environment;
      expect(JSON.parse(vault.decrypt(sealed, purposes.imageEnvironment('droplet')))).toEqual([`IMAGE=${CANARY}`]);
      expect(JSON.parse(droplet.execution)).toMatchObject({ entrypoint: ['/run'], ports: [] });
      const run = await db.selectFrom('run_infos').selectAll().executeTakeFirstOrThrow();
      expect(vault.decrypt(run.run_info, purposes.runInfo('process'))).toContain(`SECRET=${CANARY}`);
      expect(await db.selectFrom('unscrubbed_tables').selectAll().execute()).toEqual([]);
      expect(await db.selectFrom('apps').select('organization_guid').execute()).toEqual([{ organization_guid: 'org' }]);
    } finally {
      await db.destroy();
      await database.remove();
    }
  });
});
