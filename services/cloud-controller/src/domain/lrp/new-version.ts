/** What of a process makes a new version when it changes while the app is started. */
export interface VersionedPart {
  readonly memoryMb: number;
  readonly healthCheckType: string;
  readonly healthCheckEndpoint: string | null;
  readonly readinessType: string;
  readonly readinessEndpoint: string | null;
  readonly ports: readonly number[];
}

/**
 * Does the change need new instances at once? Everything else (environment, command, disk, log rate) waits for the next
 * restart; instances and routes are changed in place (cloud_controller_ng `ProcessModel#version_needs_to_be_updated?`).
 */
export function needsNewVersion(before: VersionedPart, after: VersionedPart): boolean {
  return (
    before.memoryMb !== after.memoryMb ||
    before.healthCheckType !== after.healthCheckType ||
    before.healthCheckEndpoint !== after.healthCheckEndpoint ||
    before.readinessType !== after.readinessType ||
    before.readinessEndpoint !== after.readinessEndpoint ||
    before.ports.join() !== after.ports.join()
  );
}
