// A process that commits rows as fast as it can and says so after each, until it is killed.
import { writeSync } from 'node:fs';
import { openDatabase } from './open-database.ts';

const db = openDatabase<{ entries: { id: number; name: string } }>(process.argv[2] ?? '');
for (let id = 1; ; id += 1) {
  await db.transaction().execute(async (trx) => {
    await trx
      .insertInto('entries')
      .values({ id: 2 * id, name: 'even' })
      .execute();
    await trx
      .insertInto('entries')
      .values({ id: 2 * id + 1, name: 'odd' })
      .execute();
  });
  writeSync(1, `${id}\n`);
}
