import type { BoundService } from './bound-service.ts';
import { tellVolume, type VolumeMount } from './volumes.ts';

const LABEL = 'user-provided';

/** What an app is told of one binding (cloud_controller_ng `service_binding_presenter.rb`). */
export interface ServiceEntry {
  readonly label: string;
  readonly name: string;
  readonly tags: readonly string[];
  readonly instance_guid: string;
  readonly instance_name: string;
  readonly binding_guid: string;
  readonly binding_name: string | null;
  readonly credentials: Readonly<Record<string, unknown>>;
  readonly syslog_drain_url: null;
  readonly volume_mounts: readonly VolumeMount[];
}

export function serviceEntry(service: BoundService): ServiceEntry {
  const { instance, binding } = service;
  const { credentials, mounts } = tellVolume(service);
  return {
    label: LABEL,
    name: binding.name ?? instance.name,
    tags: instance.tags,
    instance_guid: instance.guid,
    instance_name: instance.name,
    binding_guid: binding.guid,
    binding_name: binding.name,
    credentials,
    syslog_drain_url: null,
    volume_mounts: mounts,
  };
}

/** VCAP_SERVICES, by label; nothing bound is an empty object. */
export function vcapServices(services: readonly BoundService[]): Record<string, readonly ServiceEntry[]> {
  return services.length === 0 ? {} : { [LABEL]: services.map(serviceEntry) };
}
