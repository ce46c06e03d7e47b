import { keys, type NetworkRecord } from '@slipway/contracts';
import { databaseEngine } from '@slipway/database';
import type { NetworkPolicyRow } from '../adapters/sql/network-policy-rows.ts';
import type { AppRow } from '../adapters/sql/schema.ts';
import type { UnitOfWork } from '../adapters/sql/writer.ts';
import { ApiError } from '../errors.ts';
import { auditApp } from './audit.ts';

type Port = Extract<NetworkRecord, { kind: 'policy' }>['ports'][number];

/** What instances of one app may reach at those of another, or of the same. */
export interface NetworkPolicySpec extends Port {
  readonly source: string;
  readonly destination: string;
}

type Ends = Pick<AppRow, 'guid' | 'name' | 'space_guid'>;

/** What is not found and what may not be accessed is not told apart (policy server `policy_guard.go`). */
export function policyAppsHidden(): ApiError {
  return new ApiError('NetworkPolicyRefused', 'one or more applications cannot be found or accessed');
}

/**
 * Adds those that are not there. `limit`: how many policies an app may be the source of, counted as the policy server
 * does (`quota_guard.go`): those that are sent again count twice. Throws 403.
 */
export async function addNetworkPolicies(
  unit: UnitOfWork,
  policies: readonly NetworkPolicySpec[],
  limit: number | undefined,
): Promise<void> {
  const { sql, now } = unit;
  const apps = await holdApps(unit, policies);
  if (limit !== undefined) await requireRoom(unit, policies, limit);
  const added: NetworkPolicySpec[] = [];
  for (const policy of policies) {
    const row = await sql
      .insertInto('network_policies')
      .values({ ...columnsOf(policy), created_at: now })
      .onConflict((conflict) => conflict.doNothing())
      .returning('id')
      .executeTakeFirst();
    if (row !== undefined) added.push(policy);
  }
  await tell(unit, apps, 'add-network-policy', added);
}

/** Removes those that are there. Throws 403. */
export async function removeNetworkPolicies(unit: UnitOfWork, policies: readonly NetworkPolicySpec[]): Promise<void> {
  const apps = await holdApps(unit, policies);
  const removed: NetworkPolicySpec[] = [];
  for (const policy of policies) {
    const columns = columnsOf(policy);
    const row = await unit.sql
      .deleteFrom('network_policies')
      .where('source_guid', '=', columns.source_guid)
      .where('destination_guid', '=', columns.destination_guid)
      .where('protocol', '=', columns.protocol)
      .where('start_port', '=', columns.start_port)
      .where('end_port', '=', columns.end_port)
      .returning('id')
      .executeTakeFirst();
    if (row !== undefined) removed.push(policy);
  }
  await tell(unit, apps, 'remove-network-policy', removed);
}

/** With an app go the policies that it is either end of. */
export async function deletePoliciesOf(unit: UnitOfWork, appGuid: string): Promise<void> {
  const rows = await unit.sql
    .deleteFrom('network_policies')
    .where((eb) => eb.or([eb('source_guid', '=', appGuid), eb('destination_guid', '=', appGuid)]))
    .returning(['source_guid', 'destination_guid'])
    .execute();
  await announce(
    unit,
    rows.map((row) => keys.networkPolicy(row.source_guid, row.destination_guid)),
  );
}

function columnsOf({ source, destination, protocol, start, end }: NetworkPolicySpec) {
  return { source_guid: source, destination_guid: destination, protocol, start_port: start, end_port: end } as const;
}

/** Both ends of all, which stay until this is done. */
async function holdApps(
  { sql }: UnitOfWork,
  policies: readonly NetworkPolicySpec[],
): Promise<ReadonlyMap<string, Ends>> {
  const guids = [...new Set(policies.flatMap(({ source, destination }) => [source, destination]))];
  const query = sql
    .selectFrom('apps')
    .select(['guid', 'name', 'space_guid'])
    .where('guid', 'in', guids)
    .orderBy('guid');
  const rows = await (databaseEngine(sql) === 'postgres' ? query.forUpdate() : query).execute();
  if (rows.length < guids.length) throw policyAppsHidden();
  return new Map(rows.map((row) => [row.guid, row]));
}

async function requireRoom({ sql }: UnitOfWork, policies: readonly NetworkPolicySpec[], limit: number): Promise<void> {
  const sources = Map.groupBy(policies, ({ source }) => source);
  const present = await sql
    .selectFrom('network_policies')
    .select((eb) => ['source_guid', eb.fn.countAll<number>().as('count')])
    .where('source_guid', 'in', [...sources.keys()])
    .groupBy('source_guid')
    .execute();
  const counts = new Map(present.map((row) => [row.source_guid, Number(row.count)]));
  for (const [source, added] of sources) {
    if ((counts.get(source) ?? 0) + added.length > limit) {
      throw new ApiError('NetworkPolicyRefused', 'policy quota exceeded');
    }
  }
}

async function tell(
  unit: UnitOfWork,
  apps: ReadonlyMap<string, Ends>,
  what: string,
  policies: readonly NetworkPolicySpec[],
): Promise<void> {
  for (const { source, destination, protocol, start, end } of policies) {
    const app = apps.get(source);
    const data = { destination_guid: destination, protocol, ports: { start, end } };
    if (app !== undefined) await auditApp(unit, app, what, data);
  }
  await announce(
    unit,
    policies.map(({ source, destination }) => keys.networkPolicy(source, destination)),
  );
}

async function announce(unit: UnitOfWork, records: readonly string[]): Promise<void> {
  for (const key of new Set(records)) await unit.announce('network', key);
}

/** The ports of rows of one source and destination. */
export function portsOf(rows: readonly NetworkPolicyRow[]): Port[] {
  return rows.map((row) => ({ protocol: row.protocol, start: row.start_port, end: row.end_port }));
}
