import { databaseEngine } from '@slipway/database';
import type { Sql } from '../adapters/sql/schema.ts';
import type { UnitOfWork } from '../adapters/sql/writer.ts';
import { purposes } from '../domain/secrets/purposes.ts';
import { auditResource } from './audit.ts';
import type { Platform } from './platform.ts';

export type EnvironmentGroup = 'running' | 'staging';

export interface EnvironmentGroupState {
  readonly variables: Readonly<Record<string, string>>;
  /** Null: it was never set. */
  readonly updatedAt: string | null;
}

export async function loadEnvironmentGroup(
  sql: Sql,
  { vault }: Platform,
  name: EnvironmentGroup,
): Promise<EnvironmentGroupState> {
  const query = sql.selectFrom('environment_variable_groups').selectAll().where('name', '=', name);
  const row = await query.executeTakeFirst();
  if (row === undefined) return { variables: {}, updatedAt: null };
  const variables = JSON.parse(vault.decrypt(row.variables, purposes.environmentGroup(name))) as Record<string, string>;
  return { variables, updatedAt: row.updated_at };
}

/** Null removes a variable. Apps get the rest when they are started, restarted or staged the next time. */
export async function updateEnvironmentGroup(
  unit: UnitOfWork,
  platform: Platform,
  name: EnvironmentGroup,
  change: Readonly<Record<string, string | null>>,
): Promise<EnvironmentGroupState> {
  const { sql, now } = unit;
  const seal = (variables: Readonly<Record<string, string>>): string =>
    platform.vault.encrypt(JSON.stringify(variables), purposes.environmentGroup(name));
  // So that there is a row to be locked: of two changes at once neither is lost.
  await sql
    .insertInto('environment_variable_groups')
    .values({ name, variables: seal({}), updated_at: now })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .execute();
  if (databaseEngine(sql) === 'postgres') {
    await sql
      .selectFrom('environment_variable_groups')
      .select('name')
      .where('name', '=', name)
      .forUpdate()
      .executeTakeFirst();
  }
  const before = await loadEnvironmentGroup(sql, platform, name);
  const merged = Object.entries({ ...before.variables, ...change });
  const variables = Object.fromEntries(merged.filter((entry): entry is [string, string] => entry[1] !== null));
  await sql
    .updateTable('environment_variable_groups')
    .set({ variables: seal(variables), updated_at: now })
    .where('name', '=', name)
    .execute();
  // Names only: values may be secrets.
  const request = { var: Object.keys(change) };
  await auditResource(unit, 'environment_variable_group', 'update', { guid: name, name }, { data: { request } });
  return { variables, updatedAt: now };
}
