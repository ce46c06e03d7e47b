import { type Bus, connectService } from '@slipway/bus';
import { busAccess, keys } from '@slipway/contracts';
import { createLogger, Secret } from '@slipway/service-kit';
import type { NatsHandle } from '@slipway/testing';
import { expect, test } from 'vitest';
import { type Ending, startCluster } from '../cluster.test-support.ts';
import { LeaderLease } from './leader-lease.ts';

interface Contender {
  readonly lease: LeaderLease;
  readonly bus: Bus;
  leadsTaken: number;
}

async function contend(nats: NatsHandle, holder: string, { onTestFinished }: Ending): Promise<Contender> {
  const logger = createLogger('scheduler', 'silent');
  const bus = await connectService(busAccess('scheduler'), {
    config: { NATS_URL: nats.url, NATS_USER: 'scheduler', NATS_PASSWORD: new Secret(nats.password('scheduler')) },
    source: holder,
    logger,
  });
  const contender = { bus, leadsTaken: 0 };
  const lease = await LeaderLease.start(bus, { holder, logger, onLead: () => contender.leadsTaken++ });
  onTestFinished(async () => {
    await lease.stop();
    await bus.close();
  });
  return Object.assign(contender, { lease });
}

test.concurrent('of many, one leads; when it gives up, another does, with a higher epoch', async (ending) => {
  const { nats, others, eventually } = await startCluster(ending);
  const contenders = await Promise.all(['a', 'b', 'c', 'd'].map((holder) => contend(nats, holder, ending)));
  const epochs: number[] = [];
  for (let left = contenders.length; left > 0; left--) {
    await eventually(() => contenders.filter(({ lease }) => lease.leads())).toHaveLength(1);
    const leader = contenders.find(({ lease }) => lease.leads());
    const record = await others.leases.get(keys.schedulerLease);
    expect(record?.value.epoch).toBe(leader?.lease.epoch);
    epochs.push(leader?.lease.epoch ?? 0);
    await leader?.lease.stop();
  }
  expect(await others.leases.get(keys.schedulerLease)).toBeUndefined();
  expect(epochs).toEqual(epochs.toSorted((a, b) => a - b));
  expect(new Set(epochs).size).toBe(4);
});

test.concurrent('without NATS it stops acting before the lease ends, and may act again when NATS is back', async (ending) => {
  const { nats, eventually } = await startCluster(ending);
  const contender = await contend(nats, 'a', ending);
  await eventually(() => contender.lease.leads()).toBe(true);
  const { since } = contender.lease;
  await nats.kill();
  expect(contender.lease.leads()).toBe(true);
  await eventually(() => contender.lease.leads()).toBe(false);
  await nats.restart();
  await eventually(() => contender.lease.leads()).toBe(true);
  expect(contender.lease.since).toBeGreaterThan(since);
  expect(contender.leadsTaken).toBe(2);
});

test.concurrent('takes the lead anew at once when the store was lost', async (ending) => {
  const { nats, others, eventually } = await startCluster(ending);
  const contender = await contend(nats, 'a', ending);
  await eventually(() => contender.lease.leads()).toBe(true);
  await nats.restart({ wipe: true });
  await eventually(() => others.bus.ready).toBe(true);
  await eventually(async () => (await others.leases.get(keys.schedulerLease))?.value.holder).toBe('a');
  await eventually(() => contender.leadsTaken).toBe(2);
});

test.concurrent('a renewal whose answer was lost costs nothing, one by another costs the lead', async (ending) => {
  const { nats, others, eventually } = await startCluster(ending);
  const contender = await contend(nats, 'a', ending);
  await eventually(() => contender.lease.leads()).toBe(true);
  const record = await others.leases.get(keys.schedulerLease);
  if (record === undefined) throw new Error('expected a lease');
  const revision = await others.leases.put(keys.schedulerLease, record.value);
  await eventually(async () => (await others.leases.get(keys.schedulerLease))?.revision).toBeGreaterThan(revision);
  expect(contender.lease.leads()).toBe(true);
  expect(contender.leadsTaken).toBe(1);
  await others.leases.put(keys.schedulerLease, { ...record.value, holder: 'b' });
  await eventually(() => contender.lease.leads()).toBe(false);
  expect((await others.leases.get(keys.schedulerLease))?.value.holder).toBe('b');
});
