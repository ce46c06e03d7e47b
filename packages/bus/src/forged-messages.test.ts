import type { Msg } from '@nats-io/nats-core';
import { busAccess, jetStreamPrefix, type ServiceName, serviceNames } from '@slipway/contracts';
import { type NatsHandle, startNats } from '@slipway/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectTo, operatorBus } from './bus.test-support.ts';
import type { Bus } from './index.ts';

// Whoever asks JetStream for something names the subject that the answer goes to, and nats-server does not ask whether he
// may publish there. These tests ask for bytes that the asker wrote himself, to be sent to everybody else's subjects.

let nats: NatsHandle;
beforeAll(async () => {
  nats = await startNats();
});
afterAll(() => nats.stop());

const CANARY = 'forged-by-a-service';

/** Every subject that anybody publishes or stores under. */
const everySubject = [
  ...new Set(
    serviceNames.flatMap((service) => {
      const { publish, answer, consume, kvWrite } = busAccess(service, 'cell-2');
      return [
        ...publish,
        ...answer,
        ...consume.map(({ stream, durable }) => `dead-letter.${stream.name}.${durable}`),
        ...kvWrite.map(({ bucket, keys }) => `$KV.${bucket.name}.${keys}`),
      ];
    }),
  ),
].map((subject) => subject.replace('*', 'forged').replace('>', 'forged'));

/** Where each service can put bytes of its own and read them again. */
const ownRecords: readonly (readonly [ServiceName, string | undefined, string, string])[] = [
  ['cell-rep', 'cell-1', 'KV_instances', '$KV.instances.cell-1.own'],
  ['scheduler', undefined, 'KV_placements', '$KV.placements.placed.own'],
  ['cloud-controller', undefined, 'KV_desired-lrps', '$KV.desired-lrps.lrp.own'],
];

/** What everybody hears who hears anything, with the subject that it came on. */
async function listenEverywhere(attacker?: ServiceName): Promise<string[]> {
  const heard: string[] = [];
  const listen = (bus: Bus, who: string, subject: string): void => {
    const callback = (_: Error | null, message: Msg): void => {
      if (message.string().includes(CANARY)) heard.push(`${who} on ${message.subject}`);
    };
    bus.nc.subscribe(subject, { callback });
  };
  const operator = await operatorBus(nats);
  // The account in which the streams live, and where all that is stored comes by.
  for (const subject of everySubject) listen(operator, 'platform', subject);
  // Whom it fools in its own account is itself.
  const services = serviceNames.filter((name) => name !== 'cell-rep' && name !== attacker);
  for (const [service, cellId] of [...services.map((name) => [name] as const), ['cell-rep', 'cell-2'] as const]) {
    const bus = await connectTo(nats, service, cellId);
    const { subscribe, answer } = busAccess(service, cellId);
    for (const subject of [...subscribe, ...answer]) listen(bus, service, subject);
    await bus.nc.flush();
  }
  await operator.nc.flush();
  return heard;
}

test.each(ownRecords)(
  '%s cannot have its own bytes sent to a subject of another',
  async (service, cellId, stream, own) => {
    const heard = await listenEverywhere(service);
    const operator = await operatorBus(nats);
    const attacker = await connectTo(nats, service, cellId);
    const { publish, kvWrite, consume } = busAccess(service, cellId);
    const mine = [
      ...publish,
      ...kvWrite.map(({ bucket, keys }) => `$KV.${bucket.name}.${keys}`),
      ...consume.map(({ stream, durable }) => `dead-letter.${stream.name}.${durable}`),
    ];
    const isMine = (subject: string): boolean =>
      mine.some((pattern) =>
        new RegExp(`^${RegExp.escape(pattern).replace('\\*', '[^.]+').replace('>', '.+')}$`).test(subject),
      );
    await attacker.js.publish(`${jetStreamPrefix}.${own}`, CANARY);
    const before = await stored(operator);

    const requests = [
      [`${jetStreamPrefix}.DIRECT.GET.${stream}.${own}`, ''],
      [`${jetStreamPrefix}.STREAM.MSG.GET.${stream}`, JSON.stringify({ last_by_subj: own })],
    ] as const;
    const foreign = everySubject.filter((subject) => !isMine(subject));
    expect(foreign.length).toBeGreaterThan(8);
    for (const [request, query] of requests) {
      for (const reply of foreign) attacker.nc.publish(request, query, { reply });
      // Answers come in the order of the questions: after this one there are no more.
      expect((await attacker.nc.request(request, query)).string()).not.toBe('');
    }
    await operator.nc.flush();
    expect(heard).toEqual([]);
    expect(await stored(operator)).toEqual(before);
  },
);

test('the attack is real: within one account the same question has its answer stored under another’s subject', async () => {
  const operator = await operatorBus(nats);
  await operator.js.publish('$KV.instances.cell-1.own', CANARY);
  const before = await stored(operator);
  const request = '$JS.API.DIRECT.GET.KV_instances.$KV.instances.cell-1.own';
  operator.nc.publish(request, '', { reply: 'staging.result' });
  await operator.nc.request(request);
  expect(await stored(operator)).not.toEqual(before);
});

test('what a service publishes within its account under a foreign subject is refused aloud, and heard by nobody', async () => {
  const heard = await listenEverywhere();
  const attacker = await connectTo(nats, 'uaa');
  const refused = (async () => {
    for await (const status of attacker.nc.status()) if (status.type === 'error') return status.error.message;
    return '';
  })();
  attacker.nc.publish('staging.result', CANARY);
  expect(await refused).toMatch(/Permissions Violation.*staging\.result/);
  expect(heard).toEqual([]);
});

/** How much each stream has stored. */
async function stored(operator: Bus): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {};
  for await (const { config, state } of operator.jsm.streams.list()) counts[config.name] = state.last_seq;
  return counts;
}
