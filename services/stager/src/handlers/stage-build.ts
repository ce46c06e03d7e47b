import type { StagingRequest, StagingResult } from '@slipway/contracts';
import {
  formatReference,
  type ImageLimits,
  inspectImage,
  mayBeDropletCopy,
  type Platform,
  parseReference,
  type RegistryClient,
  type RegistryCredentials,
  timedSignal,
  withDefaultTag,
} from '@slipway/oci';
import type { SealingKeys } from '@slipway/service-kit';
import {
  deadlineExceeded,
  describeLayers,
  failureOf,
  platformsOwn,
  type StagingFailure,
  staged,
} from '../domain/staging-result.ts';
import { type CopyImageDeps, copyImage } from './copy-image.ts';
import { openCredentials } from './open-credentials.ts';
import { requireSignatures } from './require-signatures.ts';

export interface StageBuildDeps extends CopyImageDeps {
  readonly registry: RegistryClient;
  /** Of the machines that will run the image. */
  readonly platform: Platform;
  /** How large an image may be. */
  readonly limits: ImageLimits;
  readonly keys: SealingKeys;
  /** When the build was asked for: a tag means what it means then or later. */
  readonly requestedAt: number;
}

/**
 * Stages one build: resolves the reference to digests and reads the image's config. A failure of the image or the
 * registry is a result; only `signal` (the stager stops, another shall do it) rejects.
 */
export async function stageBuild(
  request: StagingRequest,
  deps: StageBuildDeps,
  signal: AbortSignal,
): Promise<StagingResult> {
  const startedAt = deps.now();
  const failed = (error: StagingFailure): StagingResult => {
    deps.log(`Staging failed: ${error.message}`, 'ERR');
    return { outcome: 'failed', buildGuid: request.buildGuid, error, durationMs: deps.now() - startedAt };
  };
  const remainingMs = Date.parse(request.deadline) - startedAt;
  if (remainingMs <= 0) return failed(deadlineExceeded(request.deadline));
  const { signal: deadline, clear } = timedSignal(remainingMs);
  try {
    deps.log(`Staging ${request.image}`, 'OUT');
    const reference = withDefaultTag(parseReference(request.image));
    if (deps.copier !== undefined && mayBeDropletCopy(deps.copier.droplets, reference)) {
      return failed(platformsOwn(formatReference(reference)));
    }
    const credentials = credentialsOf(request, deps);
    const repository = deps.registry.repository(reference, {
      credentials,
      onStep: (text) => deps.log(text, 'OUT'),
      deadline: Date.parse(request.deadline),
      freshSince: deps.requestedAt,
    });
    const image = await inspectImage(repository, reference, {
      platform: deps.platform,
      limits: deps.limits,
      signal: AbortSignal.any([signal, deadline]),
      onStep: (text) => deps.log(text, 'OUT'),
    });
    const signatures = await requireSignatures(repository, {
      policy: request.signaturePolicy,
      reference,
      image,
      signal: AbortSignal.any([signal, deadline]),
      log: (text) => deps.log(text, 'OUT'),
    });
    const copy = await copyImage(request, repository, reference, image, deps, signal);
    if (copy !== undefined && 'code' in copy) return failed(copy);
    deps.log(`Staging complete: ${image.manifestDigest}, ${describeLayers(image.layers)}`, 'OUT');
    return staged(request.buildGuid, reference, { ...image, signatures, copy }, deps.now() - startedAt);
  } catch (error) {
    signal.throwIfAborted();
    return failed(deadline.aborted ? deadlineExceeded(request.deadline) : failureOf(error));
  } finally {
    clear();
  }
}

function credentialsOf(
  { credentials: sealed, credentialsOf: whose }: StagingRequest,
  { keys, log }: StageBuildDeps,
): RegistryCredentials | undefined {
  if (sealed === undefined) return undefined;
  const credentials = openCredentials(sealed, keys);
  log(`Using ${whose ?? "the package's own credentials"}, user ${JSON.stringify(credentials.username)}`, 'OUT');
  return credentials;
}
