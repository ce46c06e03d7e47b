import type { Digest } from '../digest.ts';
import type { ImageConfig } from '../image-config.ts';
import { checkImageLimits, type ImageLimits } from '../image-limits.ts';
import { type ImageLayer, type ImageManifest, imageLayers } from '../image-manifest.ts';
import {
  formatPlatform,
  normalizePlatform,
  type Platform,
  platformDistance,
  platformUnavailable,
  selectPlatform,
} from '../platform.ts';
import { manifestSelector, type Reference } from '../reference.ts';
import { type Ask, placeError, RegistryError } from './registry-error.ts';
import type { CallOptions, RepositoryClient } from './repository-client.ts';

/** An image pinned down: what a tag meant at one moment, as digests. */
export interface ResolvedManifest {
  /** Present when the reference named an index or manifest list. */
  readonly indexDigest?: Digest;
  /** Its bytes, then too. */
  readonly indexBytes?: Buffer;
  readonly manifestDigest: Digest;
  readonly manifest: ImageManifest;
  readonly manifestBytes: Buffer;
  /** The platform that the index gives for it; absent when the reference named a manifest. */
  readonly platform?: Platform;
}

/** All that staging wants to know of an image. */
export interface InspectedImage extends ResolvedManifest {
  readonly platform: Platform;
  readonly config: ImageConfig;
  readonly configBytes: Buffer;
  /** Lowest first. */
  readonly layers: readonly ImageLayer[];
}

export interface ResolveOptions extends CallOptions {
  /** Of the machines that will run it. */
  readonly platform: Platform;
  /** How large it may be; unlimited when absent. */
  readonly limits?: ImageLimits | undefined;
  readonly onStep?: ((text: string) => void) | undefined;
}

/**
 * Resolves a reference to one image for one platform: tag -> index -> manifest, each verified by digest. The reference's
 * digest wins over its tag, as with Docker.
 *
 * @throws RegistryError
 */
export async function resolveImage(
  repository: RepositoryClient,
  reference: Reference,
  { platform, signal, onStep }: ResolveOptions,
): Promise<ResolvedManifest> {
  const top = await repository.getManifest(manifestSelector(reference), { signal, phase: 'resolve' });
  if (top.document.kind === 'manifest') {
    return { manifestDigest: top.digest, manifest: top.document, manifestBytes: top.bytes };
  }
  const entry = inPlatformPhase(reference, () =>
    selectPlatform(platform, top.document.kind === 'index' ? top.document.entries : []),
  );
  onStep?.(
    `chose ${entry.platform ? formatPlatform(entry.platform) : 'the only image'} from the index: ${entry.digest}`,
  );
  const chosen = await repository.getManifest(entry.digest, { signal, descriptor: entry, phase: 'manifest' });
  if (chosen.document.kind === 'index') {
    const ask: Ask = { phase: 'manifest', registry: reference.registry, what: `manifest ${entry.digest}` };
    throw new RegistryError('MEDIA_TYPE_MISMATCH', ask, 'the index entry of an image leads to another index');
  }
  return {
    indexDigest: top.digest,
    indexBytes: top.bytes,
    manifestDigest: chosen.digest,
    manifest: chosen.document,
    manifestBytes: chosen.bytes,
    ...(entry.platform ? { platform: entry.platform } : {}),
  };
}

/** Resolves a reference and reads the image's config. @throws RegistryError */
export async function inspectImage(
  repository: RepositoryClient,
  reference: Reference,
  options: ResolveOptions,
): Promise<InspectedImage> {
  const resolved = await resolveImage(repository, reference, options);
  checkSize(resolved, reference, options.limits);
  const { config, bytes: configBytes } = await repository.getConfig(resolved.manifest, { signal: options.signal });
  const ask: Ask = { phase: 'config', registry: reference.registry, what: `config ${resolved.manifest.config.digest}` };
  try {
    const layers = imageLayers(resolved.manifest, config);
    // The index is believed over the config, for cross-built images are seen whose config names the builder's platform.
    const platform = resolved.platform ?? inPlatformPhase(reference, () => configPlatform(options.platform, config));
    return { ...resolved, platform: normalizePlatform(platform), config, configBytes, layers };
  } catch (error) {
    throw placeError(error, ask);
  }
}

/** By what the manifest says, before anything it names is fetched. */
function checkSize({ manifest, manifestDigest }: ResolvedManifest, reference: Reference, limits?: ImageLimits): void {
  if (limits === undefined) return;
  try {
    checkImageLimits(manifest.layers, limits);
  } catch (error) {
    const ask: Ask = { phase: 'manifest', registry: reference.registry, what: `manifest ${manifestDigest}` };
    throw placeError(error, ask);
  }
}

/** The platform of a config, which may leave parts of it out and then fits. */
function configPlatform(machine: Platform, { platform }: ImageConfig): Platform {
  const { os, architecture, variant } = platform;
  const image: Platform = {
    os: os || machine.os,
    architecture: architecture || machine.architecture,
    ...(variant ? { variant } : {}),
  };
  if (platformDistance(machine, image) === undefined) {
    throw platformUnavailable(machine, [image]);
  }
  return image;
}

function inPlatformPhase<T>(reference: Reference, decide: () => T): T {
  const ask: Ask = {
    phase: 'platform',
    registry: reference.registry,
    what: `${reference.repository}:${manifestSelector(reference)}`,
  };
  try {
    return decide();
  } catch (error) {
    throw placeError(error, ask);
  }
}
