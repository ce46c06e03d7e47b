import { HUB, parseReference, parseRegistry, ReferenceSyntaxError } from '@slipway/oci';

/** Which images registry credentials are for. */
export interface CredentialScope {
  /** `host[:port]` as in references, in lower case. */
  readonly registry: string;
  /** `team/app`: that repository and what is below it; `team/`: only what is below; empty: all of the registry. */
  readonly repositoryPrefix: string;
}

type ScopeResult =
  | { readonly outcome: 'parsed'; readonly scope: CredentialScope }
  | { readonly outcome: 'rejected'; readonly problem: string };

/** Reads what a user gave, by the grammar of image references. */
export function parseCredentialScope(registryText: string, prefix: string): ScopeResult {
  let registry: string;
  try {
    // Lowered first: `A` alone is a registry by its case only, and hosts are the same whatever their case.
    registry = parseRegistry(registryText.toLowerCase());
  } catch (error) {
    return { outcome: 'rejected', problem: syntaxProblem(error, 'Registry must be host[:port]', 0) };
  }
  const repository = prefix.endsWith('/') ? prefix.slice(0, -1) : prefix;
  if (prefix === '') return { outcome: 'parsed', scope: { registry, repositoryPrefix: '' } };
  try {
    const { tag, digest } = parseReference(`${registry}/${repository}`);
    if (tag !== undefined || digest !== undefined) {
      return { outcome: 'rejected', problem: 'Repository prefix must not have a tag or a digest' };
    }
  } catch (error) {
    const what = 'Repository prefix must be a repository as in image references, or end with "/"';
    return { outcome: 'rejected', problem: syntaxProblem(error, what, registry.length + 1) };
  }
  if (registry === HUB && !prefix.includes('/')) {
    const problem = `Repository prefix must name a repository of ${HUB} as "${prefix}/app" or "library/${prefix}", or a namespace as "${prefix}/"`;
    return { outcome: 'rejected', problem };
  }
  return { outcome: 'parsed', scope: { registry, repositoryPrefix: prefix } };
}

function syntaxProblem(error: unknown, what: string, skipped: number): string {
  if (!(error instanceof ReferenceSyntaxError)) throw error;
  return `${what}: expected ${error.expected} at character ${Math.max(error.offset - skipped, 0) + 1}`;
}

/** A repository that the credentials must let read; undefined where only a registry or a namespace is named. */
export function repositoryToCheck({ repositoryPrefix }: CredentialScope): string | undefined {
  return repositoryPrefix === '' || repositoryPrefix.endsWith('/') ? undefined : repositoryPrefix;
}

/** Credentials, and where they belong: to a space, or to an organization. */
export interface PlacedCredentials extends CredentialScope {
  readonly spaceGuid: string | null;
  readonly organizationGuid: string | null;
}

/**
 * Those that an image of an app is pulled with: a space's own before its organization's, then the longest prefix. At
 * most one of a place has a given registry and prefix, so the answer is one.
 */
export function bestCredentials<C extends PlacedCredentials>(
  candidates: readonly C[],
  place: { readonly spaceGuid: string; readonly organizationGuid: string },
  image: { readonly registry: string; readonly repository: string },
): C | undefined {
  return candidates
    .filter((candidate) =>
      candidate.spaceGuid === null
        ? candidate.organizationGuid === place.organizationGuid
        : candidate.spaceGuid === place.spaceGuid,
    )
    .filter((candidate) => covers(candidate, image))
    .reduce<C | undefined>((best, each) => (best === undefined || isNearer(each, best) ? each : best), undefined);
}

function isNearer(candidate: PlacedCredentials, other: PlacedCredentials): boolean {
  const ofSpace = candidate.spaceGuid !== null;
  if (ofSpace !== (other.spaceGuid !== null)) return ofSpace;
  return candidate.repositoryPrefix.length > other.repositoryPrefix.length;
}

function covers(scope: CredentialScope, image: { readonly registry: string; readonly repository: string }): boolean {
  const { registry, repositoryPrefix: prefix } = scope;
  if (registry !== image.registry.toLowerCase()) return false;
  if (prefix === '' || prefix === image.repository) return true;
  return image.repository.startsWith(prefix.endsWith('/') ? prefix : `${prefix}/`);
}
