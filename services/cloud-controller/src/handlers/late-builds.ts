import type { Platform } from '../actions/platform.ts';
import { failExpiredBuilds } from '../actions/staging.ts';
import type { Writer } from '../adapters/sql/writer.ts';

/** A result that left the stager just in time may take so long to get here. */
const GRACE_MS = 30_000;

/** Fails builds that no stager answered (cloud_controller_ng `pending_build_cleanup.rb`). */
export function failLateBuilds(writer: Writer, platform: Platform, now: () => Date): Promise<number> {
  const before = new Date(now().getTime() - GRACE_MS).toISOString();
  return writer.write((unit) => failExpiredBuilds(unit, platform, before));
}
