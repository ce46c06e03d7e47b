import type { DesiredLrp, LrpSidecar } from '@slipway/contracts';
import { imageVariables } from './image-variables.ts';

const VCAP_APPLICATION = 'VCAP_APPLICATION';

/** Where one instance runs. */
export interface InstanceIdentity {
  readonly instanceGuid: string;
  readonly index: number;
  /** The container's own address. */
  readonly address: string;
}

/**
 * What the platform puts over the image's own environment: what Cloud Controller gave, and over it what only the cell
 * knows. Instances are reached at the container's own address, so that is CF_INSTANCE_IP, and external ports are the
 * internal ones. A sidecar's own variables go over the app's. (PATH and USER, when nobody set them, follow from the user as the image has it: garden's part.)
 */
export function platformEnvironment(
  lrp: DesiredLrp,
  instance: InstanceIdentity,
  sidecar?: Pick<LrpSidecar, 'environment'>,
): Record<string, string> {
  const { instanceGuid, index, address } = instance;
  const [port] = lrp.ports;
  const given = { ...lrp.action.environment, ...sidecar?.environment };
  return {
    ...given,
    [VCAP_APPLICATION]: vcapApplication(given[VCAP_APPLICATION], lrp.ports, instance),
    ...imageVariables(lrp),
    INSTANCE_GUID: instanceGuid,
    INSTANCE_INDEX: String(index),
    CF_INSTANCE_GUID: instanceGuid,
    CF_INSTANCE_INDEX: String(index),
    CF_INSTANCE_IP: address,
    CF_INSTANCE_INTERNAL_IP: address,
    CF_INSTANCE_PORT: port === undefined ? '' : String(port),
    CF_INSTANCE_ADDR: port === undefined ? '' : `${address}:${port}`,
    CF_INSTANCE_PORTS: JSON.stringify(lrp.ports.map((p) => ({ external: p, internal: p }))),
  };
}

/** The launcher adds these four to what Cloud Controller wrote (dockerapplifecycle `launcher/main.go`). */
function vcapApplication(
  given: string | undefined,
  [port]: readonly number[],
  { instanceGuid, index }: InstanceIdentity,
): string {
  return JSON.stringify({
    ...parseObject(given),
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
