import type { RouterRegister } from '@slipway/contracts';

/** Hosts of other services on platforms with a host for each. */
const OTHERS = /^(?:uaa|login|log-cache)\./;

/** The route of the API: `/` of every host under which the platform answers, but for those of other services. */
export function apiRoute(options: {
  readonly host: string;
  readonly port: number;
  readonly systemHosts: readonly string[];
  readonly instanceId: string;
}): RouterRegister {
  return {
    host: options.host,
    port: options.port,
    uris: options.systemHosts.filter((host) => !OTHERS.test(host)),
    tags: { component: 'cloud-controller' },
    private_instance_id: options.instanceId,
  };
}
