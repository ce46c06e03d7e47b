import { z } from 'zod';
import type { Metadata } from '../domain/metadata.ts';
import {
  apiTime,
  apiTimeSchema,
  type Links,
  linkSchema,
  metadataSchema,
  presentResource,
  type ResourceRow,
  resourceSchema,
  toOne,
  toOneSchema,
} from './shapes.ts';

/** Slipway's own resource; Cloud Foundry has none. There is no field for a password. */
export const registryCredentialsSchema = resourceSchema
  .extend({
    name: z.string(),
    registry: z.string(),
    repository_prefix: z.string().nullable(),
    username: z.string(),
    /** Whether stagers and cells use them: once a registry took them, or somebody insisted. */
    active: z.boolean(),
    /** Of the new user name and password while such wait, else of those in use. */
    verification: z.object({
      state: z.enum(['pending', 'verified', 'failed']),
      at: apiTimeSchema.nullable(),
      code: z.string().nullable(),
      detail: z.string().nullable(),
    }),
    relationships: z.object({ organization: toOneSchema.optional(), space: toOneSchema.optional() }),
    metadata: metadataSchema,
    links: z.object({
      self: linkSchema,
      verify: linkSchema,
      organization: linkSchema.optional(),
      space: linkSchema.optional(),
    }),
  })
  .meta({ id: 'RegistryCredentials' });

export interface RegistryCredentialsView extends ResourceRow {
  readonly name: string;
  readonly organization_guid: string | null;
  readonly space_guid: string | null;
  readonly registry: string;
  readonly repository_prefix: string;
  readonly username: string | null;
  readonly offered_username: string | null;
  readonly verification_state: 'pending' | 'verified' | 'failed';
  readonly verification_at: string | null;
  readonly verification_code: string | null;
  readonly verification_detail: string | null;
}

export function presentRegistryCredentials(
  row: RegistryCredentialsView,
  metadata: Metadata,
  link: Links,
): z.infer<typeof registryCredentialsSchema> {
  const self = `/v3/registry_credentials/${row.guid}`;
  const { organization_guid: organization, space_guid: space } = row;
  return {
    ...presentResource(row),
    name: row.name,
    registry: row.registry,
    repository_prefix: row.repository_prefix === '' ? null : row.repository_prefix,
    username: row.username ?? row.offered_username ?? '',
    active: row.username !== null,
    verification: {
      state: row.verification_state,
      at: row.verification_at === null ? null : apiTime(row.verification_at),
      code: row.verification_code,
      detail: row.verification_detail,
    },
    relationships: {
      ...(organization === null ? {} : { organization: toOne(organization) }),
      ...(space === null ? {} : { space: toOne(space) }),
    },
    metadata,
    links: {
      self: link(self),
      verify: link(`${self}/actions/verify`, 'POST'),
      ...(organization === null ? {} : { organization: link(`/v3/organizations/${organization}`) }),
      ...(space === null ? {} : { space: link(`/v3/spaces/${space}`) }),
    },
  };
}
