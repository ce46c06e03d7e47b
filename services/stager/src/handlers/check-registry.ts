import type { RegistryCheckRequest, RegistryCheckResult } from '@slipway/contracts';
import type { RegistryClient } from '@slipway/oci';
import type { SealingKeys } from '@slipway/service-kit';
import { checkAnswered, checkDeadlineExceeded, checkFailed } from '../domain/check-result.ts';
import { openCredentials } from './open-credentials.ts';

export interface CheckRegistryDeps {
  readonly registry: RegistryClient;
  readonly keys: SealingKeys;
  readonly now: () => number;
}

/** The answer has to get back in time. */
const MARGIN_MS = 5_000;

/**
 * Asks a registry whether it takes a user name and password. Whatever it says, or does not, is a result; only `signal`
 * (the stager stops, another shall do it) rejects.
 */
export async function checkRegistry(
  request: RegistryCheckRequest,
  { registry, keys, now }: CheckRegistryDeps,
  signal: AbortSignal,
): Promise<RegistryCheckResult> {
  const startedAt = now();
  const { checkGuid, repository, deadline } = request;
  const place = { registry: request.registry, repository };
  const end = Date.parse(deadline) - MARGIN_MS;
  const result = (finding: Pick<RegistryCheckResult, 'outcome' | 'code' | 'detail'>): RegistryCheckResult => ({
    checkGuid,
    ...finding,
    durationMs: now() - startedAt,
  });
  if (end <= startedAt) return result(checkDeadlineExceeded(request.registry));
  const over = AbortSignal.timeout(end - startedAt);
  try {
    const credentials = openCredentials(request.credentials, keys);
    const options = { signal: AbortSignal.any([signal, over]), deadline: end };
    return result(checkAnswered(await registry.checkLogin(place, credentials, options)));
  } catch (error) {
    signal.throwIfAborted();
    return result(over.aborted ? checkDeadlineExceeded(request.registry) : checkFailed(error));
  }
}
