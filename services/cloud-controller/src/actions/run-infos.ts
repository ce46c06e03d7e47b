import { type RunInfo, runInfoSchema } from '../domain/lrp/run-info.ts';
import { purposes } from '../domain/secrets/purposes.ts';
import type { Platform } from './platform.ts';

/** As it is kept: it holds the whole environment of the process. */
export function sealRunInfo({ vault }: Pick<Platform, 'vault'>, processGuid: string, runInfo: RunInfo): string {
  return vault.encrypt(JSON.stringify(runInfo), purposes.runInfo(processGuid));
}

/** Throws when it cannot be opened, or is none. */
export function openRunInfo({ vault }: Pick<Platform, 'vault'>, processGuid: string, sealed: string): RunInfo {
  return runInfoSchema.parse(JSON.parse(vault.decrypt(sealed, purposes.runInfo(processGuid))));
}
