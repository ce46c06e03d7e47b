import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import { useApi } from '../../testing/api-suite.ts';
import { errorOf } from '../../testing/client.ts';
import { engines } from '../../testing/test-database.ts';

describe.each(engines)('on a full disk, with $engine', ({ engine, create }) => {
  const suite = useApi(create);

  /** PostgreSQL's own disk cannot be filled here; its error can be had as it would come. */
  const fill = async (): Promise<void> => {
    const { db } = suite.api;
    if (engine === 'sqlite') {
      await sql`pragma max_page_count = 1`.execute(db);
      return;
    }
    await sql`create function full_disk() returns trigger language plpgsql
      as $$ begin raise exception 'no space left on device' using errcode = '53100'; end $$`.execute(db);
    await sql`create trigger full_disk before insert on organizations execute function full_disk()`.execute(db);
  };

  test('a change is answered with what is the matter and not made, and reading goes on', async () => {
    const organizations = async (): Promise<number> =>
      (await suite.api.admin.get('/v3/organizations')).body.pagination.total_results;
    const before = await organizations();
    await fill();
    const metadata = { annotations: { long: 'x'.repeat(5_000), longer: 'y'.repeat(5_000) } };
    const answer = await suite.api.admin.post('/v3/organizations', { name: 'one-too-many', metadata });
    expect(errorOf(answer)).toEqual({
      status: 503,
      code: 10015,
      title: 'CF-ServiceUnavailable',
      detail: 'The disk of the platform is full: nothing was changed. An operator must make room.',
    });
    expect(await organizations()).toBe(before);
  });
});
