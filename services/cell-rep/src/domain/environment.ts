import type { DesiredLrp } from '@slipway/contracts';

/** Garden's defaults (guardian `processes/env.go`). */
const ROOT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const USER_PATH = '/usr/local/bin:/usr/bin:/bin';
const VCAP_APPLICATION = 'VCAP_APPLICATION';

/** Where one instance runs. */
export interface InstanceIdentity {
  readonly instanceGuid: string;
  readonly index: number;
  /** The container's own address. */
  readonly address: string;
}

/**
 * The environment of the app's process as `NAME=value`. Later wins: the image's own (verbatim), what Cloud Controller
 * gave, what only the cell knows; PATH and USER only when nobody set them. Instances are reached at the container's
 * own address, so that is CF_INSTANCE_IP, and external ports are the internal ones.
 */
export function buildEnvironment(lrp: DesiredLrp, instance: InstanceIdentity): string[] {
  const env = new Map<string, string>();
  for (const entry of lrp.action.imageEnv) {
    const equals = entry.indexOf('=');
    if (equals > 0) env.set(entry.slice(0, equals), entry.slice(equals + 1));
  }
  for (const [name, value] of Object.entries(lrp.action.environment)) env.set(name, value);
  for (const [name, value] of cellVariables(lrp, instance)) env.set(name, value);
  const user = userName(lrp.action.user);
  if (!env.has('PATH')) env.set('PATH', user === 'root' || user === '0' ? ROOT_PATH : USER_PATH);
  if (!env.has('USER')) env.set('USER', user);
  return [...env].map(([name, value]) => `${name}=${value}`);
}

function cellVariables(lrp: DesiredLrp, { instanceGuid, index, address }: InstanceIdentity): [string, string][] {
  const [port] = lrp.ports;
  return [
    [VCAP_APPLICATION, vcapApplication(lrp, { instanceGuid, index, address })],
    ['INSTANCE_GUID', instanceGuid],
    ['INSTANCE_INDEX', String(index)],
    ['CF_INSTANCE_GUID', instanceGuid],
    ['CF_INSTANCE_INDEX', String(index)],
    ['CF_INSTANCE_IP', address],
    ['CF_INSTANCE_INTERNAL_IP', address],
    ['CF_INSTANCE_PORT', port === undefined ? '' : String(port)],
    ['CF_INSTANCE_ADDR', port === undefined ? '' : `${address}:${port}`],
    ['CF_INSTANCE_PORTS', JSON.stringify(lrp.ports.map((p) => ({ external: p, internal: p })))],
  ];
}

/** The launcher adds these four to what Cloud Controller wrote (dockerapplifecycle `launcher/main.go`). */
function vcapApplication(lrp: DesiredLrp, { instanceGuid, index }: InstanceIdentity): string {
  const [port] = lrp.ports;
  return JSON.stringify({
    ...parseObject(lrp.action.environment[VCAP_APPLICATION]),
    host: '0.0.0.0',
    instance_id: instanceGuid,
    instance_index: index,
    ...(port === undefined ? {} : { port }),
  });
}

function parseObject(text: string | undefined): Record<string, unknown> {
  if (text === undefined) return {};
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : {};
  } catch {
    // Cloud Controller writes JSON; should it not, the instance's own four are still right.
    return {};
  }
}

/** `name`, `uid`, `name:group`, `uid:gid` or nothing, which is root. */
function userName(user: string): string {
  const [name = ''] = user.split(':');
  return name === '' ? 'root' : name;
}
