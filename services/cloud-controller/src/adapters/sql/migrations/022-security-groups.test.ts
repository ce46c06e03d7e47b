import { migrate, openDatabase } from '@slipway/database';
import { describe, expect, test } from 'vitest';
import { engines } from '../../../../testing/test-database.ts';
import { migrationsWith } from '../migrations.ts';
import type { Database } from '../schema.ts';

const all = migrationsWith({ encrypt: () => 'none' });
const time = '2026-01-01T00:00:00.000Z';
const row = { created_at: time, updated_at: time };

describe.each(engines)('on $engine', ({ create }) => {
  test.each([
    ['a new platform', false, ['public_networks', 'dns']],
    ['one that had spaces before', true, ['public_networks', 'dns', 'private_networks']],
  ])('%s begins with groups that hold for all, so that its apps reach what they reached', async (_, used, names) => {
    const database = await create();
    const db = openDatabase<Database>(database.url);
    try {
      await migrate(db, Object.fromEntries(Object.entries(all).filter(([name]) => name < '022')));
      if (used) {
        const quota = { ...row, guid: 'quota', name: 'default', limits: '{}' };
        await db.insertInto('organization_quotas').values(quota).execute();
        const organization = { ...row, guid: 'org', name: 'org', suspended: 0, quota_guid: 'quota' } as const;
        await db.insertInto('organizations').values(organization).execute();
        const space = { ...row, guid: 'space', name: 'space', organization_guid: 'org' };
        await db.insertInto('spaces').values(space).execute();
      }
      await migrate(db, all);
      const groups = await db.selectFrom('security_groups').selectAll().orderBy('id').execute();
      expect(groups.map(({ name }) => name)).toEqual(names);
      expect(groups.every((group) => group.globally_running === 1 && group.globally_staging === 1)).toBe(true);
    } finally {
      await db.destroy();
      await database.remove();
    }
  });
});
