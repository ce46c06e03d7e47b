import { z } from 'zod';
import { type Descriptor, descriptorSchema } from './descriptor.ts';
import type { Digest } from './digest.ts';
import { OciError } from './errors.ts';
import type { ImageConfig } from './image-config.ts';
import { checkShape } from './json-document.ts';
import { isConfigMediaType, layerCompression, type ManifestMediaType } from './media-types.ts';

/** An OCI image manifest or a Docker schema 2 manifest. */
export interface ImageManifest {
  readonly kind: 'manifest';
  readonly mediaType: ManifestMediaType;
  readonly config: Descriptor;
  /** Lowest first. */
  readonly layers: readonly Descriptor[];
}

/** A layer as manifest and config describe it together. `size` is that of the compressed bytes. */
export interface ImageLayer extends Descriptor {
  /** The digest of the tar inside. */
  readonly diffId: Digest;
}

/**
 * Docker itself stops at 125 (moby `layer/layer_store.go`, `maxLayerDepth`), for its overlay driver mounts no more than
 * 128 lower directories. Nobody can have built an image of more that ever ran.
 */
export const MAX_LAYERS = 127;

/**
 * Configs of real images are tens of kilobytes; containers/image allows 4 MiB (`internal/iolimits`), the size that the
 * distribution-spec gives manifests.
 */
export const MAX_CONFIG_BYTES: number = 4 * 1024 * 1024;

const manifestSchema = z.object({ config: descriptorSchema, layers: z.array(descriptorSchema) });

/** @throws OciError when the manifest is malformed, is not of an image, or breaks a limit. */
export function parseManifest(
  mediaType: ManifestMediaType,
  document: Readonly<Record<string, unknown>>,
): ImageManifest {
  const count = Array.isArray(document.layers) ? document.layers.length : 0;
  if (count > MAX_LAYERS) {
    throw new OciError('TOO_MANY_LAYERS', `the image has ${count} layers; at most ${MAX_LAYERS} can be run`, {
      details: { layers: count, limit: MAX_LAYERS },
    });
  }
  const { config, layers } = checkShape(manifestSchema, document, 'image manifest');
  if (!isConfigMediaType(config.mediaType)) {
    const type = typeof document.artifactType === 'string' ? document.artifactType.slice(0, 255) : config.mediaType;
    throw new OciError('NOT_AN_IMAGE', `this is an artifact of type ${JSON.stringify(type)}, not a container image`, {
      details: { type },
    });
  }
  if (config.size > MAX_CONFIG_BYTES) {
    throw new OciError(
      'DOCUMENT_TOO_LARGE',
      `the image config has ${config.size} bytes; at most ${MAX_CONFIG_BYTES} are read`,
      { details: { size: config.size, limit: MAX_CONFIG_BYTES } },
    );
  }
  for (const { mediaType: type, digest } of layers) {
    if (layerCompression(type) === undefined) {
      throw new OciError(
        'MEDIA_TYPE_UNSUPPORTED',
        `layer ${digest} has media type ${JSON.stringify(type)}; a tar, plain or packed with gzip or zstd, is needed`,
        { details: { type, digest } },
      );
    }
  }
  return { kind: 'manifest', mediaType, config, layers };
}

/**
 * The layers with their diffIDs, lowest first.
 *
 * @throws OciError LAYER_COUNT_MISMATCH when manifest and config disagree on how many there are
 */
export function imageLayers(manifest: ImageManifest, config: ImageConfig): ImageLayer[] {
  const { diffIds } = config;
  if (diffIds.length !== manifest.layers.length) {
    throw new OciError(
      'LAYER_COUNT_MISMATCH',
      `the manifest has ${manifest.layers.length} layers, the config lists ${diffIds.length} (rootfs.diff_ids)`,
      { details: { layers: manifest.layers.length, diffIds: diffIds.length } },
    );
  }
  return manifest.layers.map((layer, i) => ({ ...layer, diffId: diffIds[i] as Digest }));
}
