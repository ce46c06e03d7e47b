import type { Logger } from '@slipway/service-kit';
import { type RawBuilder, sql } from 'kysely';
import type { Platform } from '../actions/platform.ts';
import type { Db } from '../adapters/sql/schema.ts';
import { type SealedColumn, sealedColumns } from '../domain/secrets/purposes.ts';

/** Rows that are looked at between two chances for others to use the database. */
const PAGE = 200;

/**
 * Seals everything with the present key that was sealed with another one. What no key opens stays as it is, and is
 * counted: its requests fail until the key is there. Returns how many secrets were sealed anew.
 */
export async function rotateEncryptionKey(db: Db, { vault }: Pick<Platform, 'vault'>, logger: Logger): Promise<number> {
  let rotated = 0;
  let unopened = 0;
  for (const column of sealedColumns) {
    for await (const { key, sealed } of sealedOtherwise(db, column, vault.prefix)) {
      const purpose = column.purpose(key);
      let plaintext: string;
      try {
        plaintext = vault.decrypt(sealed, purpose);
      } catch (error) {
        if (unopened++ === 0) logger.error({ err: error, purpose }, 'secrets.cannot-open');
        continue;
      }
      // Somebody may have changed it meanwhile, and has then sealed it with the present key.
      const { table, value, id } = references(column);
      const update = sql`update ${table} set ${value} = ${vault.encrypt(plaintext, purpose)}`;
      await sql`${update} where ${id} = ${key} and ${value} = ${sealed}`.execute(db);
      rotated++;
    }
  }
  if (rotated > 0) logger.info({ rotated }, 'secrets.rotated');
  if (unopened > 0) logger.error({ unopened }, 'secrets.sealed-with-an-unknown-key');
  return rotated;
}

async function* sealedOtherwise(
  db: Db,
  column: SealedColumn,
  prefix: string,
): AsyncGenerator<{ readonly key: string; readonly sealed: string }> {
  const { table, value, id } = references(column);
  for (let after = ''; ; ) {
    const { rows } = await sql<{ key: string; sealed: string }>`
      select ${id} as key, ${value} as sealed from ${table}
      where ${id} > ${after} and ${value} not like ${`${prefix}%`}
      order by ${id} limit ${PAGE}`.execute(db);
    const last = rows.at(-1);
    if (last === undefined) return;
    yield* rows;
    after = last.key;
  }
}

function references({
  table,
  column,
  key,
}: SealedColumn): Readonly<Record<'table' | 'value' | 'id', RawBuilder<unknown>>> {
  return { table: sql.table(table), value: sql.ref(column), id: sql.ref(key) };
}
