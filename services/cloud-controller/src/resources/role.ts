import { z } from 'zod';
import { organizationRoles, spaceRoles } from '../domain/access/roles.ts';
import {
  type Links,
  linkSchema,
  presentResource,
  type ResourceRow,
  resourceSchema,
  toOne,
  toOneOrNone,
  toOneOrNoneSchema,
  toOneSchema,
} from './shapes.ts';

export const roleTypeSchema = z.enum([...organizationRoles, ...spaceRoles]).meta({ id: 'RoleType' });

export const roleSchema = resourceSchema
  .extend({
    type: roleTypeSchema,
    relationships: z.object({ user: toOneSchema, organization: toOneOrNoneSchema, space: toOneOrNoneSchema }),
    links: z.object({
      self: linkSchema,
      user: linkSchema,
      organization: linkSchema.optional(),
      space: linkSchema.optional(),
    }),
  })
  .meta({ id: 'Role' });

export interface RoleView extends ResourceRow {
  readonly type: string;
  readonly user_guid: string;
  readonly organization_guid: string | null;
  readonly space_guid: string | null;
}

export function presentRole(row: RoleView, link: Links): z.infer<typeof roleSchema> {
  const { organization_guid: organization, space_guid: space } = row;
  return {
    ...presentResource(row),
    type: roleTypeSchema.parse(row.type),
    relationships: { user: toOne(row.user_guid), organization: toOneOrNone(organization), space: toOneOrNone(space) },
    links: {
      self: link(`/v3/roles/${row.guid}`),
      user: link(`/v3/users/${encodeURIComponent(row.user_guid)}`),
      ...(organization === null ? {} : { organization: link(`/v3/organizations/${organization}`) }),
      ...(space === null ? {} : { space: link(`/v3/spaces/${space}`) }),
    },
  };
}
