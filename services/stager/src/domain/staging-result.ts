import type { ImageSignatures, ResolvedImage, StagingResult } from '@slipway/contracts';
import {
  formatReference,
  type InspectedImage,
  OciError,
  type OciErrorCode,
  type Reference,
  RegistryError,
} from '@slipway/oci';
import { CodedError, describeError } from '@slipway/service-kit';
import type { StagerErrorCode } from '../errors.ts';
import { advise } from './advice.ts';

type Staged = Extract<StagingResult, { outcome: 'staged' }>;
type Failed = Extract<StagingResult, { outcome: 'failed' }>;
export type StagingFailure = Failed['error'];

/** An image that its organization takes; with what it was taken for, if it asks for signatures. */
export interface AcceptedImage extends InspectedImage {
  readonly signatures: ImageSignatures | undefined;
  readonly copy: ResolvedImage['copy'] | undefined;
}

/** The staging result of an inspected image: digests, and the fields of its config that Slipway uses. */
export function staged(buildGuid: string, reference: Reference, image: AcceptedImage, durationMs: number): Staged {
  const { config } = image;
  return {
    outcome: 'staged',
    buildGuid,
    image: resolvedImage(reference, image),
    execution: {
      entrypoint: [...config.entrypoint],
      cmd: [...config.cmd],
      env: [...config.env],
      workdir: config.workingDir,
      user: config.user,
      ports: config.exposedPorts.map(({ port, protocol }) => ({ port, protocol })),
      ...(config.stopSignal === undefined ? {} : { stopSignal: config.stopSignal }),
      ...(config.healthcheck === undefined
        ? {}
        : { healthcheck: { ...config.healthcheck, test: [...config.healthcheck.test] } }),
      ...(config.shell === undefined ? {} : { shell: [...config.shell] }),
      ...(config.volumes.length === 0 ? {} : { volumes: [...config.volumes] }),
    },
    durationMs,
  };
}

function resolvedImage(reference: Reference, image: AcceptedImage): ResolvedImage {
  const { manifest } = image;
  return {
    reference: formatReference(reference),
    registry: reference.registry,
    repository: reference.repository,
    ...(image.indexDigest === undefined ? {} : { indexDigest: image.indexDigest }),
    manifestDigest: image.manifestDigest,
    mediaType: manifest.mediaType,
    platform: { ...image.platform },
    config: { digest: manifest.config.digest, size: manifest.config.size },
    layers: image.layers.map(({ digest, diffId, size, mediaType }) => ({ digest, diffId, size, mediaType })),
    ...(image.signatures === undefined ? {} : { signatures: image.signatures }),
    ...(image.copy === undefined ? {} : { copy: image.copy }),
  };
}

/** Says in which phase staging failed and why, in words for the user. */
export function failureOf(error: unknown): StagingFailure {
  if (error instanceof RegistryError) {
    const phase = error.phase === 'blob' ? 'config' : error.phase;
    return { phase, code: error.code, message: advise(error.code, error.message) };
  }
  if (error instanceof OciError) {
    return { phase: phaseOf(error.code), code: error.code, message: error.message };
  }
  if (error instanceof CodedError && error.code === 'SEAL_BROKEN') {
    return {
      phase: 'credentials',
      code: error.code,
      message: 'the registry credentials cannot be opened by this stager',
    };
  }
  return {
    phase: 'internal',
    code: 'STAGER_INTERNAL' satisfies StagerErrorCode,
    message: `the stager failed: ${describeError(error)}`,
  };
}

function phaseOf(code: OciErrorCode): StagingFailure['phase'] {
  if (code === 'REFERENCE_INVALID') return 'reference';
  return code.startsWith('SIGNATURE_') ? 'policy' : 'config';
}

/** The failure of a build whose image could not be copied into the platform's own registry. */
export function copyFailure(
  error: unknown,
  { registry }: { readonly registry: string },
  late: boolean,
): StagingFailure {
  const where = `the image could not be copied to ${registry}`;
  if (late) {
    const code = 'STAGING_COPY_DEADLINE' satisfies StagerErrorCode;
    return { phase: 'copy', code, message: `${where} in the time that staging has` };
  }
  const { code, message } = failureOf(error);
  return { phase: 'copy', code, message: `${where}: ${message}` };
}

/** The failure of a build that names one of the platform's own copies. */
export function platformsOwn(reference: string): StagingFailure {
  const code = 'DROPLET_REGISTRY_REFUSED' satisfies StagerErrorCode;
  const message = `${reference} is one of the platform's own copies of images; push the image from where it comes from`;
  return { phase: 'policy', code, message };
}

/** The failure of a build whose time was over before it was staged. */
export function deadlineExceeded(deadline: string): StagingFailure {
  return {
    phase: 'deadline',
    code: 'STAGING_DEADLINE' satisfies StagerErrorCode,
    message: `staging was not done by ${deadline}, its deadline`,
  };
}

/** E.g. `3 layers, 12.3 MB`. */
export function describeLayers(layers: readonly { readonly size: number }[]): string {
  const megabytes = layers.reduce((sum, { size }) => sum + size, 0) / 1e6;
  return `${layers.length} layer${layers.length === 1 ? '' : 's'}, ${megabytes.toFixed(1)} MB`;
}
