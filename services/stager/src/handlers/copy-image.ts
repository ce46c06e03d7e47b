import type { ResolvedImage, StagingRequest } from '@slipway/contracts';
import { type InspectedImage, type Reference, type RepositoryClient, timedSignal } from '@slipway/oci';
import type { ImageCopier } from '../adapters/image-copier.ts';
import { copyFailure, type StagingFailure } from '../domain/staging-result.ts';

export interface CopyImageDeps {
  /** Into the platform's own registry, when there is one. */
  readonly copier: ImageCopier | undefined;
  readonly log: (line: string, stream: 'OUT' | 'ERR') => void;
  readonly now: () => number;
}

/** A failed build must be told before its deadline: nobody waits for it then. */
const MARGIN_MS = 5_000;

/**
 * Where the image was copied to, or why it was not; undefined when the platform has no registry of its own. Only `signal`
 * (the stager stops) rejects.
 */
export async function copyImage(
  request: StagingRequest,
  source: RepositoryClient,
  reference: Reference,
  image: InspectedImage,
  { copier, log, now }: CopyImageDeps,
  signal: AbortSignal,
): Promise<ResolvedImage['copy'] | StagingFailure> {
  if (copier === undefined) return undefined;
  const deadline = Date.parse(request.deadline) - MARGIN_MS;
  const { signal: ended, clear } = timedSignal(Math.max(0, deadline - now()));
  try {
    return await copier.copy(source, reference, image, {
      deadline,
      signal: AbortSignal.any([signal, ended]),
      log: (line) => log(line, 'OUT'),
    });
  } catch (error) {
    signal.throwIfAborted();
    return copyFailure(error, copier.droplets, ended.aborted);
  } finally {
    clear();
  }
}
