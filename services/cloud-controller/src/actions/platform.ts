import { seal } from '@slipway/service-kit';
import type { Vault } from '../adapters/vault.ts';
import { purposes } from '../domain/secrets/purposes.ts';

/** What actions need besides their unit of work. */
export interface Platform {
  readonly externalUrl: string;
  readonly vault: Vault;
  readonly newGuid: () => string;
  /** Registry credentials of desired LRPs are sealed to it. */
  readonly cellPublicKey: string;
  readonly limits: Limits;
  /** Hosts of the platform itself, which no route may take. */
  readonly systemHosts: readonly string[];
}

export interface Limits {
  readonly defaultMemoryMb: number;
  readonly defaultDiskMb: number;
  readonly maximumDiskMb: number;
  readonly defaultLogRateBytesPerSecond: number;
  readonly defaultStartTimeoutS: number;
  readonly maximumStartTimeoutS: number;
  readonly stagingTimeoutS: number;
  /** Under way at a time. */
  readonly buildsPerOrganization: number;
  /** Of how many network policies an app may be the source, where no administrator made them. */
  readonly networkPoliciesPerSource: number;
  /** Whom processes may run as besides `vcap` and the image's own user. */
  readonly processUsers: readonly string[];
}

export interface StoredCredentials {
  readonly username: string | null;
  readonly password: string | null;
}

/** Decrypts stored registry credentials and seals them to a service's key; undefined when there are none. */
export function sealCredentials(
  vault: Vault,
  stored: StoredCredentials,
  purpose: string,
  publicKey: string,
): string | undefined {
  if (stored.username === null || stored.password === null) return undefined;
  const password = vault.decrypt(stored.password, purpose);
  return seal(JSON.stringify({ username: stored.username, password }), publicKey);
}

export function decryptEnvironment(vault: Vault, appGuid: string, sealed: string): Record<string, string> {
  return JSON.parse(vault.decrypt(sealed, purposes.environment(appGuid))) as Record<string, string>;
}

export function encryptEnvironment(vault: Vault, appGuid: string, variables: Record<string, string>): string {
  return vault.encrypt(JSON.stringify(variables), purposes.environment(appGuid));
}
