import { z } from 'zod';
import { type Descriptor, digestSchema, shortTextSchema } from './descriptor.ts';
import { checkShape } from './json-document.ts';
import { type IndexMediaType, isManifestMediaType } from './media-types.ts';
import type { Platform } from './platform.ts';

/** An image manifest that an index offers. */
export interface IndexEntry extends Descriptor {
  readonly platform?: Platform;
}

/** An OCI index or a Docker manifest list. */
export interface ImageIndex {
  readonly kind: 'index';
  readonly mediaType: IndexMediaType;
  /** The images in it, in its order: attestations, signatures and other strangers are left out. */
  readonly entries: readonly IndexEntry[];
}

const platformSchema = z
  .object({ os: shortTextSchema, architecture: shortTextSchema, variant: shortTextSchema.nullish() })
  .transform(({ os, architecture, variant }): Platform => ({ os, architecture, ...(variant ? { variant } : {}) }));

const indexSchema = z.object({
  manifests: z.array(
    z.object({
      mediaType: shortTextSchema,
      digest: digestSchema,
      size: z.int().nonnegative(),
      platform: platformSchema.nullish(),
      annotations: z.record(z.string(), z.unknown()).nullish(),
      artifactType: z.string().nullish(),
    }),
  ),
});

type RawEntry = z.infer<typeof indexSchema>['manifests'][number];

export function parseIndex(mediaType: IndexMediaType, document: Readonly<Record<string, unknown>>): ImageIndex {
  const { manifests } = checkShape(indexSchema, document, 'image index');
  const entries = manifests.filter(isImage).map(
    ({ mediaType: type, digest, size, platform }): IndexEntry => ({
      mediaType: type,
      digest,
      size,
      ...(platform ? { platform } : {}),
    }),
  );
  return { kind: 'index', mediaType, entries };
}

/**
 * Whether an entry is an image and not something about one. buildx stores attestations as manifests of platform
 * `unknown/unknown` with an annotation `vnd.docker.reference.type` (moby/buildkit `docs/attestations`).
 */
function isImage(entry: RawEntry): boolean {
  return (
    isManifestMediaType(entry.mediaType) &&
    !entry.artifactType &&
    entry.annotations?.['vnd.docker.reference.type'] === undefined &&
    !(entry.platform?.os === 'unknown' && entry.platform.architecture === 'unknown')
  );
}
