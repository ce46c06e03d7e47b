import { isUniqueViolation } from '@slipway/database';
import type { SecurityGroupRow } from '../adapters/sql/schema.ts';
import type { Lifecycle } from '../adapters/sql/security-group-rows.ts';
import type { UnitOfWork } from '../adapters/sql/writer.ts';
import { unprocessable } from '../errors.ts';
import { auditResource } from './audit.ts';
import type { Platform } from './platform.ts';

interface Change {
  readonly name: string;
  readonly rules: readonly unknown[];
  readonly globallyEnabled: Readonly<Record<Lifecycle, boolean>>;
}

/** Throws 422 when the name is taken. */
export async function createSecurityGroup(
  unit: UnitOfWork,
  platform: Platform,
  spec: Change & { readonly spaces: Readonly<Record<Lifecycle, readonly string[]>> },
): Promise<SecurityGroupRow> {
  const { sql, now } = unit;
  const { name, rules, globallyEnabled, spaces } = spec;
  const row = await sql
    .insertInto('security_groups')
    .values({ guid: platform.newGuid(), created_at: now, updated_at: now, name, ...columnsOf(rules, globallyEnabled) })
    .returningAll()
    .executeTakeFirstOrThrow()
    .catch((error: unknown) => taken(error, name));
  await auditResource(unit, 'security_group', 'create', row, { data: { request: requestOf(spec) } });
  for (const lifecycle of ['running', 'staging'] as const) await bindSpaces(unit, row, lifecycle, spaces[lifecycle]);
  if (globallyEnabled.running) await unit.announce('sync', '');
  return row;
}

/** Running apps follow at once. Throws 422 when the name is taken. */
export async function updateSecurityGroup(
  unit: UnitOfWork,
  before: SecurityGroupRow,
  change: Partial<Change>,
): Promise<SecurityGroupRow> {
  const { sql, now } = unit;
  const name = change.name ?? before.name;
  const rules = change.rules ?? (JSON.parse(before.rules) as unknown[]);
  const globallyEnabled = change.globallyEnabled ?? {
    running: before.globally_running === 1,
    staging: before.globally_staging === 1,
  };
  const row = await sql
    .updateTable('security_groups')
    .set({ name, updated_at: now, ...columnsOf(rules, globallyEnabled) })
    .where('guid', '=', before.guid)
    .returningAll()
    .executeTakeFirstOrThrow()
    .catch((error: unknown) => taken(error, name));
  await auditResource(unit, 'security_group', 'update', row, { data: { request: requestOf(change) } });
  await unit.announce('sync', '');
  return row;
}

/** It holds nowhere any more. */
export async function deleteSecurityGroup(unit: UnitOfWork, { guid }: SecurityGroupRow): Promise<void> {
  const { sql } = unit;
  await sql.deleteFrom('security_group_spaces').where('security_group_guid', '=', guid).execute();
  const row = await sql.deleteFrom('security_groups').where('guid', '=', guid).returningAll().executeTakeFirst();
  if (row === undefined) return;
  await auditResource(unit, 'security_group', 'delete', row);
  await unit.announce('sync', '');
}

/** Fine where it is bound already. */
export async function bindSpaces(
  unit: UnitOfWork,
  group: SecurityGroupRow,
  lifecycle: Lifecycle,
  spaceGuids: readonly string[],
): Promise<void> {
  const wanted = [...new Set(spaceGuids)];
  if (wanted.length === 0) return;
  const added = await unit.sql
    .insertInto('security_group_spaces')
    .values(wanted.map((guid) => ({ lifecycle, security_group_guid: group.guid, space_guid: guid })))
    .onConflict((conflict) => conflict.doNothing())
    .returning('space_guid')
    .execute();
  for (const { space_guid: spaceGuid } of added) await auditSpace(unit, group, 'bind', lifecycle, spaceGuid);
  if (lifecycle === 'running' && added.length > 0) await unit.announce('sync', '');
}

/** Throws 422 where it is not bound. */
export async function unbindSpace(
  unit: UnitOfWork,
  group: SecurityGroupRow,
  lifecycle: Lifecycle,
  spaceGuid: string,
): Promise<void> {
  const { numDeletedRows } = await unit.sql
    .deleteFrom('security_group_spaces')
    .where('security_group_guid', '=', group.guid)
    .where('lifecycle', '=', lifecycle)
    .where('space_guid', '=', spaceGuid)
    .executeTakeFirst();
  if (numDeletedRows === 0n) throw unprocessable(notBound(spaceGuid));
  await auditSpace(unit, group, 'unbind', lifecycle, spaceGuid);
  if (lifecycle === 'running') await unit.announce('sync', '');
}

export function notBound(spaceGuid: string): string {
  return `Unable to unbind security group from space with guid '${spaceGuid}'. Ensure the space is bound to this security group.`;
}

function columnsOf(rules: readonly unknown[], enabled: Change['globallyEnabled']) {
  return {
    rules: JSON.stringify(rules),
    globally_running: enabled.running ? 1 : 0,
    globally_staging: enabled.staging ? 1 : 0,
  } as const;
}

function requestOf({ name, rules, globallyEnabled }: Partial<Change>): Record<string, unknown> {
  return { name, rules, globally_enabled: globallyEnabled };
}

async function auditSpace(
  unit: UnitOfWork,
  group: SecurityGroupRow,
  what: 'bind' | 'unbind',
  lifecycle: Lifecycle,
  spaceGuid: string,
): Promise<void> {
  const data = { lifecycle, space_guid: spaceGuid };
  await auditResource(unit, 'security_group', what, group, { spaceGuid, data });
}

function taken(error: unknown, name: string): never {
  throw isUniqueViolation(error) ? unprocessable(`Security group with name '${name}' already exists.`) : error;
}
