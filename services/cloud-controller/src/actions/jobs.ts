import type { JobRow } from '../adapters/sql/schema.ts';
import type { UnitOfWork } from '../adapters/sql/writer.ts';
import type { ApiError } from '../errors.ts';
import type { Platform } from './platform.ts';

/** Jobs are only asked for while their command runs. */
const JOB_MEMORY_MS = 24 * 3_600_000;

/**
 * The record of an operation that the API answers with a job. What Slipway does within one transaction is complete when
 * the answer is sent, so that the client's first poll ends it. `failure`: why it could not be done.
 */
export async function recordJob(
  { sql, now }: UnitOfWork,
  platform: Platform,
  operation: string,
  failure?: ApiError,
  warnings: readonly string[] = [],
): Promise<JobRow> {
  const old = new Date(Date.parse(now) - JOB_MEMORY_MS).toISOString();
  await sql.deleteFrom('jobs').where('created_at', '<', old).execute();
  return sql
    .insertInto('jobs')
    .values({
      guid: platform.newGuid(),
      created_at: now,
      updated_at: now,
      operation,
      state: failure === undefined ? 'COMPLETE' : 'FAILED',
      errors: JSON.stringify(failure === undefined ? [] : [failure.body]),
      warnings: JSON.stringify(warnings.map((detail) => ({ detail }))),
    })
    .returningAll()
    .executeTakeFirstOrThrow();
}
