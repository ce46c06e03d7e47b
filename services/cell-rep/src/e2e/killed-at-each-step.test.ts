// @module-tag root
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CONTAINER_STEPS, type ContainerStep } from '@slipway/garden';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestCell } from './cell.test-support.ts';
import { fetchFrom, leftovers, processesWith } from './host.test-support.ts';
import type { RepProcess } from './rep-process.test-support.ts';

// The rep kills itself with SIGKILL as a step begins; the next one brings the instance or the task to its end.

const patient = { timeout: 60_000, interval: 250 };
const SIDECAR = { name: 'beside', environment: {}, sourceType: 'APP/PROC/WEB/SIDECAR/BESIDE' };

let cell: TestCell;
let rep: RepProcess;
let killFile: string;
beforeAll(async () => {
  cell = await TestCell.create();
  killFile = join(cell.dataDir, 'kill-at');
  await startRep();
});
afterAll(() => cell.dispose());

/** One that lives, until it is told at which step it shall not. */
async function startRep(): Promise<void> {
  writeFileSync(killFile, 'nowhere');
  rep = await cell.startRep({ env: { TEST_KILL_FILE: killFile } });
}

/** What `work` leads to kills the rep as the step begins, and the next one starts. */
async function killedAt(step: string, work: () => Promise<void>): Promise<void> {
  writeFileSync(killFile, step);
  await work();
  expect(await rep.exited).toBe('SIGKILL');
  await startRep();
}

const isOfDelete = (step: ContainerStep): boolean => step.startsWith('delete:');

const run = (program: string, args: string[]): string[] =>
  execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    .split('\n')
    .filter((line) => line !== '');

/** All that the machine has of containers of the cell, and of the store of their ids anything by that name. */
async function remains(guid: string): Promise<string[]> {
  const runDir = `/run/slipway/${cell.id}`;
  const dirs = [join(cell.dataDir, 'cell/containers'), ...['exits', 'runc', 'rootfs'].map((dir) => join(runDir, dir))];
  const files = await Promise.all(dirs.map(async (dir) => await readdir(dir)));
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n');
  const processes = await processesWith(guid);
  return [
    ...files.flat(),
    ...processes.map((pid) => `process ${pid}`),
    ...mounts.filter((line) => line.includes(cell.dataDir) || line.includes(runDir)),
    // Links are found by the addresses behind them, which are in no other cell; loop devices by the files.
    ...run('ip', ['-4', 'route', 'show', 'root', cell.subnet]).filter((line) => line.includes(' dev slw')),
    ...run('losetup', ['--list', '--noheadings', '--output', 'BACK-FILE']).filter((file) =>
      file.includes(cell.dataDir),
    ),
    ...run('sh', ['-c', `ls -d /sys/fs/cgroup/slipway/${cell.id}/*/ /sys/fs/cgroup/*/slipway/${cell.id}/*/ || true`]),
    ...run('nft', ['list', 'ruleset']).filter((line) => line.includes(guid)),
  ];
}

/** The rep's own probe comes and goes. */
async function expectNothingOf(guid: string): Promise<void> {
  await expect.poll(async () => await remains(guid), patient).toEqual([]);
}

describe('an instance whose rep is killed at', () => {
  test.each(CONTAINER_STEPS)('%s', async (step) => {
    const lrp = await cell.lrp();
    const instance = { ...lrp, sidecars: [{ ...SIDECAR, argv: ['/bin/sh', '-c', 'sleep 1000'] }] };
    await cell.desire(instance);
    if (isOfDelete(step)) {
      const { instanceGuid } = await cell.place(instance);
      await cell.untilState(instanceGuid, 'RUNNING');
      await killedAt(step, () => cell.unplace(instanceGuid));
      await cell.untilGone(instanceGuid);
      return await expectNothingOf(instanceGuid);
    }
    let instanceGuid = '';
    await killedAt(step, async () => {
      ({ instanceGuid } = await cell.place(instance));
    });
    const record = await cell.untilState(instanceGuid, 'RUNNING');
    expect(JSON.parse((await fetchFrom(record)).body)).toMatchObject({ instance: instanceGuid });
    await cell.unplace(instanceGuid);
    await cell.untilGone(instanceGuid);
    await expectNothingOf(instanceGuid);
  });
});

describe('a task whose rep is killed at', () => {
  test.each(CONTAINER_STEPS.filter((step) => step !== 'start:sidecars'))('%s', async (step) => {
    const task = await cell.task('echo once; exit 0');
    await killedAt(step, () => cell.desireTask(task));
    const result = (await cell.untilTask(task, 'COMPLETED'))?.result;
    // It ran to its end, or has failed and is not run again.
    if (isOfDelete(step)) expect(result).toMatchObject({ failed: false });
    else if (result?.failed === true) expect(result.reason).toBe('task container does not exist');
    expect(cell.linesOf(task).filter((line) => line.endsWith('once')).length).toBeLessThanOrEqual(1);
    await expectNothingOf(task.taskGuid);
    await cell.undesireTask(task);
    await cell.untilTask(task, undefined);
  });
});

test('a rep that is killed over its probe leaves nothing of that', async () => {
  for (const step of ['create:runtime', 'start:record', 'delete:network']) {
    rep.signal('SIGKILL');
    await rep.exited;
    writeFileSync(killFile, `${step} probe-`);
    rep = await cell.startRep({ ready: false, env: { TEST_KILL_FILE: killFile } });
    expect(await rep.exited).toBe('SIGKILL');
    await startRep();
    await expectNothingOf('probe-');
  }
});

test('clean leaves nothing at all after that', async () => {
  rep.signal('SIGKILL');
  await rep.exited;
  expect(await cell.clean()).toBe(0);
  expect(await leftovers(cell)).toEqual([]);
});
