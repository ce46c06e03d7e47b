import { randomUUID } from 'node:crypto';
import {
  buckets,
  keys,
  type Lease,
  type ServiceName,
  type StagingRequest,
  stagingRequest,
  stagingResult,
} from '@slipway/contracts';
import { type NatsHandle, startNats } from '@slipway/testing';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { connectTo, eventually, operatorBus } from './bus.test-support.ts';
import { type Bus, KvStore, KvView, publishMessage, startWorkQueue } from './index.ts';

let nats: NatsHandle;
beforeAll(async () => {
  nats = await startNats();
});
afterAll(() => nats.stop());

const connect = (service: ServiceName, cellId?: string): Promise<Bus> => connectTo(nats, service, cellId);

const request = (): StagingRequest => ({
  buildGuid: randomUUID(),
  appGuid: randomUUID(),
  packageGuid: randomUUID(),
  image: 'localhost:5000/app:1',
  deadline: new Date(Date.now() + 60_000).toISOString(),
});
const lease = (holder: string): Lease => ({ v: 1, holder, epoch: 1, renewedAt: new Date().toISOString() });
const workQueueOf = { ...stagingRequest, stream: 'STAGING' } as const;

describe('work queue', () => {
  test('hands each message to one of the consumers, once', async () => {
    const controller = await connect('cloud-controller');
    const stagers = await Promise.all([connect('stager'), connect('stager')]);
    const seen: string[] = [];
    const all = Promise.withResolvers<void>();
    for (const stager of stagers) {
      const queue = await startWorkQueue(stager, {
        definition: workQueueOf,
        durable: 'stager',
        concurrency: 2,
        handle: async ({ data }) => {
          seen.push(data.buildGuid);
          if (seen.length === 10) all.resolve();
        },
      });
      onTestFinished(() => queue.stop());
    }
    const requests = Array.from({ length: 10 }, request);
    for (const data of requests) await publishMessage(controller, stagingRequest, data);
    await all.promise;
    expect(seen.toSorted()).toEqual(requests.map((r) => r.buildGuid).toSorted());
  });

  test('drops a repeated publish of one id', async () => {
    const controller = await connect('cloud-controller');
    const stager = await connect('stager');
    const data = request();
    const last = request();
    for (let i = 0; i < 3; i++) await publishMessage(controller, stagingRequest, data, { id: data.buildGuid });
    await publishMessage(controller, stagingRequest, last, { id: last.buildGuid });
    const seen: string[] = [];
    const done = Promise.withResolvers<void>();
    const queue = await startWorkQueue(stager, {
      definition: workQueueOf,
      durable: 'stager',
      concurrency: 1,
      handle: async (message) => {
        seen.push(message.data.buildGuid);
        if (message.data.buildGuid === last.buildGuid) done.resolve();
      },
    });
    onTestFinished(() => queue.stop());
    await done.promise;
    expect(seen).toEqual([data.buildGuid, last.buildGuid]);
  });

  test('takes no more than it has hands for, so that the rest goes to whoever is free', async () => {
    const controller = await connect('cloud-controller');
    const release = Promise.withResolvers<void>();
    const seen: string[][] = [[], []];
    const all = Promise.withResolvers<void>();
    const start = async (who: number, handle: () => Promise<void>): Promise<void> => {
      const queue = await startWorkQueue(await connect('stager'), {
        definition: workQueueOf,
        durable: 'stager',
        concurrency: 1,
        handle: async ({ data }) => {
          seen[who]?.push(data.buildGuid);
          if (seen.flat().length === 5) all.resolve();
          await handle();
        },
      });
      onTestFinished(() => queue.stop());
    };
    await start(0, () => release.promise);
    const requests = Array.from({ length: 5 }, request);
    for (const data of requests) await publishMessage(controller, stagingRequest, data);
    await expect.poll(() => seen[0]?.length).toBe(1);
    await start(1, async () => undefined);
    await all.promise;
    expect(seen.map((taken) => taken.length)).toEqual([1, 4]);
    release.resolve();
  });

  test('goes on after NATS was restarted and after its store was lost, with nobody touching it', async () => {
    const controller = await connect('cloud-controller');
    const seen: string[] = [];
    const queue = await startWorkQueue(await connect('stager'), {
      definition: workQueueOf,
      durable: 'stager',
      concurrency: 2,
      handle: async ({ data }) => void seen.push(data.buildGuid),
    });
    onTestFinished(() => queue.stop());
    for (const wipe of [false, true, false]) {
      await nats.restart({ wipe });
      await eventually(() => controller.ready).toBe(true);
      const data = request();
      await eventually(() =>
        publishMessage(controller, stagingRequest, data, { id: data.buildGuid })
          .then(() => 'sent')
          .catch(String),
      ).toBe('sent');
      await eventually(() => seen.at(-1)).toBe(data.buildGuid);
    }
  });

  test('a stop waits for the work under way, and gives back what does not end in time', async () => {
    const controller = await connect('cloud-controller');
    const started = Promise.withResolvers<void>();
    const first = await startWorkQueue(await connect('stager'), {
      definition: workQueueOf,
      durable: 'stager',
      concurrency: 1,
      handle: async (_, signal) => {
        started.resolve();
        await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
      },
    });
    const data = request();
    await publishMessage(controller, stagingRequest, data);
    await started.promise;
    expect(first.busy()).toBe(1);
    await first.stop(10);
    expect(first.busy()).toBe(0);
    const taken = Promise.withResolvers<string>();
    const second = await startWorkQueue(await connect('stager'), {
      definition: workQueueOf,
      durable: 'stager',
      concurrency: 1,
      handle: async (message) => taken.resolve(message.data.buildGuid),
    });
    onTestFinished(() => second.stop());
    expect(await taken.promise).toBe(data.buildGuid);
  });

  test('buries what does not parse and what fails too often, with the reason, and goes on', async () => {
    const controller = await connect('cloud-controller');
    const stager = await connect('stager');
    await controller.js.publish('staging.request', '{"not":"a message"}');
    const poison = request();
    const good = request();
    await publishMessage(controller, stagingRequest, poison);
    await publishMessage(controller, stagingRequest, good);
    const done = Promise.withResolvers<void>();
    const queue = await startWorkQueue(stager, {
      definition: workQueueOf,
      durable: 'stager',
      concurrency: 1,
      maxDeliveries: 2,
      retryMs: 1,
      handle: async ({ data }) => {
        if (data.buildGuid === poison.buildGuid) throw new Error('cannot be staged');
        done.resolve();
      },
    });
    onTestFinished(() => queue.stop());
    await done.promise;
    const operator = await operatorBus(nats);
    await expect
      .poll(async () => {
        const reasons: string[] = [];
        const info = await operator.jsm.streams.info('DEAD_LETTERS');
        for (let seq = info.state.first_seq; seq <= info.state.last_seq; seq++) {
          const stored = await operator.jsm.streams.getMessage('DEAD_LETTERS', { seq });
          reasons.push(stored?.json<{ data: { reason: string } }>().data.reason ?? '');
        }
        return reasons;
      })
      .toEqual([expect.stringContaining('not a valid staging.request'), 'cannot be staged']);
  });
});

describe('work queue with what cannot be handled', () => {
  const deadLetters = async (operator: Bus): Promise<string[]> => {
    const reasons: string[] = [];
    const info = await operator.jsm.streams.info('DEAD_LETTERS');
    for (let seq = Math.max(info.state.first_seq, 1); seq <= info.state.last_seq; seq++) {
      const stored = await operator.jsm.streams.getMessage('DEAD_LETTERS', { seq });
      reasons.push(stored?.json<{ data: { reason: string } }>().data.reason ?? '');
    }
    return reasons;
  };

  test('a message of which everything is wrong is buried, however much there is to say about it', async () => {
    const operator = await operatorBus(nats);
    const layers = Array.from({ length: 60_000 }, () => ({ size: -1 }));
    const envelope = { type: 'staging.result', v: 1, id: 'x', time: new Date().toISOString(), source: 'test' };
    const data = { outcome: 'staged', image: { layers }, execution: {} };
    const queue = await startWorkQueue(await connect('cloud-controller'), {
      definition: { ...stagingResult, stream: 'STAGING_RESULTS' },
      durable: 'cloud-controller',
      concurrency: 1,
      handle: async () => undefined,
    });
    onTestFinished(() => queue.stop());
    const before = (await deadLetters(operator)).length;
    await operator.js.publish('staging.result', JSON.stringify({ ...envelope, data }));
    await eventually(async () => (await deadLetters(operator)).length).toBe(before + 1);
    expect((await deadLetters(operator)).at(-1)).toMatch(/^not a valid staging.result/);
  });

  test('a message whose handlers all died before they could answer is buried', async () => {
    const operator = await operatorBus(nats);
    const stager = await connect('stager');
    const seen: string[] = [];
    const start = (): ReturnType<typeof startWorkQueue> =>
      startWorkQueue(stager, {
        definition: workQueueOf,
        durable: 'stager',
        concurrency: 1,
        maxDeliveries: 1,
        handle: async ({ data }) => void seen.push(data.buildGuid),
      });
    const [first, deadly, next] = [request(), request(), request()];
    // Makes the consumer.
    const before = await start();
    await publishMessage(operator, stagingRequest, first);
    await eventually(() => seen).toEqual([first.buildGuid]);
    await before.stop();
    await publishMessage(operator, stagingRequest, deadly);
    const consumer = await operator.js.consumers.get('STAGING', 'stager');
    for (let i = 0; i < 4; i++) (await consumer.next())?.nak();
    const queue = await start();
    onTestFinished(() => queue.stop());
    await eventually(async () => (await deadLetters(operator)).at(-1)).toBe('handed out 4 times and never answered');
    await publishMessage(operator, stagingRequest, next);
    await eventually(() => seen).toEqual([first.buildGuid, next.buildGuid]);
  });

  test('a consumer or a stream that was deleted under it is made anew soon, also while it was not looking', async () => {
    const operator = await operatorBus(nats);
    const seen: string[] = [];
    const gate = Promise.withResolvers<void>();
    const queue = await startWorkQueue(await connect('stager'), {
      definition: workQueueOf,
      durable: 'stager',
      concurrency: 1,
      handle: async ({ data }) => {
        seen.push(data.buildGuid);
        await gate.promise;
      },
    });
    onTestFinished(() => queue.stop());
    const first = request();
    await publishMessage(operator, stagingRequest, first);
    await eventually(() => seen).toEqual([first.buildGuid]);
    await operator.jsm.consumers.delete('STAGING', 'stager');
    gate.resolve();
    const second = request();
    await publishMessage(operator, stagingRequest, second);
    // The first comes again, for its answer was lost with the consumer.
    await eventually(() => seen).toContain(second.buildGuid);
    await operator.jsm.streams.delete('STAGING');
    const data = request();
    await eventually(() =>
      publishMessage(operator, stagingRequest, data, { id: data.buildGuid })
        .then(() => 'sent')
        .catch(String),
    ).toBe('sent');
    await eventually(() => seen).toContain(data.buildGuid);
  });
});

describe('key-value', () => {
  test('create and update lose to whoever was first', async () => {
    const store = await KvStore.open(await connect('scheduler'), buckets.leases);
    const first = await store.create(keys.schedulerLease, lease('a'));
    expect(first).toBeTypeOf('number');
    expect(await store.create(keys.schedulerLease, lease('b'))).toBeUndefined();
    const second = await store.update(keys.schedulerLease, lease('a'), first as number);
    expect(second).toBeGreaterThan(first as number);
    expect(await store.update(keys.schedulerLease, lease('b'), first as number)).toBeUndefined();
    expect(await store.delete(keys.schedulerLease, first)).toBe(false);
    expect((await store.get(keys.schedulerLease))?.value.holder).toBe('a');
    expect(await store.delete(keys.schedulerLease, second)).toBe(true);
    expect(await store.get(keys.schedulerLease)).toBeUndefined();
    expect(await store.create(keys.schedulerLease, lease('b'))).toBeTypeOf('number');
  });

  test('a view has the snapshot, follows changes and heals after the store was wiped', async () => {
    const scheduler = await connect('scheduler');
    const store = await KvStore.open(scheduler, buckets.placements);
    const record = (index: number) => ({
      v: 1 as const,
      kind: 'unplaced' as const,
      processGuid: `${randomUUID()}-${randomUUID()}`,
      index,
      state: 'UNCLAIMED' as const,
      crashCount: 0,
      since: new Date().toISOString(),
    });
    await store.put('unplaced.a.0', record(0));
    await store.put('unplaced.b.0', record(1));
    await store.delete('unplaced.b.0');
    const view = await KvView.open(await connect('cloud-controller'), buckets.placements, { trackDeleted: true });
    onTestFinished(() => view.close());
    expect([...view.entries.keys()]).toEqual(['unplaced.a.0']);
    expect([...view.deleted.keys()]).toEqual(['unplaced.b.0']);
    await store.put('unplaced.c.0', record(2));
    await expect.poll(() => [...view.entries.keys()]).toEqual(['unplaced.a.0', 'unplaced.c.0']);

    await nats.restart({ wipe: true });
    await expect.poll(() => view.fresh && view.entries.size, { timeout: 20_000 }).toBe(0);
    expect(view.deleted.size).toBe(0);
    await expect
      .poll(() => store.put('unplaced.d.0', record(3)).catch(() => 0), { timeout: 20_000 })
      .toBeGreaterThan(0);
    await expect.poll(() => [...view.entries.keys()]).toEqual(['unplaced.d.0']);
  }, 60_000);
});

describe('permissions', () => {
  test('a service cannot publish what is not its own', async () => {
    const scheduler = await connect('scheduler');
    await expect(scheduler.js.publish('staging.request', 'x', { timeout: 500 })).rejects.toThrow();
    const cell = await connect('cell-rep', 'cell-1');
    await expect(cell.js.publish('$KV.cells.cell-2', 'x', { timeout: 500 })).rejects.toThrow();
    await expect(cell.js.publish('$KV.desired-lrps.lrp.x', 'x', { timeout: 500 })).rejects.toThrow();
    const uaa = await connect('uaa');
    await expect(uaa.jsm.streams.info('LOGS')).rejects.toThrow();
  });

  test('a stager reports results, the cloud-controller reads them', async () => {
    const stager = await connect('stager');
    const controller = await connect('cloud-controller');
    const buildGuid = randomUUID();
    await publishMessage(stager, stagingResult, {
      outcome: 'failed',
      buildGuid,
      error: { phase: 'resolve', code: 'NOT_FOUND', message: 'no such image' },
      durationMs: 1,
    });
    const got = Promise.withResolvers<string>();
    const queue = await startWorkQueue(controller, {
      definition: { ...stagingResult, stream: 'STAGING_RESULTS' },
      durable: 'cloud-controller',
      concurrency: 1,
      handle: async ({ data }) => got.resolve(data.buildGuid),
    });
    onTestFinished(() => queue.stop());
    expect(await got.promise).toBe(buildGuid);
  });
});
