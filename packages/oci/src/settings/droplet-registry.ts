import { HUB, parseReference } from '../reference.ts';
import { canonicalHost } from './host-pattern.ts';

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

/**
 * Whether a repository may be one of the platform's own copies, however its registry is written: `host`, `host:443` and
 * `host:80` can be one, and what the settings hold for it holds for all of them. Wider than `isDropletCopy`: that decides
 * who gets credentials, this whom to refuse.
 */
export function mayBeDropletCopy(
  { registry, prefix }: DropletRegistry,
  place: { readonly registry: string; readonly repository: string },
): boolean {
  const within = prefix === '' || place.repository.startsWith(`${prefix}/`);
  const [own, other] = [spellings(registry), spellings(place.registry)];
  return within && own.host === other.host && own.ports.some((port) => other.ports.includes(port));
}

/** Without a port it is that of https or of http: which of them, the settings and a handshake say. */
function spellings(registry: string): { readonly host: string; readonly ports: readonly number[] } {
  const [, host = registry, port] = /^(.+?)(?::(\d+))?$/.exec(registry) ?? [];
  return { host: canonicalHost(host), ports: port === undefined ? [443, 80] : [Number(port)] };
}
