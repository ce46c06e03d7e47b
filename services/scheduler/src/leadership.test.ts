import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { keys } from '@slipway/contracts';
import type { NatsHandle } from '@slipway/testing';
import { expect, test } from 'vitest';
import { type Ending, eventuallyIn, startCluster } from './cluster.test-support.ts';
import { lrp } from './domain/model.test-support.ts';

interface SchedulerProcess {
  readonly child: ChildProcess;
  /** Event names of its log. */
  readonly log: string[];
}

function startProcess(nats: NatsHandle, { onTestFinished }: Ending): SchedulerProcess {
  const child = spawn(process.execPath, [fileURLToPath(new URL('./main.ts', import.meta.url))], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      PATH: process.env.PATH,
      NATS_URL: nats.url,
      NATS_USER: 'scheduler',
      NATS_PASSWORD: nats.password('scheduler'),
    },
  });
  const log: string[] = [];
  let rest = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) log.push((JSON.parse(line) as { msg: string }).msg);
  });
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  });
  return { child, log };
}

/** Starts two and tells which leads. */
async function startTwo(
  nats: NatsHandle,
  ending: Ending,
): Promise<[leader: SchedulerProcess, other: SchedulerProcess]> {
  const eventually = eventuallyIn(ending);
  const first = startProcess(nats, ending);
  await eventually(() => first.log).toContain('lease.taken');
  const second = startProcess(nats, ending);
  await eventually(() => second.log).toContain('service.started');
  expect(second.log).not.toContain('lease.taken');
  return [first, second];
}

test.concurrent('when the leader is killed the other one takes over, and goes on where it was', async (ending) => {
  const { nats, others, eventually } = await startCluster(ending);
  const [leader, other] = await startTwo(nats, ending);
  await others.desire(lrp(1, { instances: 2 }));
  await eventually(() => others.placed()).toHaveLength(2);
  await others.runAll();
  const before = await others.records();
  const lease = await others.leases.get(keys.schedulerLease);
  leader.child.kill('SIGKILL');
  await others.desire(lrp(2));
  await eventually(() => others.placed()).toHaveLength(3);
  expect(await others.records()).toEqual(expect.arrayContaining(before));
  expect(other.log).toContain('lease.taken');
  const next = await others.leases.get(keys.schedulerLease);
  expect(next?.value.holder).not.toBe(lease?.value.holder);
  expect(next?.value.epoch).toBeGreaterThan(lease?.value.epoch ?? 0);
});

test.concurrent('a leader that is told to stop gives the lease back, and the other need not wait for its end', async (ending) => {
  const { nats, others, eventually } = await startCluster(ending);
  const [leader, other] = await startTwo(nats, ending);
  const before = await others.leases.get(keys.schedulerLease);
  const exited = once(leader.child, 'exit');
  leader.child.kill('SIGTERM');
  expect(await exited).toEqual([0, null]);
  expect(leader.log).toContain('lease.released');
  await eventually(() => other.log).toContain('lease.taken');
  const after = await others.leases.get(keys.schedulerLease);
  const renewedAt = (record: typeof after): number => Date.parse(record?.value.renewedAt ?? '');
  // The record would have lived for 15 s after its last renewal.
  expect(renewedAt(after) - renewedAt(before)).toBeLessThan(15_000);
  expect(after?.value.epoch).toBeGreaterThan(before?.value.epoch ?? 0);
});

test.concurrent('a leader that was paused for too long does not act on what it knew when it wakes', async (ending) => {
  const { nats, others, eventually } = await startCluster(ending);
  const [leader, other] = await startTwo(nats, ending);
  await others.desire(lrp(1, { instances: 2 }));
  await eventually(() => others.placed()).toHaveLength(2);
  await others.runAll();
  leader.child.kill('SIGSTOP');
  // The sleeper will find this in its socket, with all that followed.
  await others.desire(lrp(2, { instances: 2 }));
  await eventually(() => other.log).toContain('lease.taken');
  await eventually(() => others.placed()).toHaveLength(4);
  const before = (await others.records()).map((record) => JSON.stringify(record)).toSorted();
  const acted = leader.log.filter((event) => event.startsWith('lrp.')).length;
  leader.child.kill('SIGCONT');
  await eventually(() => leader.log).toContain('lease.lost');
  expect(leader.log.filter((event) => event.startsWith('lrp.'))).toHaveLength(acted);
  expect((await others.records()).map((record) => JSON.stringify(record)).toSorted()).toEqual(before);
});
