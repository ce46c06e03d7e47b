// @module-tag root
import { execFileSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import type { DesiredLrp } from '@slipway/contracts';
import { answering, attachNeighbour, NetworkProcesses } from '@slipway/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestCell } from './cell.test-support.ts';
import { processesOf } from './host.test-support.ts';

// Containers need root: a run without fails here, plainly, with REP_NOT_ROOT. Another machine is a network namespace.

const patient = { timeout: 30_000 };
const outside = `198.19.${randomInt(256)}.33`;
const processes = new NetworkProcesses();
let cell: TestCell;
let neighbour: ReturnType<typeof attachNeighbour>;
beforeAll(async () => {
  cell = await TestCell.create();
  neighbour = attachNeighbour(await processes.start(answering([7001])), [outside]);
});
afterAll(async () => {
  processes.end();
  neighbour.detach();
  await cell.dispose();
});

/** Tries again and again, and says each time what it came to. */
const tries = `while true; do
  if nc -w 5 ${outside} 7001 </dev/null >/dev/null 2>&1; then echo reached; else echo refused; fi; usleep 200000; done`;
const open: DesiredLrp['egress'] = [
  { protocol: 'tcp', destinations: [`${outside}/32`], ports: ['7000-7010'], log: true },
];

/** What the app said last, once it has said something new. */
async function untilItSays(lrp: DesiredLrp, word: string): Promise<void> {
  const before = cell.linesOf(lrp).length;
  await expect.poll(() => cell.linesOf(lrp).slice(before), patient).toContain(`APP/PROC/WEB: ${word}`);
}

test('rules hold from the start, reach running instances in place, and are kept by the next rep', async () => {
  const rep = await cell.startRep();
  const lrp: DesiredLrp = {
    ...(await cell.lrp({ action: { argv: ['/bin/sh', '-c', tries] }, healthCheck: { type: 'process' } })),
    egress: [],
  };
  const { instanceGuid } = await cell.run(lrp);
  const [pid] = await processesOf(instanceGuid);
  await untilItSays(lrp, 'refused');
  expect(cell.linesOf(lrp)).not.toContain('APP/PROC/WEB: reached');
  const refused = `CELL: Cell ${cell.id} refused a connection to tcp ${outside}:7001 of instance ${instanceGuid}`;
  await expect.poll(() => cell.linesOf(lrp), patient).toContain(refused);

  await cell.desire({ ...lrp, egress: open });
  await untilItSays(lrp, 'reached');
  const passed = `CELL: Cell ${cell.id} let a connection to tcp ${outside}:7001 pass for instance ${instanceGuid}`;
  await expect.poll(() => cell.linesOf(lrp), patient).toContain(passed);

  await cell.desire({ ...lrp, egress: [] });
  await untilItSays(lrp, 'refused');
  rep.signal('SIGKILL');
  await rep.exited;
  await cell.startRep();
  await untilItSays(lrp, 'refused');
  await cell.desire({ ...lrp, egress: open });
  await untilItSays(lrp, 'reached');
  // It was never restarted; told of each refusal it was not.
  expect(await processesOf(instanceGuid)).toContain(pid);
  expect(cell.linesOf(lrp).filter((line) => line === refused).length).toBeLessThan(5);
});

// The rep of the test before goes on.
test('a task has rules, too, and takes over other ones while it runs', async () => {
  const task = await cell.task(`${tries.replace('echo reached', 'echo reached; exit 0')}`);
  await cell.desireTask({ ...task, egress: [] });
  await expect.poll(() => cell.linesOf(task), patient).toContain('APP/TASK/migrate: refused');
  await cell.desireTask({ ...task, egress: open });
  expect((await cell.untilTask(task, 'COMPLETED'))?.result).toMatchObject({ failed: false });
});

test('NATS and the port that gives layers are out of reach for apps, whatever their rules say', async () => {
  const { port } = new URL(cell.nats.url);
  const denied = (): string => {
    const ruleset = execFileSync('nft', ['list', 'ruleset']).toString();
    const own = ruleset
      .split(/^table /m)
      .find((table) => table.startsWith(`inet slipway_${cell.id.replaceAll('-', '_')}`));
    return /set platform \{([^}]*\})/.exec(own ?? '')?.[1] ?? '';
  };
  await expect.poll(() => cell.presence?.peerPort, patient).toBeDefined();
  await expect.poll(denied, patient).toContain(`127.0.0.1 . ${port}`);
  await expect.poll(denied, patient).toContain(`127.0.0.1 . ${cell.presence?.peerPort}`);
});
