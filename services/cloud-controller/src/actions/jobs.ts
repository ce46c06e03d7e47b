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
export function recordJob(
  unit: UnitOfWork,
  platform: Platform,
  operation: string,
  failure?: ApiError,
  warnings: readonly string[] = [],
): Promise<JobRow> {
  return insertJob(unit, platform, operation, endOf(failure), warnings);
}

/** The record of an operation that goes on after the answer is sent: `finishJob` ends it. */
export function startJob(unit: UnitOfWork, platform: Platform, operation: string): Promise<JobRow> {
  return insertJob(unit, platform, operation, { state: 'PROCESSING', errors: '[]' }, []);
}

/** `failure`: why it could not be done. */
export async function finishJob({ sql, now }: UnitOfWork, guid: string, failure?: ApiError): Promise<void> {
  await sql
    .updateTable('jobs')
    .set({ ...endOf(failure), updated_at: now })
    .where('guid', '=', guid)
    .execute();
}

function endOf(failure: ApiError | undefined): Pick<JobRow, 'state' | 'errors'> {
  return failure === undefined
    ? { state: 'COMPLETE', errors: '[]' }
    : { state: 'FAILED', errors: JSON.stringify([failure.body]) };
}

async function insertJob(
  { sql, now }: UnitOfWork,
  platform: Platform,
  operation: string,
  outcome: Pick<JobRow, 'state' | 'errors'>,
  warnings: readonly string[],
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
      ...outcome,
      warnings: JSON.stringify(warnings.map((detail) => ({ detail }))),
    })
    .returningAll()
    .executeTakeFirstOrThrow();
}
