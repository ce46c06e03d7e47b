const GUID_LENGTH = 36;

/** Diego's process guid: `<process guid>-<version>` (cloud_controller_ng `process_guid.rb`). */
export function lrpGuid(processGuid: string, version: string): string {
  return `${processGuid}-${version}`;
}

/** Takes a Diego process guid apart; undefined when it is not one. */
export function parseLrpGuid(guid: string): { readonly processGuid: string; readonly version: string } | undefined {
  if (guid.length !== 2 * GUID_LENGTH + 1 || guid[GUID_LENGTH] !== '-') return undefined;
  return { processGuid: guid.slice(0, GUID_LENGTH), version: guid.slice(GUID_LENGTH + 1) };
}
