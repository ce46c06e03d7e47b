import { JetStreamApiError, StorageType } from '@nats-io/jetstream';
import { buckets, streams } from '@slipway/contracts';
import { createLogger, Secret } from '@slipway/service-kit';
import { type NatsHandle, startNats } from '@slipway/testing';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { connectTo, eventually, operatorBus } from './bus.test-support.ts';
import { keepTopology } from './index.ts';

let nats: NatsHandle;
beforeEach(async () => {
  nats = await startNats();
});
afterEach(() => nats.stop());

const everyStream = [
  ...Object.values(streams).map(({ name }) => name),
  ...Object.values(buckets).map(({ name }) => `KV_${name}`),
].toSorted();

test('makes every stream, every bucket and the consumers of the work queues', async () => {
  const { jsm } = await operatorBus(nats);
  const names: string[] = [];
  for await (const name of jsm.streams.names()) names.push(name);
  expect(names.toSorted()).toEqual(everyStream);
  for (const [stream, durable] of [
    ['STAGING', 'stager'],
    ['STAGING_RESULTS', 'cloud-controller'],
    ['REGISTRY_CHECKS', 'stager'],
    ['REGISTRY_CHECK_RESULTS', 'cloud-controller'],
  ] as const) {
    expect((await jsm.consumers.info(stream, durable)).config).toMatchObject({
      ack_policy: 'explicit',
      max_deliver: -1,
    });
  }
});

test('makes anew what is deleted, and leaves alone what is as it should be', async () => {
  const { jsm } = await operatorBus(nats);
  const kept = (await jsm.streams.info('KV_placements')).created;
  await jsm.consumers.delete('STAGING', 'stager');
  await jsm.streams.delete('KV_cells');
  const created = (stream: string): Promise<string | undefined> =>
    jsm.streams.info(stream).then(
      (info) => info.created,
      () => undefined,
    );
  await eventually(() => created('KV_cells')).toBeTypeOf('string');
  await eventually(() => jsm.consumers.info('STAGING', 'stager').then(({ name }) => name, String)).toBe('stager');
  expect(await created('KV_placements')).toBe(kept);
});

test('changes a stream that is otherwise than it should be, once', async () => {
  const { jsm, nc } = await operatorBus(nats);
  await jsm.streams.update('LOGS', { max_bytes: 1024 * 1024 });
  const { config } = await jsm.consumers.info('STAGING', 'stager');
  await jsm.consumers.update('STAGING', 'stager', { ack_wait: 60_000_000_000 });
  let updates = 0;
  nc.subscribe('$JS.EVENT.ADVISORY.STREAM.UPDATED.>', { callback: () => void updates++ });
  await nc.flush();
  for (let i = 0; i < 2; i++) {
    const keeper = keepTopology({
      url: nats.url,
      user: 'operator',
      password: new Secret(nats.password('operator')),
      logger: createLogger('test', 'silent'),
    });
    onTestFinished(() => keeper.stop());
    await keeper.complete;
    expect((await jsm.streams.info('LOGS')).config.max_bytes).toBe(streams.logs.maxBytes);
    expect((await jsm.consumers.info('STAGING', 'stager')).config).toEqual(config);
  }
  await nc.flush();
  expect(updates).toBe(1);
});

test('stops while it still waits for NATS', async () => {
  const keeper = keepTopology({
    url: 'nats://127.0.0.1:1',
    user: 'operator',
    password: new Secret('x'),
    logger: createLogger('test', 'silent'),
  });
  await keeper.stop();
  await expect(keeper.complete).rejects.toThrow('stopped before');
});

test('no service can make, change or delete a stream or a consumer', async () => {
  for (const [service, cellId] of [
    ['cell-rep', 'cell-1'],
    ['cloud-controller'],
    ['scheduler'],
    ['log-cache'],
  ] as const) {
    const { jsm } = await connectTo(nats, service, cellId);
    const refused = expect.objectContaining({ message: expect.stringMatching(/permissions violation|no responders/i) });
    await expect(jsm.streams.add({ name: 'MINE', subjects: ['mine.>'] })).rejects.toEqual(refused);
    await expect(jsm.streams.update('LOGS', { max_bytes: 1 })).rejects.toThrow();
    await expect(jsm.streams.delete('LOGS')).rejects.toEqual(refused);
    await expect(jsm.consumers.add('LOGS', { deliver_subject: 'staging.result' })).rejects.toThrow();
    await expect(jsm.consumers.add('KV_cells', { durable_name: 'mine' })).rejects.toEqual(refused);
  }
  const { jsm } = await operatorBus(nats);
  expect((await jsm.streams.info('LOGS')).config.max_bytes).toBe(streams.logs.maxBytes);
  await expect(jsm.streams.info('MINE')).rejects.toBeInstanceOf(JetStreamApiError);
});

test('a stream that cannot be as it should be keeps none of the others away', async () => {
  const { jsm } = await operatorBus(nats);
  const events: string[] = [];
  const keep = (): void => {
    const keeper = keepTopology({
      url: nats.url,
      user: 'operator',
      password: new Secret(nats.password('operator')),
      logger: createLogger('test', 'info', {
        write: (line) => void events.push((JSON.parse(line) as { msg: string }).msg),
      }),
    });
    onTestFinished(() => keeper.stop());
  };
  // The server changes the storage of no stream. This is the first of all.
  await jsm.streams.delete('STAGING');
  await jsm.streams.add({ name: 'STAGING', subjects: ['staging.request'], storage: StorageType.Memory });
  await jsm.streams.delete('KV_tasks');
  await jsm.consumers.delete('STAGING_RESULTS', 'cloud-controller');
  keep();
  keep();
  await eventually(() => events.filter((event) => event === 'topology.not-complete').length).toBeGreaterThan(3);
  await eventually(() => jsm.streams.info('KV_tasks').then(({ config }) => config.name, String)).toBe('KV_tasks');
  const durable = (): Promise<string> =>
    jsm.consumers.info('STAGING_RESULTS', 'cloud-controller').then(({ name }) => name, String);
  await eventually(durable).toBe('cloud-controller');
  expect((await jsm.streams.info('STAGING')).config.storage).toBe('memory');
});
