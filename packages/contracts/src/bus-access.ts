import { routerSubjects } from './router-messages.ts';
import type { BucketDefinition, StreamDefinition } from './topology.ts';
import { buckets, keys, streams } from './topology.ts';

export const serviceNames = [
  'cloud-controller',
  'uaa',
  'stager',
  'scheduler',
  'cell-rep',
  'router',
  'log-cache',
] as const;
export type ServiceName = (typeof serviceNames)[number];

/** What a service does on NATS; its account and its permissions are derived from it, so nothing else is possible. */
export interface BusAccess {
  /** Subjects published to. */
  readonly publish: readonly string[];
  /** Core subjects subscribed to. */
  readonly subscribe: readonly string[];
  /** Core subjects on which it answers requests. */
  readonly answer: readonly string[];
  /** Streams whose messages it publishes. */
  readonly streams: readonly StreamDefinition[];
  /** Durable consumers it works through. */
  readonly consume: readonly { readonly stream: StreamDefinition; readonly durable: string }[];
  /** Streams it reads as a whole. */
  readonly read: readonly StreamDefinition[];
  readonly kvRead: readonly BucketDefinition<unknown>[];
  readonly kvWrite: readonly { readonly bucket: BucketDefinition<unknown>; readonly keys: string }[];
  /** Buckets whose old deletion markers it takes away. */
  readonly kvCompact?: readonly BucketDefinition<unknown>[];
}

const logs = { publish: ['log.envelope.*'], streams: [streams.logs] } as const;
const registersRoutes = {
  publish: [routerSubjects.register, routerSubjects.unregister, routerSubjects.greet],
  subscribe: [routerSubjects.start],
} as const;
const none: BusAccess = {
  publish: [],
  subscribe: [],
  answer: [],
  streams: [],
  consume: [],
  read: [],
  kvRead: [],
  kvWrite: [],
};

/** The access of a service. A cell's depends on its id: it writes nothing of another cell's. */
export function busAccess(service: ServiceName, cellId = '*'): BusAccess {
  switch (service) {
    case 'cloud-controller':
      return {
        ...none,
        publish: ['staging.request', 'registry.check.request', ...logs.publish, ...registersRoutes.publish],
        subscribe: [...registersRoutes.subscribe, 'metrics.instances.*'],
        streams: [streams.staging, streams.registryChecks, ...logs.streams],
        consume: [
          { stream: streams.stagingResults, durable: 'cloud-controller' },
          { stream: streams.registryCheckResults, durable: 'cloud-controller' },
        ],
        kvRead: [
          buckets.desiredLrps,
          buckets.placements,
          buckets.instances,
          buckets.tasks,
          buckets.cells,
          buckets.cellDisks,
          buckets.wantedImages,
          buckets.networkPolicies,
        ],
        kvWrite: [
          { bucket: buckets.desiredLrps, keys: '>' },
          { bucket: buckets.tasks, keys: keys.desiredTasks },
          { bucket: buckets.wantedImages, keys: '>' },
          { bucket: buckets.networkPolicies, keys: '>' },
        ],
        // What is gone is not asked for by its marker for long, so whoever leaves them may clear them.
        kvCompact: [buckets.wantedImages, buckets.networkPolicies],
      };
    case 'uaa':
      return { ...none, publish: registersRoutes.publish, subscribe: registersRoutes.subscribe };
    case 'stager':
      return {
        ...none,
        publish: ['staging.result', 'registry.check.result', ...logs.publish],
        streams: [streams.stagingResults, streams.registryCheckResults, ...logs.streams],
        consume: [
          { stream: streams.staging, durable: 'stager' },
          { stream: streams.registryChecks, durable: 'stager' },
        ],
      };
    case 'scheduler':
      return {
        ...none,
        kvRead: [
          buckets.desiredLrps,
          buckets.placements,
          buckets.instances,
          buckets.tasks,
          buckets.cells,
          buckets.leases,
        ],
        kvWrite: [
          { bucket: buckets.placements, keys: '>' },
          { bucket: buckets.tasks, keys: keys.taskPlacements },
          { bucket: buckets.leases, keys: keys.schedulerLease },
        ],
        // Each key is used once, so markers would pile up; the one leader clears them for all writers.
        kvCompact: [buckets.desiredLrps, buckets.placements, buckets.instances, buckets.tasks],
      };
    case 'cell-rep':
      return {
        ...none,
        publish: [`metrics.instances.${cellId}`, ...logs.publish, ...registersRoutes.publish],
        subscribe: registersRoutes.subscribe,
        streams: logs.streams,
        // The lease tells whether a scheduler is there to place again what lost its placement.
        kvRead: [
          buckets.desiredLrps,
          buckets.placements,
          buckets.instances,
          buckets.tasks,
          buckets.cells,
          buckets.leases,
          buckets.wantedImages,
          buckets.networkPolicies,
        ],
        kvWrite: [
          { bucket: buckets.instances, keys: `${cellId}.>` },
          { bucket: buckets.tasks, keys: keys.taskStatesOf(cellId) },
          { bucket: buckets.cells, keys: cellId },
          { bucket: buckets.cellDisks, keys: cellId },
        ],
      };
    case 'router':
      return {
        ...none,
        publish: [routerSubjects.start, ...logs.publish],
        subscribe: [routerSubjects.register, routerSubjects.unregister],
        answer: [routerSubjects.greet],
        streams: logs.streams,
      };
    case 'log-cache':
      return {
        ...none,
        publish: registersRoutes.publish,
        subscribe: [...registersRoutes.subscribe, 'metrics.instances.*'],
        streams: logs.streams,
        read: [streams.logs],
      };
  }
}
