import type { LrpVolume } from '@slipway/contracts';
import { z } from 'zod';
import type { BoundService } from './bound-service.ts';

/** What a service has to be a volume: this field of its credentials. */
export const VOLUME_FIELD = 'volume';

const MAX_PATH = 4_096;
const MAX_ID = 2_147_483_647;

/** Absolute, and of plain names: nobody has to work out where it leads. */
const pathSchema = z
  .string()
  .max(MAX_PATH)
  .refine(
    (path) =>
      /^\/[^\0]+$/.test(path) &&
      path
        .slice(1)
        .split('/')
        .every((part) => !['', '.', '..'].includes(part)),
    'must be an absolute path without empty parts, . or ..',
  );
const idSchema = z.int().min(0).max(MAX_ID);

/** In the words of Cloud Foundry's volume services (`nfs-volume`): where it is mounted, and for whom. */
const volumeSchema = z.strictObject({
  source: pathSchema,
  mount: pathSchema,
  readonly: z.boolean().optional(),
  uid: idSchema.optional(),
  gid: idSchema.optional(),
});

type Credentials = BoundService['credentials'];

/** Why a service cannot be the volume that it says it is; undefined when it can, or says nothing. */
export function volumeProblem(credentials: Credentials): string | undefined {
  if (!Object.hasOwn(credentials, VOLUME_FIELD)) return undefined;
  const result = volumeSchema.safeParse(credentials[VOLUME_FIELD]);
  if (result.success) return undefined;
  const problems = result.error.issues.map(({ path, message }) => `${[VOLUME_FIELD, ...path].join('.')} ${message}`);
  return `The service instance is no volume that can be mounted: ${problems.join('; ')}`;
}

/** Why what an app is bound to cannot all be mounted in one container; undefined when it can. */
export function volumesProblem(services: readonly BoundService[]): string | undefined {
  const mounts = new Map<string, string>();
  for (const { instance, credentials } of services) {
    const problem = volumeProblem(credentials);
    if (problem !== undefined) return `${problem} (service instance '${instance.name}')`;
    const destination = volumeOf({ instance, credentials })?.destination;
    if (destination === undefined) continue;
    const other = mounts.get(destination);
    if (other !== undefined) {
      return `The service instances '${other}' and '${instance.name}' are both volumes to be mounted at ${destination}`;
    }
    mounts.set(destination, instance.name);
  }
  return undefined;
}

/** The volume that a service is; undefined when it is none. Of what is stored nothing is malformed but what was there before. */
export function volumeOf({
  instance,
  credentials,
}: Pick<BoundService, 'instance' | 'credentials'>): LrpVolume | undefined {
  const { success, data } = volumeSchema.safeParse(credentials[VOLUME_FIELD]);
  if (!success) return undefined;
  const { source, mount, readonly, uid, gid } = data;
  const owner = { ...(uid === undefined ? {} : { uid }), ...(gid === undefined ? {} : { gid }) };
  return { name: instance.name, source, destination: mount, readOnly: readonly ?? false, ...owner };
}

/** As a desired LRP or task has them; nothing where there are none. */
export function lrpVolumes(services: readonly BoundService[]): { volumes?: LrpVolume[] } {
  const volumes = services.map((service) => volumeOf(service)).filter((volume) => volume !== undefined);
  return volumes.length === 0 ? {} : { volumes };
}

/** An entry of `volume_mounts` (cloud_controller_ng `service_binding_presenter.rb`). */
export interface VolumeMount {
  readonly container_dir: string;
  readonly device_type: 'shared';
  readonly mode: 'r' | 'rw';
}

/** What an app is told of a service: its mount, and its credentials without where that is on the host. */
export function tellVolume(service: Pick<BoundService, 'instance' | 'credentials'>): {
  readonly credentials: Credentials;
  readonly mounts: readonly VolumeMount[];
} {
  const volume = volumeOf(service);
  if (volume === undefined) return { credentials: service.credentials, mounts: [] };
  const { [VOLUME_FIELD]: _, ...credentials } = service.credentials;
  const mount: VolumeMount = {
    container_dir: volume.destination,
    device_type: 'shared',
    mode: volume.readOnly ? 'r' : 'rw',
  };
  return { credentials, mounts: [mount] };
}
