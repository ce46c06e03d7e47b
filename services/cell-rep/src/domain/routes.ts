import type { DesiredLrp, Instance, RouterRegister } from '@slipway/contracts';

const MILLISECOND_NS = 1_000_000;

/**
 * What the routers are told of one instance, in Gorouter's wire format: one message for each route, as route-emitter
 * does. Empty unless it runs and may be routed to. A route to a port that the instance does not have is left out.
 */
export function routesOf(lrp: DesiredLrp, instance: Instance, zone: string): RouterRegister[] {
  const { address } = instance;
  if (instance.state !== 'RUNNING' || !instance.routable || address === undefined) return [];
  const ports = new Set((instance.ports ?? []).map(({ containerPort }) => containerPort));
  return lrp.routes
    .filter(({ port }) => ports.has(port))
    .map(({ uri, port, protocol, options }) => ({
      host: address,
      port,
      protocol,
      uris: [uri],
      app: lrp.app.guid,
      private_instance_id: instance.instanceGuid,
      private_instance_index: String(instance.index),
      endpoint_updated_at_ns: Date.parse(instance.since) * MILLISECOND_NS,
      availability_zone: zone,
      ...(options === undefined ? {} : { options }),
      tags: { ...instanceTags(lrp, instance), component: 'cell-rep' },
    }));
}

/** What was registered and no longer is: route-emitter's identity of a message is address, port, uri and protocol. */
export function routesGone(before: readonly RouterRegister[], after: readonly RouterRegister[]): RouterRegister[] {
  const kept = new Set(after.map(identity));
  return before.filter((message) => !kept.has(identity(message)));
}

/** Tags of logs, metrics and routes; the last two differ from one instance to the next. */
export function instanceTags(
  lrp: Pick<DesiredLrp, 'metricTags'>,
  instance: { readonly instanceGuid: string; readonly index: number },
): Record<string, string> {
  return {
    ...lrp.metricTags,
    process_instance_id: instance.instanceGuid,
    instance_id: String(instance.index),
  };
}

function identity({ host, port, uris, protocol }: RouterRegister): string {
  return JSON.stringify([host, port, uris, protocol]);
}
