// @module-tag root
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { TestCell } from './cell.test-support.ts';
import { fetchFrom, processesOf } from './host.test-support.ts';
import type { RepProcess } from './rep-process.test-support.ts';

// Cells whose machine has nothing left, and then has again.

const patient = { timeout: 60_000 };
const OFTEN = { CELL_CHECK_INTERVAL_MS: '500' };

let cell: TestCell;
beforeEach(async () => {
  cell = await TestCell.create();
});
afterEach(() => cell.dispose());

/** Lets the rep's processes and threads, without those of its containers, become no more than they are. */
function limitPids(rep: RepProcess): { lift(): void } {
  const root = existsSync('/sys/fs/cgroup/pids') ? '/sys/fs/cgroup/pids' : '/sys/fs/cgroup';
  const at = join(root, `slipway-pressure-${rep.pid}`);
  mkdirSync(at);
  writeFileSync(join(at, 'cgroup.procs'), String(rep.pid));
  writeFileSync(join(at, 'pids.max'), readFileSync(join(at, 'pids.current'), 'utf8').trim());
  onTestFinished(async () => {
    rep.signal('SIGKILL');
    await rep.exited;
    await expect.poll(() => readFileSync(join(at, 'cgroup.procs'), 'utf8'), patient).toBe('');
    rmdirSync(at);
  });
  return { lift: () => writeFileSync(join(at, 'pids.max'), 'max') };
}

test('a rep that can start no more processes says so, keeps what runs, and goes on when it can', async () => {
  const rep = await cell.startRep({ env: OFTEN });
  const lrp = await cell.lrp({ instances: 4 });
  const running = await cell.run(lrp);
  const pids = limitPids(rep);
  for (const index of [1, 2]) {
    const { instanceGuid } = await cell.place(lrp, index);
    const { crash } = await cell.untilState(instanceGuid, 'CRASHED');
    expect(crash).toMatchObject({ phase: 'create', reason: expect.stringMatching(/EAGAIN|Resource temporarily/) });
  }
  await expect.poll(() => cell.presence?.healthy, patient).toBe(false);
  expect(cell.presence?.unhealthyReason).toMatch(/no container can be made: .*(EAGAIN|Resource temporarily)/);
  expect((await fetchFrom(running)).status).toBe(200);

  pids.lift();
  await expect.poll(() => cell.presence?.healthy, patient).toBe(true);
  const { instanceGuid } = await cell.place(lrp, 3);
  await cell.untilState(instanceGuid, 'RUNNING');
  expect(cell.record(running.instanceGuid)?.state).toBe('RUNNING');
  expect(rep.lines.map(({ msg }) => msg)).not.toContain('service.uncaught');
});

test('a cell whose disk is full says so, keeps and removes what it has, and is used again when there is room', async () => {
  // What the cell keeps lies on a disk of its own.
  const at = join(cell.dataDir, 'cell');
  const file = join(cell.dataDir, 'disk.img');
  execFileSync('truncate', ['--size', '400M', file]);
  execFileSync('mkfs.ext4', ['-q', file]);
  mkdirSync(at);
  execFileSync('mount', ['-o', 'loop', file, at]);
  const rep = await cell.startRep({ env: { ...OFTEN, CELL_STORE_KEEP_FREE_MB: '1' } });
  try {
    const lrp = await cell.lrp({ instances: 3 });
    const [first, second] = [await cell.run(lrp), await cell.run(lrp, 1)];
    const filler = join(at, 'filler');
    execFileSync('sh', ['-c', `yes >${filler} || true`], { stdio: 'pipe' });
    await expect.poll(() => cell.presence?.healthy, patient).toBe(false);
    expect(cell.presence?.unhealthyReason).toMatch(/^the disk of .* is full: \d+ MB are free, and it takes 64$/);
    expect((await fetchFrom(first)).status).toBe(200);
    // No note can be written, and no record: it goes all the same.
    await cell.unplace(second.instanceGuid);
    await cell.untilGone(second.instanceGuid);
    expect(await processesOf(second.instanceGuid)).toEqual([]);

    await rm(filler);
    await expect.poll(() => cell.presence?.healthy, patient).toBe(true);
    const { instanceGuid } = await cell.place(lrp, 2);
    await cell.untilState(instanceGuid, 'RUNNING');
    expect((await fetchFrom(first)).status).toBe(200);
  } finally {
    rep.signal('SIGKILL');
    await rep.exited;
    await cell.clean();
    execFileSync('umount', [at]);
  }
});
