import { z } from 'zod';
import { type Links, linkSchema, presentResource, type ResourceRow, resourceSchema } from './shapes.ts';

const partySchema = z.object({ guid: z.string(), type: z.string(), name: z.string() });
const placeSchema = z.object({ guid: z.string() }).nullable();

export const auditEventSchema = resourceSchema
  .extend({
    type: z.string(),
    actor: partySchema,
    target: partySchema,
    data: z.record(z.string(), z.unknown()),
    space: placeSchema,
    organization: placeSchema,
    links: z.object({ self: linkSchema }),
  })
  .meta({ id: 'AuditEvent' });

export interface AuditEventView extends ResourceRow {
  readonly type: string;
  readonly actor_guid: string;
  readonly actor_type: string;
  readonly actor_name: string;
  readonly target_guid: string;
  readonly target_type: string;
  readonly target_name: string;
  readonly space_guid: string | null;
  readonly organization_guid: string | null;
  readonly data: string;
}

export function presentAuditEvent(row: AuditEventView, link: Links): z.infer<typeof auditEventSchema> {
  return {
    ...presentResource(row),
    type: row.type,
    actor: { guid: row.actor_guid, type: row.actor_type, name: row.actor_name },
    target: { guid: row.target_guid, type: row.target_type, name: row.target_name },
    data: z.record(z.string(), z.unknown()).parse(JSON.parse(row.data)),
    space: row.space_guid === null ? null : { guid: row.space_guid },
    organization: row.organization_guid === null ? null : { guid: row.organization_guid },
    links: { self: link(`/v3/audit_events/${row.guid}`) },
  };
}
