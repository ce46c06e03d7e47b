import type { Selectable } from 'kysely';
import type { NetworkPolicies } from './app-tables.ts';
import type { Sql } from './schema.ts';

export type NetworkPolicyRow = Selectable<NetworkPolicies>;

const PAGE = 200;

/** What one app may reach at another, in the order of what it is. */
export function loadPoliciesBetween(sql: Sql, source: string, destination: string): Promise<NetworkPolicyRow[]> {
  return inOrder(sql).where('source_guid', '=', source).where('destination_guid', '=', destination).execute();
}

/** Every policy, in pages of some apps with all that they may reach. */
export async function* loadAllPolicies(sql: Sql): AsyncGenerator<readonly NetworkPolicyRow[]> {
  for (let after = ''; ; ) {
    const sources = await sql
      .selectFrom('network_policies')
      .select('source_guid')
      .distinct()
      .where('source_guid', '>', after)
      .orderBy('source_guid')
      .limit(PAGE)
      .execute();
    const last = sources.at(-1);
    if (last === undefined) return;
    const guids = sources.map((row) => row.source_guid);
    yield await inOrder(sql).where('source_guid', 'in', guids).execute();
    after = last.source_guid;
  }
}

function inOrder(sql: Sql) {
  return sql
    .selectFrom('network_policies')
    .selectAll()
    .orderBy('source_guid')
    .orderBy('destination_guid')
    .orderBy('protocol')
    .orderBy('start_port')
    .orderBy('end_port');
}

/** Domains that only cells know. */
export async function loadInternalDomains(sql: Sql): Promise<string[]> {
  const rows = await sql.selectFrom('domains').select('name').where('internal', '=', 1).orderBy('id').execute();
  return rows.map(({ name }) => name);
}
