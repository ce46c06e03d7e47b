import { z } from 'zod';
import { digestSchema, portSchema } from './common.ts';
import { imageSignaturesSchema } from './signature.ts';

/** One layer, as the manifest and the config describe it together. `size` is of the compressed bytes. */
export const layerSchema = z.object({
  digest: digestSchema,
  diffId: digestSchema,
  size: z.int().nonnegative(),
  mediaType: z.string(),
});
export type LayerDescriptor = z.infer<typeof layerSchema>;

/** What an image was resolved to at staging; everything later goes by digest only. */
export const resolvedImageSchema = z.object({
  /** The reference as the user gave it, in canonical form (host/repository:tag or @digest). */
  reference: z.string(),
  registry: z.string(),
  repository: z.string(),
  /** Present when the tag named an index or manifest list. */
  indexDigest: digestSchema.optional(),
  manifestDigest: digestSchema,
  mediaType: z.string(),
  platform: z.object({ os: z.string(), architecture: z.string(), variant: z.string().optional() }),
  config: z.object({ digest: digestSchema, size: z.int().nonnegative() }),
  layers: z.array(layerSchema),
  /** Where staging copied it: the same digests in the platform's own registry (`DROPLET_REGISTRY`). */
  copy: z.object({ registry: z.string().min(1), repository: z.string().min(1) }).optional(),
  /** Of an image whose organization asked for a signature. */
  signatures: imageSignaturesSchema.optional(),
});
export type ResolvedImage = z.infer<typeof resolvedImageSchema>;

export const exposedPortSchema = z.object({ port: portSchema, protocol: z.enum(['tcp', 'udp', 'sctp']) });

/** The fields of an image config that Slipway uses (OCI image-spec `config.md`); nothing else of it leaves the stager. */
export const executionMetadataSchema = z.object({
  entrypoint: z.array(z.string()),
  cmd: z.array(z.string()),
  /** `NAME=value`, verbatim. */
  env: z.array(z.string()),
  workdir: z.string(),
  user: z.string(),
  /** tcp before udp before sctp, each ascending. */
  ports: z.array(exposedPortSchema),
  stopSignal: z.string().optional(),
  healthcheck: z
    .object({
      test: z.array(z.string()),
      intervalMs: z.number().optional(),
      timeoutMs: z.number().optional(),
      startPeriodMs: z.number().optional(),
      startIntervalMs: z.number().optional(),
      retries: z.int().optional(),
    })
    .optional(),
  /** SHELL: what runs the text of a `CMD-SHELL` health check. */
  shell: z.array(z.string()).optional(),
  /** Paths of VOLUME, sorted. */
  volumes: z.array(z.string()).optional(),
});
export type ExecutionMetadata = z.infer<typeof executionMetadataSchema>;
