/** Names that only the platform sets (cloud_controller_ng `environment_variables_validator` / `validate_env`). */
const RESERVED = /^(?:PORT|VCAP_.*|VMC.*)$/;

export function isReservedVariable(name: string): boolean {
  return RESERVED.test(name);
}

export interface VcapApplicationInput {
  readonly apiUrl: string;
  readonly app: { readonly guid: string; readonly name: string };
  readonly space: { readonly guid: string; readonly name: string };
  readonly organization: { readonly guid: string; readonly name: string };
  readonly process: { readonly guid: string; readonly type: string; readonly version: string };
  readonly limits: { readonly memoryMb: number; readonly diskMb: number; readonly fileDescriptors: number };
  /** Host and path of each route. */
  readonly uris: readonly string[];
}

/** What an app learns of itself; the instance's own part (id, index) comes from the cell. */
export function vcapApplication(input: VcapApplicationInput): Record<string, unknown> {
  const { app, space, organization, process, limits, uris } = input;
  return {
    cf_api: input.apiUrl,
    limits: { fds: limits.fileDescriptors, mem: limits.memoryMb, disk: limits.diskMb },
    application_name: app.name,
    application_uris: uris,
    name: app.name,
    space_name: space.name,
    space_id: space.guid,
    organization_id: organization.guid,
    organization_name: organization.name,
    uris,
    process_id: process.guid,
    process_type: process.type,
    application_id: app.guid,
    version: process.version,
    application_version: process.version,
  };
}

export interface EnvironmentInput {
  /** Container ports; the first becomes PORT. */
  readonly ports: readonly number[];
  /** The running environment variable group, which every app gets. */
  readonly runningGroup: Readonly<Record<string, string>>;
  /** `cf set-env`. */
  readonly userVariables: Readonly<Record<string, string>>;
  readonly vcapApplication: Readonly<Record<string, unknown>>;
  /** VCAP_SERVICES, or where the files are that stand for it. */
  readonly services: Readonly<Record<string, string>>;
  /** Of the app itself, without its sidecars' shares. */
  readonly memoryMb: number;
}

/**
 * The platform's and the user's variables, which go over the image's ENV. Later wins: PORT, the running group, the
 * user's, VCAP_APPLICATION and MEMORY_LIMIT, services (cloud_controller_ng `desired_lrp_builder`, `environment`).
 */
export function processEnvironment(input: EnvironmentInput): Record<string, string> {
  const port = input.ports[0];
  const allowed = Object.entries({ ...input.runningGroup, ...input.userVariables });
  return {
    ...(port === undefined ? {} : { PORT: String(port) }),
    ...Object.fromEntries(allowed.filter(([name]) => !isReservedVariable(name))),
    // The cell adds host, port, instance_id and instance_index, as Diego's launcher does.
    VCAP_APPLICATION: JSON.stringify(input.vcapApplication),
    MEMORY_LIMIT: `${input.memoryMb}m`,
    ...input.services,
  };
}
