import type { Actor } from '../adapters/sql/actor.ts';
import { currentActor, runAs } from '../adapters/sql/actor.ts';
import type { JobRow, RegistryCredentialsRow } from '../adapters/sql/schema.ts';
import type { UnitOfWork } from '../adapters/sql/writer.ts';
import { type CheckOutcome, decideVerification } from '../domain/registry-credentials/verification.ts';
import { purposes } from '../domain/secrets/purposes.ts';
import { ApiError } from '../errors.ts';
import { finishJob, startJob } from './jobs.ts';
import type { Platform } from './platform.ts';
import { auditCredentials, inUse, lockCredentials, nothingOffered } from './registry-credential-columns.ts';

/** A registry that does not answer is asked several times before it is called down. */
const CHECK_TIMEOUT_MS = 60_000;
/** Room for what registries say of themselves. */
const MAX_DETAIL = 4_000;

const noCheck = { check_guid: null, check_deadline: null, check_job_guid: null, check_actor: null };

/** Has a stager ask the registry. The answer to an earlier question does not count any more. */
export async function beginCheck(
  unit: UnitOfWork,
  platform: Platform,
  before: RegistryCredentialsRow,
  operation: string,
): Promise<{ readonly row: RegistryCredentialsRow; readonly job: JobRow }> {
  const { sql, now } = unit;
  await abandonCheck(unit, before, 'a later request took the place of this one');
  const job = await startJob(unit, platform, operation);
  const row = await sql
    .updateTable('registry_credentials')
    .set({
      verification_state: 'pending',
      verification_at: null,
      verification_code: null,
      verification_detail: null,
      check_guid: platform.newGuid(),
      check_deadline: new Date(Date.parse(now) + CHECK_TIMEOUT_MS).toISOString(),
      check_job_guid: job.guid,
      check_actor: JSON.stringify(currentActor()),
    })
    .where('guid', '=', before.guid)
    .returningAll()
    .executeTakeFirstOrThrow();
  await unit.announce('registry-check', before.guid);
  return { row, job };
}

/** Nobody waits for the answer any more. */
export async function abandonCheck(unit: UnitOfWork, row: RegistryCredentialsRow, why: string): Promise<void> {
  if (row.check_job_guid === null) return;
  const failure = new ApiError('RegistryCredentialsNotVerified', `Not verified: ${why}`);
  await finishJob(unit, row.check_job_guid, failure);
}

/** Takes an answer. One to a question that nobody waits for is ignored; says whether it was taken. */
export async function finishCheck(
  unit: UnitOfWork,
  platform: Platform,
  answer: CheckOutcome & { readonly checkGuid: string },
): Promise<boolean> {
  const { sql, now } = unit;
  const asked = await sql
    .selectFrom('registry_credentials')
    .select('guid')
    .where('check_guid', '=', answer.checkGuid)
    .executeTakeFirst();
  const row = asked === undefined ? undefined : await lockCredentials(unit, asked.guid);
  if (row?.check_guid !== answer.checkGuid) return false;
  const waiting = { offered: row.offered_password !== null, inUse: row.password !== null };
  const { state, code, detail, offered } = decideVerification(waiting, answer);
  const applied = offered === 'apply' && row.offered_password !== null;
  await sql
    .updateTable('registry_credentials')
    .set({
      verification_state: state,
      verification_at: now,
      verification_code: code,
      verification_detail: detail.slice(0, MAX_DETAIL),
      ...noCheck,
      ...(applied ? inUse(platform, row.guid, openOffered(platform, row)) : {}),
      ...(offered === 'forget' ? nothingOffered : {}),
      updated_at: now,
    })
    .where('guid', '=', row.guid)
    .execute();
  if (applied) await unit.announce('sync', '');
  const failure = new ApiError('RegistryCredentialsNotVerified', detail.slice(0, MAX_DETAIL));
  if (row.check_job_guid !== null) {
    await finishJob(unit, row.check_job_guid, state === 'verified' ? undefined : failure);
  }
  const what = state === 'verified' ? 'verified' : 'verification-failed';
  await runAs(askerOf(row), () => auditCredentials(unit, row, what, { code, detail, applied }));
  return true;
}

/** Ends the questions that no stager answered in time. Returns how many. */
export async function failExpiredChecks(unit: UnitOfWork, platform: Platform, before: string): Promise<number> {
  const expired = await unit.sql
    .selectFrom('registry_credentials')
    .select('check_guid')
    .where('check_deadline', '<', before)
    .execute();
  const detail = `no stager answered within ${CHECK_TIMEOUT_MS / 1_000} s whether the registry takes them`;
  for (const { check_guid: checkGuid } of expired) {
    if (checkGuid === null) continue;
    await finishCheck(unit, platform, { checkGuid, outcome: 'unanswered', code: 'REGISTRY_CHECK_DEADLINE', detail });
  }
  return expired.length;
}

/** Asks every open question again: the bus may have lost it or its answer. */
export async function askAgain(unit: UnitOfWork): Promise<void> {
  const rows = await unit.sql
    .selectFrom('registry_credentials')
    .select('guid')
    .where('check_guid', 'is not', null)
    .execute();
  for (const { guid } of rows) await unit.announce('registry-check', guid);
}

function openOffered({ vault }: Platform, row: RegistryCredentialsRow): { username: string; password: string } {
  const password = vault.decrypt(row.offered_password ?? '', purposes.offeredRegistryPassword(row.guid));
  return { username: row.offered_username ?? '', password };
}

/** What comes of a question is the doing of whoever asked it. */
function askerOf({ check_actor: actor }: RegistryCredentialsRow): Actor {
  return actor === null ? currentActor() : (JSON.parse(actor) as Actor);
}
