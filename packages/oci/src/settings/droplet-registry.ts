import { HUB, parseReference } from '../reference.ts';

/** The platform's own registry, where staging copies images to: `host[:port][/prefix]`. */
export interface DropletRegistry {
  /** As in references. */
  readonly registry: string;
  /** Without slashes at its ends; empty: the whole registry is the platform's. */
  readonly prefix: string;
}

export const DROPLET_REGISTRY_FORM = 'host[:port][/prefix] of a registry that is not the hub';

/** Undefined when the text is not `host[:port][/prefix]`. */
export function parseDropletRegistry(text: string): DropletRegistry | undefined {
  // A repository's last part, so that what stands before it is parsed as references are.
  const last = '/x';
  try {
    const { registry, repository, tag, digest } = parseReference(`${text}${last}`);
    if (registry === HUB || tag !== undefined || digest !== undefined) return undefined;
    return { registry: registry.toLowerCase(), prefix: repository.slice(0, -last.length) };
  } catch {
    // The form is all that can be said of what does not parse.
    return undefined;
  }
}

/** Whether a repository is one of the platform's own copies. */
export function isDropletCopy(
  { registry, prefix }: DropletRegistry,
  place: { readonly registry: string; readonly repository: string },
): boolean {
  const within = prefix === '' || place.repository.startsWith(`${prefix}/`);
  return within && place.registry.toLowerCase() === registry;
}
