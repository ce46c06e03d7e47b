import { databaseEngine } from '@slipway/database';
import type { Selectable } from 'kysely';
import type { Database, Db, Sql } from './schema.ts';

/**
 * What happened that the bus must learn of. Rows name only what it is about; what is sent is made from the tables when
 * it is sent, so that a row may be handled twice, or late, and no secret lies in it.
 */
export type OutboxKind =
  /** Subject: a build guid. */
  | 'staging-request'
  /** Subject: Diego's process guid, whose record may have to be written or deleted. */
  | 'lrp'
  /** Subject: the guid of a task, whose record may have to be written or deleted. */
  | 'task'
  /** Subject: the guid of a droplet, whose image cells shall keep or may let go of. */
  | 'image'
  /** Subject: the key of a record of KV `network-policies`. */
  | 'network'
  /** Subject: the guid of registry credentials that a registry shall be asked about. */
  | 'registry-check'
  /** Every LRP may have changed. No subject. */
  | 'sync';

export interface OutboxRow {
  readonly id: number;
  readonly kind: OutboxKind;
  readonly subject: string;
  readonly attempts: number;
}

/** Why a row could not be handled; absent when it was. */
export type Handled = { readonly id: number; readonly error?: string };

const BATCH = 100;
const MAX_ERROR_LENGTH = 1000;
const RETRY_MIN_MS = 500;
const RETRY_MAX_MS = 60_000;

/** Part of the transaction that changes what the row is about. */
export async function addToOutbox(sql: Sql, kind: OutboxKind, subject: string, now: string): Promise<void> {
  await sql
    .insertInto('outbox')
    .values({ kind, subject, created_at: now, attempts: 0, not_before: now, last_error: null })
    .execute();
}

/**
 * Hands the oldest due rows to `handle`, drops those it handled, and puts the others off. Returns how many there were.
 * On PostgreSQL the rows stay locked meanwhile, so that several processes work side by side and none loses a row by
 * dying; on SQLite there is one process.
 */
export async function takeFromOutbox(
  db: Db,
  now: Date,
  handle: (rows: readonly OutboxRow[]) => Promise<readonly Handled[]>,
): Promise<number> {
  if (databaseEngine(db) === 'sqlite') return takeBatch(db, now, handle);
  return db.transaction().execute((trx) => takeBatch(trx, now, handle));
}

async function takeBatch(
  sql: Sql,
  now: Date,
  handle: (rows: readonly OutboxRow[]) => Promise<readonly Handled[]>,
): Promise<number> {
  const due = sql
    .selectFrom('outbox')
    .selectAll()
    .where('not_before', '<=', now.toISOString())
    .orderBy('id')
    .limit(BATCH);
  const rows = await (sql.isTransaction ? due.forUpdate().skipLocked() : due).execute();
  if (rows.length === 0) return 0;
  const handled = await handle(rows.map(toOutboxRow));
  const done = handled.filter(({ error }) => error === undefined).map(({ id }) => id);
  if (done.length > 0) await sql.deleteFrom('outbox').where('id', 'in', done).execute();
  for (const { id, error } of handled) {
    if (error === undefined) continue;
    const attempts = (rows.find((row) => row.id === id)?.attempts ?? 0) + 1;
    const wait = Math.min(RETRY_MIN_MS * 2 ** Math.min(attempts, 20), RETRY_MAX_MS);
    await sql
      .updateTable('outbox')
      .set({
        attempts,
        last_error: error.slice(0, MAX_ERROR_LENGTH),
        not_before: new Date(now.getTime() + wait).toISOString(),
      })
      .where('id', '=', id)
      .execute();
  }
  return rows.length;
}

/** Rows that wait, for metrics. */
export async function outboxDepth(sql: Sql): Promise<number> {
  const { depth } = await sql
    .selectFrom('outbox')
    .select((eb) => eb.fn.countAll<number>().as('depth'))
    .executeTakeFirstOrThrow();
  return depth;
}

/** Makes every row due, after the bus came back. */
export async function hastenOutbox(sql: Sql, now: string): Promise<void> {
  await sql.updateTable('outbox').set({ not_before: now }).where('not_before', '>', now).execute();
}

function toOutboxRow(row: Selectable<Database['outbox']>): OutboxRow {
  return { id: row.id, kind: row.kind as OutboxKind, subject: row.subject, attempts: row.attempts };
}
