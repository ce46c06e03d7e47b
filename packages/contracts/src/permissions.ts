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

/** What a service does on NATS; the server's permissions are derived from it, so nothing else is possible. */
export interface BusAccess {
  /** Subjects published to. */
  readonly publish: readonly string[];
  /** Core subjects subscribed to. */
  readonly subscribe: readonly string[];
  /** Streams whose messages it publishes, hence may create. */
  readonly streams: readonly StreamDefinition[];
  /** Durable consumers it works through. */
  readonly consume: readonly { readonly stream: StreamDefinition; readonly durable: string }[];
  /** Streams it reads as a whole, with ephemeral ordered consumers. */
  readonly read: readonly StreamDefinition[];
  readonly kvRead: readonly BucketDefinition<unknown>[];
  readonly kvWrite: readonly { readonly bucket: BucketDefinition<unknown>; readonly keys: string }[];
  /** Buckets whose old deletion markers it takes away. */
  readonly kvCompact?: readonly BucketDefinition<unknown>[];
  /** May answer requests (the reply goes to the asker's inbox). */
  readonly replies: boolean;
}

const logs = { publish: ['log.envelope.*'], streams: [streams.logs] } as const;
const registersRoutes = {
  publish: [routerSubjects.register, routerSubjects.unregister, routerSubjects.greet],
  subscribe: [routerSubjects.start],
} as const;
const none: BusAccess = {
  publish: [],
  subscribe: [],
  streams: [],
  consume: [],
  read: [],
  kvRead: [],
  kvWrite: [],
  replies: false,
};

/** The access of a service. A cell's depends on its id: it writes nothing of another cell's. */
export function busAccess(service: ServiceName, cellId = '*'): BusAccess {
  switch (service) {
    case 'cloud-controller':
      return {
        ...none,
        publish: ['staging.request', ...logs.publish, ...registersRoutes.publish],
        subscribe: [...registersRoutes.subscribe, 'metrics.instances.*'],
        streams: [streams.staging, ...logs.streams],
        consume: [{ stream: streams.stagingResults, durable: 'cloud-controller' }],
        kvRead: [buckets.desiredLrps, buckets.placements, buckets.instances, buckets.tasks, buckets.cells],
        kvWrite: [
          { bucket: buckets.desiredLrps, keys: '>' },
          { bucket: buckets.tasks, keys: keys.desiredTasks },
        ],
      };
    case 'uaa':
      return { ...none, publish: registersRoutes.publish, subscribe: registersRoutes.subscribe };
    case 'stager':
      return {
        ...none,
        publish: ['staging.result', ...logs.publish],
        streams: [streams.stagingResults, ...logs.streams],
        consume: [{ stream: streams.staging, durable: 'stager' }],
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
        ],
        kvWrite: [
          { bucket: buckets.instances, keys: `${cellId}.>` },
          { bucket: buckets.tasks, keys: keys.taskStatesOf(cellId) },
          { bucket: buckets.cells, keys: cellId },
        ],
      };
    case 'router':
      return {
        ...none,
        publish: [routerSubjects.start, ...logs.publish],
        subscribe: [routerSubjects.register, routerSubjects.unregister, routerSubjects.greet],
        streams: logs.streams,
        replies: true,
      };
    case 'log-cache':
      return {
        ...none,
        publish: registersRoutes.publish,
        subscribe: registersRoutes.subscribe,
        streams: logs.streams,
        read: [streams.logs],
      };
  }
}

/** nats-server's `permissions` of one user. */
export interface NatsPermissions {
  readonly publish: { readonly allow: readonly string[] };
  readonly subscribe: { readonly allow: readonly string[] };
  readonly allow_responses?: boolean;
}

/** Every user has an inbox prefix of its own, so that none can read another's replies. */
export function inboxPrefix(user: string): string {
  return `_INBOX_${user}`;
}

const createOrFind = (stream: string): string[] => [`$JS.API.STREAM.INFO.${stream}`, `$JS.API.STREAM.CREATE.${stream}`];

const readStream = (stream: string): string[] => [
  ...createOrFind(stream),
  `$JS.API.CONSUMER.CREATE.${stream}`,
  `$JS.API.CONSUMER.CREATE.${stream}.>`,
  `$JS.API.CONSUMER.INFO.${stream}.*`,
  `$JS.API.CONSUMER.DELETE.${stream}.*`,
  `$JS.API.CONSUMER.MSG.NEXT.${stream}.*`,
  `$JS.API.STREAM.MSG.GET.${stream}`,
  `$JS.API.DIRECT.GET.${stream}`,
  `$JS.API.DIRECT.GET.${stream}.>`,
  `$JS.FC.${stream}.>`,
];

const consumeDurable = (stream: string, durable: string): string[] => [
  ...createOrFind(stream),
  ...createOrFind(streams.deadLetters.name),
  `$JS.API.CONSUMER.CREATE.${stream}.${durable}`,
  `$JS.API.CONSUMER.CREATE.${stream}.${durable}.>`,
  `$JS.API.CONSUMER.DURABLE.CREATE.${stream}.${durable}`,
  `$JS.API.CONSUMER.INFO.${stream}.${durable}`,
  `$JS.API.CONSUMER.MSG.NEXT.${stream}.${durable}`,
  `$JS.ACK.${stream}.${durable}.>`,
  `dead-letter.${stream}.${durable}`,
];

const kvStream = (bucket: BucketDefinition<unknown>): string => `KV_${bucket.name}`;

/** The permissions that let a service do exactly what its access says. `user` is its NATS user name. */
export function natsPermissions(access: BusAccess, user: string): NatsPermissions {
  const publish = [
    '$JS.API.INFO',
    ...access.publish,
    ...access.streams.flatMap((stream) => createOrFind(stream.name)),
    ...access.consume.flatMap(({ stream, durable }) => consumeDurable(stream.name, durable)),
    ...access.read.flatMap((stream) => readStream(stream.name)),
    ...access.kvRead.flatMap((bucket) => readStream(kvStream(bucket))),
    ...access.kvWrite.flatMap(({ bucket, keys: pattern }) => [
      ...createOrFind(kvStream(bucket)),
      `$KV.${bucket.name}.${pattern}`,
    ]),
    ...(access.kvCompact ?? []).map((bucket) => `$JS.API.STREAM.PURGE.${kvStream(bucket)}`),
  ];
  return {
    publish: { allow: [...new Set(publish)] },
    subscribe: { allow: [`${inboxPrefix(user)}.>`, ...access.subscribe] },
    ...(access.replies ? { allow_responses: true } : {}),
  };
}
