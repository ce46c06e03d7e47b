export interface BoundService {
  readonly instance: { readonly guid: string; readonly name: string; readonly tags: readonly string[] };
  readonly binding: { readonly guid: string; readonly name: string | null };
  readonly credentials: Readonly<Record<string, unknown>>;
}

const LABEL = 'user-provided';

/** VCAP_SERVICES, by label (cloud_controller_ng `service_binding_presenter.rb`); nothing bound is an empty object. */
export function vcapServices(services: readonly BoundService[]): Record<string, unknown> {
  if (services.length === 0) return {};
  return {
    [LABEL]: services.map(({ instance, binding, credentials }) => ({
      label: LABEL,
      name: binding.name ?? instance.name,
      tags: instance.tags,
      instance_guid: instance.guid,
      instance_name: instance.name,
      binding_guid: binding.guid,
      binding_name: binding.name,
      credentials,
      syslog_drain_url: null,
      volume_mounts: [],
    })),
  };
}
