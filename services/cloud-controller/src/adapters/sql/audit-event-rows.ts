import { randomUUID } from 'node:crypto';
import { currentActor } from './actor.ts';
import type { Sql } from './schema.ts';

/** A change, as Cloud Foundry names it (API v3, "Audit events"). Nothing secret may be in its data. */
export interface AuditEvent {
  /** For what may be noticed more than once and shall be noted once. */
  readonly guid?: string;
  readonly type: string;
  readonly target: { readonly guid: string; readonly type: string; readonly name: string };
  readonly spaceGuid: string | null;
  /** Undefined: the space's. */
  readonly organizationGuid?: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

/** Part of the transaction that makes the change. */
export async function addAuditEvent(sql: Sql, event: AuditEvent, now: string): Promise<void> {
  const { type, target, spaceGuid, data = {} } = event;
  const actor = currentActor();
  await sql
    .insertInto('audit_events')
    .values((eb) => ({
      guid: event.guid ?? randomUUID(),
      created_at: now,
      updated_at: now,
      type,
      actor_guid: actor.guid,
      actor_type: actor.type,
      actor_name: actor.name,
      target_guid: target.guid,
      target_type: target.type,
      target_name: target.name,
      space_guid: spaceGuid,
      organization_guid:
        event.organizationGuid ??
        (spaceGuid === null
          ? null
          : eb.selectFrom('spaces').select('spaces.organization_guid').where('spaces.guid', '=', spaceGuid)),
      data: JSON.stringify(data),
    }))
    .onConflict((conflict) => conflict.column('guid').doNothing())
    .execute();
}

/** Audit and usage events. Returns how many were too old. */
export async function forgetEvents(sql: Sql, before: string): Promise<number> {
  let forgotten = 0;
  for (const table of ['audit_events', 'app_usage_events', 'service_usage_events'] as const) {
    const { numDeletedRows } = await sql.deleteFrom(table).where('created_at', '<', before).executeTakeFirst();
    forgotten += Number(numDeletedRows);
  }
  return forgotten;
}
