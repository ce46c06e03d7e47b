import { randomUUID } from 'node:crypto';
import { type StagingRequest, stagingRequest } from '@slipway/contracts';
import { type NatsHandle, startNats } from '@slipway/testing';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { connectTo } from './bus.test-support.ts';
import { publishMessage, startWorkQueue, type WorkQueue, type WorkTurns } from './index.ts';

let nats: NatsHandle;
beforeAll(async () => {
  nats = await startNats();
});
afterAll(() => nats.stop());

const of = (organizationGuid: string): StagingRequest => ({
  buildGuid: randomUUID(),
  appGuid: randomUUID(),
  packageGuid: randomUUID(),
  organizationGuid,
  image: 'localhost:5000/app:1',
  deadline: new Date(Date.now() + 60_000).toISOString(),
});

interface Hands {
  readonly concurrency: number;
  readonly perKey: number;
  readonly waiting: number;
  readonly handle: (data: StagingRequest, signal: AbortSignal) => Promise<void>;
  readonly onWait?: WorkTurns<StagingRequest>['onWait'];
}

async function start({ concurrency, perKey, waiting, handle, onWait }: Hands): Promise<WorkQueue> {
  const queue = await startWorkQueue(await connectTo(nats, 'stager'), {
    definition: { ...stagingRequest, stream: 'STAGING' },
    durable: 'stager',
    concurrency,
    turns: {
      keyOf: ({ organizationGuid }) => organizationGuid ?? '',
      perKey,
      waiting,
      ...(onWait === undefined ? {} : { onWait }),
    },
    handle: ({ data }, signal) => handle(data, signal),
  });
  onTestFinished(() => queue.stop(1));
  return queue;
}

test('who fills the queue with work that does not end keeps nobody else waiting', async () => {
  const [hog, quiet] = [randomUUID(), randomUUID()];
  const release = Promise.withResolvers<void>();
  const served = Promise.withResolvers<string>();
  const handled: string[] = [];
  const waits: string[] = [];
  await start({
    concurrency: 4,
    perKey: 2,
    waiting: 50,
    onWait: ({ data }, why) => waits.push(`${data.organizationGuid} ${why}`),
    handle: async (data) => {
      handled.push(data.buildGuid);
      if (data.organizationGuid === quiet) served.resolve(data.buildGuid);
      else await release.promise;
    },
  });
  const controller = await connectTo(nats, 'cloud-controller');
  const hogs = Array.from({ length: 30 }, () => of(hog));
  for (const data of hogs) await publishMessage(controller, stagingRequest, data);
  const mine = of(quiet);
  await publishMessage(controller, stagingRequest, mine);
  expect(await served.promise).toBe(mine.buildGuid);
  expect(handled.length).toBe(3);
  await expect.poll(() => waits.length).toBe(28);
  expect(new Set(waits)).toEqual(new Set([`${hog} share`]));
  release.resolve();
  await expect.poll(() => handled.length).toBe(31);
  expect(handled.toSorted()).toEqual([...hogs, mine].map(({ buildGuid }) => buildGuid).toSorted());
});

test('no more is taken than may wait, and a stop gives back at once what waits', async () => {
  const organization = randomUUID();
  const started = Promise.withResolvers<void>();
  const first = await start({
    concurrency: 1,
    perKey: 1,
    waiting: 2,
    handle: async (_data, signal) => {
      started.resolve();
      await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
    },
  });
  const controller = await connectTo(nats, 'cloud-controller');
  const requests = Array.from({ length: 5 }, () => of(organization));
  for (const data of requests) await publishMessage(controller, stagingRequest, data);
  await started.promise;
  await expect.poll(() => first.busy()).toBe(3);
  const others = new Set<string>();
  const all = Promise.withResolvers<void>();
  const handle = async (data: StagingRequest): Promise<void> => {
    others.add(data.buildGuid);
    if (others.size === 2) all.resolve();
    if (others.size === 5) rest.resolve();
  };
  const rest = Promise.withResolvers<void>();
  await start({ concurrency: 1, perKey: 1, waiting: 0, handle });
  // What is behind is another's to take.
  await all.promise;
  expect([...others].toSorted()).toEqual(
    requests
      .slice(3)
      .map(({ buildGuid }) => buildGuid)
      .toSorted(),
  );
  await first.stop(1);
  await rest.promise;
  expect(first.busy()).toBe(0);
});
