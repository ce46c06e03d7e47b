import type { AppRow, RoleRow } from '../adapters/sql/schema.ts';
import type { UnitOfWork } from '../adapters/sql/writer.ts';

/** Notes a change of an app. */
export function auditApp(
  unit: UnitOfWork,
  app: Pick<AppRow, 'guid' | 'name' | 'space_guid'>,
  type: string,
  data: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const target = { guid: app.guid, type: 'app', name: app.name };
  return unit.audit({ type: `audit.app.${type}`, target, spaceGuid: app.space_guid, data });
}

/** The same where only the app's guid is known. */
export async function auditAppOf(
  unit: UnitOfWork,
  appGuid: string,
  type: string,
  data: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const app = await unit.sql
    .selectFrom('apps')
    .select(['guid', 'name', 'space_guid'])
    .where('guid', '=', appGuid)
    .executeTakeFirst();
  if (app !== undefined) await auditApp(unit, app, type, data);
}

interface Target {
  readonly guid: string;
  readonly name: string;
}

/** Where something happened, and with what; nothing secret may be in the data. */
export interface AuditDetails {
  readonly spaceGuid?: string | null;
  readonly organizationGuid?: string | null;
  readonly data?: Readonly<Record<string, unknown>>;
}

/** Notes a change of anything but an app: `audit.<kind>.<what>`, Cloud Foundry's names where it has them. */
export function auditResource(
  unit: UnitOfWork,
  kind: string,
  what: string,
  target: Target,
  { spaceGuid = null, organizationGuid, data = {} }: AuditDetails = {},
): Promise<void> {
  return unit.audit({
    type: `audit.${kind}.${what}`,
    target: { guid: target.guid, type: kind, name: target.name },
    spaceGuid,
    ...(organizationGuid == null ? {} : { organizationGuid }),
    data,
  });
}

/** Notes who got or lost a role. */
export function auditRole(unit: UnitOfWork, role: RoleRow, what: 'add' | 'remove', userName: string): Promise<void> {
  const { organization_guid: organizationGuid, space_guid: spaceGuid } = role;
  return unit.audit({
    type: `audit.user.${role.type}_${what}`,
    target: { guid: role.user_guid, type: 'user', name: userName },
    spaceGuid,
    ...(organizationGuid === null ? {} : { organizationGuid }),
    data: {},
  });
}
