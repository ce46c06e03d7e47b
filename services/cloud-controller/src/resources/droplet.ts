import { type ImageSignatures, resolvedImageSchema } from '@slipway/contracts';
import { z } from 'zod';
import { detectedCommand } from '../domain/lrp/start-command.ts';
import type { Metadata } from '../domain/metadata.ts';
import { dropletExecutionSchema } from '../domain/staging/droplet-execution.ts';
import { dropletImageText } from '../domain/staging/image-text.ts';
import { dockerLifecycle, dockerLifecycleSchema } from './app.ts';
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

export const dropletSchema = resourceSchema
  .extend({
    state: z.enum(['STAGED']),
    error: z.null(),
    lifecycle: dockerLifecycleSchema,
    checksum: z.null(),
    buildpacks: z.null(),
    stack: z.null(),
    /** The reference with the digest that it was resolved to. */
    image: z.string(),
    /** Of the platform's manifest, which every instance runs, and of the index that the tag named, if it did. */
    image_digests: z.object({ manifest: z.string(), index: z.string().nullable() }),
    execution_metadata: z.string(),
    process_types: z.record(z.string(), z.string()),
    /** What staging found where the organization asked for signatures. */
    signatures: z
      .array(z.object({ key: z.string(), digest: z.string(), format: z.string(), found_at: z.string() }))
      .optional(),
    relationships: z.object({ app: toOneSchema }),
    metadata: metadataSchema,
    links: z.object({
      self: linkSchema,
      app: linkSchema,
      assign_current_droplet: linkSchema,
      package: linkSchema.optional(),
    }),
  })
  .meta({ id: 'Droplet' });

export interface DropletView extends ResourceRow {
  readonly app_guid: string;
  readonly package_guid: string | null;
  readonly state: 'STAGED';
  readonly image: string;
  readonly execution: string;
}

export function presentDroplet(row: DropletView, metadata: Metadata, link: Links): z.infer<typeof dropletSchema> {
  const image = resolvedImageSchema.parse(JSON.parse(row.image));
  const execution = dropletExecutionSchema.parse(JSON.parse(row.execution));
  return {
    ...presentResource(row),
    state: row.state,
    error: null,
    lifecycle: dockerLifecycle,
    checksum: null,
    buildpacks: null,
    stack: null,
    image: dropletImageText(image),
    image_digests: { manifest: image.manifestDigest, index: image.indexDigest ?? null },
    execution_metadata: row.execution,
    process_types: { web: detectedCommand(execution) },
    ...(image.signatures === undefined ? {} : { signatures: image.signatures.proofs.map(presentProof) }),
    relationships: { app: toOne(row.app_guid) },
    metadata,
    links: {
      self: link(`/v3/droplets/${row.guid}`),
      app: link(`/v3/apps/${row.app_guid}`),
      assign_current_droplet: link(`/v3/apps/${row.app_guid}/relationships/current_droplet`, 'PATCH'),
      ...(row.package_guid === null ? {} : { package: link(`/v3/packages/${row.package_guid}`) }),
    },
  };
}

function presentProof({ keyName, digest, format, foundAt }: ImageSignatures['proofs'][number]) {
  return { key: keyName, digest, format, found_at: foundAt };
}
