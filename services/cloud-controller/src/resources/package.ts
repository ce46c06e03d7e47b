import { z } from 'zod';
import type { Metadata } from '../domain/metadata.ts';
import {
  type Links,
  linkSchema,
  metadataSchema,
  presentResource,
  type ResourceRow,
  resourceSchema,
  toOne,
  toOneSchema,
} from './shapes.ts';

/** cloud_controller_ng `Censorship::REDACTED_CREDENTIAL`. */
const REDACTED = '***';

export const packageSchema = resourceSchema
  .extend({
    type: z.literal('docker'),
    state: z.enum(['READY']),
    data: z.object({
      image: z.string(),
      username: z.string().nullable(),
      password: z.literal(REDACTED).nullable(),
    }),
    relationships: z.object({ app: toOneSchema }),
    metadata: metadataSchema,
    links: z.object({ self: linkSchema, app: linkSchema }),
  })
  .meta({ id: 'Package' });

export interface PackageView extends ResourceRow {
  readonly app_guid: string;
  readonly state: 'READY';
  readonly image: string;
  readonly username: string | null;
}

export function presentPackage(row: PackageView, metadata: Metadata, link: Links): z.infer<typeof packageSchema> {
  return {
    ...presentResource(row),
    type: 'docker',
    state: row.state,
    data: { image: row.image, username: row.username, password: row.username === null ? null : REDACTED },
    relationships: { app: toOne(row.app_guid) },
    metadata,
    links: { self: link(`/v3/packages/${row.guid}`), app: link(`/v3/apps/${row.app_guid}`) },
  };
}
