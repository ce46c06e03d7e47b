import type { Secret } from '@slipway/service-kit';
import { HUB } from '../reference.ts';
import type { RegistryCredentials } from '../registry/credentials.ts';
import { compareSpecificity, type HostPattern, type HostTarget, matchesHost, registryTarget } from './host-pattern.ts';
import { HostRules } from './host-rules.ts';

/** Another registry that may have the images of this one. */
export interface Mirror {
  /** As in references. */
  readonly registry: string;
  /** Put before the name of a repository; without slashes at its ends, often empty. */
  readonly prefix: string;
  /** Whether it may say what a tag means; else it is asked for digests only. */
  readonly tags: boolean;
}

/** A program that knows the credentials of registries. */
export interface HelperSettings {
  /** A name to be found on PATH, or an absolute path. */
  readonly program: string;
  readonly environment: Readonly<Record<string, string>>;
}

export interface ClientCertificate {
  readonly certificate: string;
  readonly key: Secret;
}

/** All that is set for the registries of one pattern. */
export interface RegistryEntry {
  readonly pattern: HostPattern;
  /** In the order in which they are asked; the registry itself comes last. */
  readonly mirrors: readonly Mirror[];
  readonly credentials: RegistryCredentials | undefined;
  readonly helper: HelperSettings | undefined;
  /** PEM, beside those of the system. */
  readonly authorities: readonly string[];
  readonly clientCertificate: ClientCertificate | undefined;
}

/** The parsed and checked registries settings. */
export interface RegistrySettings {
  readonly plainHttp: HostRules;
  readonly unverifiedTls: HostRules;
  /** Host names. */
  readonly trustedTokenHosts: readonly string[];
  /** Most specific first. */
  readonly entries: readonly RegistryEntry[];
}

export const emptySettings: RegistrySettings = {
  plainHttp: new HostRules([], []),
  unverifiedTls: new HostRules([], []),
  trustedTokenHosts: [],
  entries: [],
};

export function sortEntries(entries: readonly RegistryEntry[]): readonly RegistryEntry[] {
  return entries.toSorted((a, b) => compareSpecificity(a.pattern, b.pattern));
}

/** All are Docker Hub: its name in references, and the hosts where its API was and is. */
const HUB_HOSTS: ReadonlySet<string> = new Set([HUB, 'index.docker.io', 'registry-1.docker.io']);

/** The one entry that holds for a host: the most specific one, alone. */
export function entryForHost(settings: RegistrySettings, target: HostTarget): RegistryEntry | undefined {
  const hosts = HUB_HOSTS.has(target.host) ? [target.host, HUB] : [target.host];
  for (const host of hosts) {
    const found = settings.entries.find(({ pattern }) => matchesHost(pattern, { ...target, host }));
    if (found) return found;
  }
  return undefined;
}

/** As `entryForHost`, for a registry as references have it. */
export function entryForRegistry(settings: RegistrySettings, registry: string): RegistryEntry | undefined {
  return entryForHost(settings, registryTarget(registry));
}

/**
 * Whether networks of the lists may make this host insecure. Not where certificates or credentials are set for it: who
 * answers for its name in DNS must not choose how it is spoken to.
 */
export function networksApply(settings: RegistrySettings, target: HostTarget): boolean {
  const entry = entryForHost(settings, target);
  return (
    entry === undefined ||
    (entry.authorities.length === 0 &&
      entry.clientCertificate === undefined &&
      entry.credentials === undefined &&
      entry.helper === undefined)
  );
}
