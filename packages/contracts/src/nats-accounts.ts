import { type BusAccess, busAccess, type ServiceName } from './bus-access.ts';
import type { BucketDefinition } from './topology.ts';
import { streams } from './topology.ts';

/**
 * Each service has a NATS account of its own, and nothing goes from one account to another but what is imported here.
 * Permissions alone would not do: whoever asks JetStream for something names the subject that the answer goes to, and
 * nats-server does not ask whether he may publish there. In an account of his own only he hears it.
 *
 * Streams live in the account `platform`, whose user makes them and the durable consumers (packages/topology); services
 * may neither make nor change any.
 */
export const platformAccount = 'platform';

/** JetStream's API of the platform's account as the services see it: the name `$JS.API` belongs to each account itself. */
export const jetStreamPrefix = 'platform.JS.API';

/** Where a stream says again what it has stored, with the sequence (header `Nats-Sequence`): `stored.<stream>.<subject>`. */
export const storedSubject = (stream: string, subject: string): string => `stored.${stream}.${subject}`;

/** Every user has an inbox prefix of its own. */
export const inboxPrefix = (user: string): string => `_INBOX_${user}`;

/** A service, or one of its processes, that connects to NATS. */
export interface NatsParticipant {
  readonly service: ServiceName;
  /** Of a cell-rep. */
  readonly cellId?: string;
  readonly password: string;
}

/** The user and the account of a service. A cell's is `cell-rep-<cell id>`. */
export function natsUserName(service: ServiceName, cellId?: string): string {
  return cellId === undefined ? service : `${service}-${cellId}`;
}

/** nats-server's `permissions` of one user. They make loud what the account makes impossible. */
export interface NatsPermissions {
  readonly publish: { readonly allow: readonly string[] };
  readonly subscribe: { readonly allow: readonly string[] };
  readonly allow_responses?: boolean;
}

type Kind = 'service' | 'stream';

/** What an account gets from another: a `service` is what it sends there, a `stream` what it hears from there. */
export interface NatsImport {
  readonly kind: Kind;
  readonly account: string;
  readonly subject: string;
  /** Its name in the importing account; default the same. */
  readonly to?: string;
  /** More than one answer to a request. */
  readonly answers?: 'many';
}

interface NatsAccount {
  readonly name: string;
  readonly access: BusAccess;
  readonly imports: readonly NatsImport[];
  readonly permissions: NatsPermissions;
}

const kvStream = (bucket: BucketDefinition<unknown>): string => `KV_${bucket.name}`;
const api = (request: string): NatsImport => ({
  kind: 'service',
  account: platformAccount,
  subject: `$JS.API.${request}`,
  to: `${jetStreamPrefix}.${request}`,
});
const send = (subject: string): NatsImport => ({ kind: 'service', account: platformAccount, subject });
const hear = (account: string, subject: string): NatsImport => ({ kind: 'stream', account, subject });

const readStream = (stream: string): readonly NatsImport[] => [
  api(`STREAM.MSG.GET.${stream}`),
  api(`DIRECT.GET.${stream}.>`),
  hear(platformAccount, storedSubject(stream, '>')),
];

const consumeDurable = (stream: string, durable: string): readonly NatsImport[] => [
  api(`CONSUMER.INFO.${stream}.${durable}`),
  { ...api(`CONSUMER.MSG.NEXT.${stream}.${durable}`), answers: 'many' },
  send(`$JS.ACK.${stream}.${durable}.>`),
  send(`dead-letter.${stream}.${durable}`),
];

/** The streams that an access names, the buckets' too. */
export function streamsOf(access: BusAccess): readonly string[] {
  const names = [
    ...[...access.streams, ...access.read].map(({ name }) => name),
    ...access.consume.flatMap(({ stream }) => [stream.name, streams.deadLetters.name]),
    ...access.kvRead.map(kvStream),
    ...access.kvWrite.map(({ bucket }) => kvStream(bucket)),
  ];
  return [...new Set(names)];
}

function platformImports(access: BusAccess): readonly NatsImport[] {
  const stored = new Set(access.streams.flatMap(({ subjects }) => subjects));
  return [
    ...streamsOf(access).map((stream) => api(`STREAM.INFO.${stream}`)),
    ...access.publish.filter((subject) => stored.has(subject)).map(send),
    ...access.consume.flatMap(({ stream, durable }) => consumeDurable(stream.name, durable)),
    ...access.read.flatMap(({ name }) => readStream(name)),
    ...access.kvRead.flatMap((bucket) => readStream(kvStream(bucket))),
    ...access.kvWrite.map(({ bucket, keys }): NatsImport => {
      const subject = `$KV.${bucket.name}.${keys}`;
      // The client puts the prefix of the API before the subjects of a bucket, too.
      return { ...send(subject), to: `${jetStreamPrefix}.${subject}` };
    }),
    ...(access.kvCompact ?? []).map((bucket) => api(`STREAM.PURGE.${kvStream(bucket)}`)),
  ];
}

interface Speaker {
  readonly name: string;
  readonly access: Pick<BusAccess, 'publish' | 'subscribe' | 'answer'>;
}

/** What passes from service to service without a stream between them. */
function coreImports(self: Speaker, all: readonly Speaker[]): readonly NatsImport[] {
  const others = all.filter(({ name }) => name !== self.name);
  return [
    ...others.flatMap(({ name, access }) =>
      access.answer
        .filter((subject) => self.access.publish.includes(subject))
        .map((subject): NatsImport => ({ kind: 'service', account: name, subject })),
    ),
    ...others.flatMap(({ name, access }) =>
      access.publish
        .filter((subject) => self.access.subscribe.some((pattern) => covers(pattern, subject)))
        .map((subject) => hear(name, subject)),
    ),
  ];
}

/** Whether all that `subject` matches is matched by `pattern`, too: `*` stands for one token. */
function covers(pattern: string, subject: string): boolean {
  const wanted = pattern.split('.');
  const tokens = subject.split('.');
  return wanted.length === tokens.length && wanted.every((token, i) => token === '*' || token === tokens[i]);
}

/** What the operator says and hears beside the streams: all of it, to look on and to try things. */
function operatorSpeaks(services: readonly Speaker[]): Speaker {
  const publish = services.flatMap(({ access }) => [...access.subscribe, ...access.answer]);
  const subscribe = services.flatMap(({ access }) => access.subscribe);
  return {
    name: platformAccount,
    access: { publish: [...new Set(publish)], subscribe: [...new Set(subscribe)], answer: [] },
  };
}

function permissionsOf(user: string, access: BusAccess, imports: readonly NatsImport[]): NatsPermissions {
  const local = ({ to, subject }: NatsImport): string => to ?? subject;
  const sent = imports.filter(({ kind }) => kind === 'service').map(local);
  const heard = imports.filter(({ kind }) => kind === 'stream').map(local);
  return {
    publish: { allow: [...new Set([...access.publish, ...sent])] },
    subscribe: { allow: [...new Set([`${inboxPrefix(user)}.>`, ...access.subscribe, ...access.answer, ...heard])] },
    ...(access.answer.length > 0 ? { allow_responses: true } : {}),
  };
}

/** The accounts of all who take part, each with exactly what it may exchange with the others. */
export function natsAccounts(participants: readonly Omit<NatsParticipant, 'password'>[]): {
  readonly services: readonly NatsAccount[];
  readonly platform: readonly NatsImport[];
} {
  const speakers = participants.map(({ service, cellId }) => ({
    name: natsUserName(service, cellId),
    access: busAccess(service, cellId),
  }));
  const operator = operatorSpeaks(speakers);
  const services = speakers.map(({ name, access }) => {
    const imports = [...platformImports(access), ...coreImports({ name, access }, [...speakers, operator])];
    return { name, access, imports, permissions: permissionsOf(name, access, imports) };
  });
  return { services, platform: coreImports(operator, speakers) };
}
