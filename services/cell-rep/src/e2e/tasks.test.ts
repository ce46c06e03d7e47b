// @module-tag root
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DesiredTask } from '@slipway/contracts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { TestCell } from './cell.test-support.ts';
import { processesWith } from './host.test-support.ts';
import type { RepProcess } from './rep-process.test-support.ts';

/** A poll ends as soon as it may; this only bounds one that waits in vain. */
const patient = { timeout: 30_000 };

let cell: TestCell;
beforeEach(async () => {
  cell = await TestCell.create();
});
afterEach(() => cell.dispose());

const WAITING = 'echo begun; while true; do sleep 0.2; done';

async function kill(rep: RepProcess): Promise<void> {
  rep.signal('SIGKILL');
  expect(await rep.exited).toBe('SIGKILL');
}

const processesOf = ({ taskGuid }: DesiredTask): Promise<number[]> => processesWith(`TEST_TASK=${taskGuid}\0`);

const ownLines = (task: DesiredTask): string[] =>
  cell
    .linesOf(task)
    .filter((line) => line.startsWith('APP/TASK/migrate: '))
    .map((line) => line.slice('APP/TASK/migrate: '.length));

async function untilBegun(task: DesiredTask): Promise<void> {
  await cell.untilTask(task, 'RUNNING');
  await expect.poll(() => ownLines(task), patient).toContain('begun');
}

test('a task runs once, tells what came of it, and goes when its result was taken', async () => {
  await cell.startRep();
  const script = 'echo "$MODE at $(pwd) port=[$PORT] $CF_INSTANCE_PORTS"; echo oops >&2; exit 0';
  const task = await cell.task(script, { action: { environment: { MODE: 'night' } } });
  await cell.desireTask(task);
  expect(await cell.untilTask(task, 'COMPLETED')).toMatchObject({ result: { failed: false, exitStatus: 0 } });
  await expect.poll(() => ownLines(task), patient).toContain('Exit status 0');
  expect(ownLines(task)).toEqual(expect.arrayContaining(['night at / port=[] []', 'oops', 'Exit status 0']));
  const told = cell.linesOf(task).filter((line) => line.startsWith('CELL: '));
  expect(told).toContain(`CELL: Cell ${cell.id} creating container for instance ${task.taskGuid}`);
  await expect
    .poll(() => cell.linesOf(task), patient)
    .toContain(`CELL: Cell ${cell.id} successfully destroyed container for instance ${task.taskGuid}`);
  expect(await processesOf(task)).toEqual([]);

  await cell.undesireTask(task);
  await cell.untilTask(task, undefined);
  // A bucket that is older than it should be asks for it again.
  await cell.desireTask(task);
  expect(await cell.untilTask(task, 'COMPLETED')).toMatchObject({ result: { failed: false, exitStatus: 0 } });
  expect(ownLines(task).filter((line) => line === 'oops')).toHaveLength(1);
});

test('a task has the files that were given for it', async () => {
  await cell.startRep();
  const destination = '/etc/cf-service-bindings';
  const files = [{ destination, files: [{ path: 'db/password', content: 'geheim' }] }];
  const task = { ...(await cell.task(`cat ${destination}/db/password; echo`)), files };
  await cell.desireTask(task);
  await cell.untilTask(task, 'COMPLETED');
  await expect.poll(() => ownLines(task), patient).toContain('geheim');
  await cell.undesireTask(task);
  await cell.untilTask(task, undefined);
});

test('a task fails with the reason: its status, its memory, its program', async () => {
  await cell.startRep();
  const failing = await cell.task('exit 3');
  const hungry = await cell.task('x=aaaaaaaaaaaaaaaa; while true; do x=$x$x; done', {
    resources: { memoryMb: 16 },
  });
  const missing = await cell.task('', { action: { argv: ['/no/such/program'] } });
  for (const task of [failing, hungry, missing]) await cell.desireTask(task);
  expect(await cell.untilTask(failing, 'COMPLETED')).toMatchObject({
    result: { failed: true, reason: 'APP/TASK/migrate: Exited with status 3', exitStatus: 3 },
  });
  expect((await cell.untilTask(hungry, 'COMPLETED'))?.result).toMatchObject({ failed: true });
  expect(cell.taskState(hungry)?.result?.reason).toMatch(
    /^APP\/TASK\/migrate: Exited with status \d+ \(out of memory\)$/,
  );
  expect((await cell.untilTask(missing, 'COMPLETED'))?.result?.reason).toMatch(/no\/such\/program/);
});

test('a cancelled task is stopped, gently first, and what was not given to this cell never begins', async () => {
  await cell.startRep();
  const polite = await cell.task('trap "echo bye; exit 0" TERM; echo begun; while true; do sleep 0.2; done');
  const { cellId: _, ...withoutCell } = await cell.task('echo mine');
  const others = { ...(await cell.task('echo others')), cellId: 'another-cell' };
  const unbegun = { ...(await cell.task('echo unbegun')), cancel: true };
  for (const task of [withoutCell, others, unbegun, polite]) await cell.desireTask(task);
  await untilBegun(polite);
  await cell.desireTask({ ...polite, cancel: true });
  for (const task of [polite, unbegun]) {
    expect((await cell.untilTask(task, 'COMPLETED'))?.result).toEqual({ failed: true, reason: 'task was cancelled' });
  }
  expect(ownLines(polite)).toContain('bye');
  await expect.poll(() => processesOf(polite), patient).toEqual([]);
  expect([...ownLines(withoutCell), ...ownLines(others), ...ownLines(unbegun)]).toEqual([]);
});

test('a task that nobody desires any more is ended without a result', async () => {
  await cell.startRep();
  const task = await cell.task(WAITING);
  await cell.desireTask(task);
  await untilBegun(task);
  await cell.undesireTask(task);
  await cell.untilTask(task, undefined);
  expect(await processesOf(task)).toEqual([]);
});

test('a task outlives kill -9 of its rep, also when it ends meanwhile, and runs once', async () => {
  const rep = await cell.startRep();
  const waiting = await cell.task(WAITING);
  const ending = await cell.task('echo begun; sleep 1; exit 7');
  for (const task of [waiting, ending]) await cell.desireTask(task);
  await untilBegun(waiting);
  await untilBegun(ending);
  const processes = await processesOf(waiting);
  await kill(rep);
  await expect.poll(() => processesOf(ending), patient).toEqual([]);

  const next = await cell.startRep();
  expect(next.lines.map(({ msg }) => msg)).toContain('task.adopted');
  expect(await cell.untilTask(ending, 'COMPLETED')).toMatchObject({
    result: { reason: 'APP/TASK/migrate: Exited with status 7' },
  });
  expect(cell.taskState(waiting)?.state).toBe('RUNNING');
  expect((await processesOf(waiting)).filter((pid) => processes.includes(pid))).not.toEqual([]);
  expect(ownLines(waiting).filter((line) => line === 'begun')).toHaveLength(1);

  // Told, not yet taken, and the rep dies again: the result is the same.
  const told = cell.taskState(ending);
  await kill(next);
  await cell.startRep();
  await cell.desireTask({ ...waiting, cancel: true });
  expect((await cell.untilTask(waiting, 'COMPLETED'))?.result?.reason).toBe('task was cancelled');
  expect(cell.taskState(ending)).toEqual(told);
  expect(ownLines(ending).filter((line) => line === 'begun')).toHaveLength(1);
});

test('a task that ended with its machine has failed, and is not started again', async () => {
  const rep = await cell.startRep();
  const task = await cell.task(WAITING);
  await cell.desireTask(task);
  await untilBegun(task);
  await kill(rep);
  for (const pid of await processesWith(task.taskGuid)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      expect((error as NodeJS.ErrnoException).code).toBe('ESRCH');
    }
  }
  await expect.poll(() => processesWith(task.taskGuid), patient).toEqual([]);
  // As if the record were of the boot before.
  const record = join(cell.dataDir, 'cell/containers', task.taskGuid, 'container.json');
  await writeFile(record, (await readFile(record, 'utf8')).replace(/"bootId":"[^"]*"/, '"bootId":"the boot before"'));
  await cell.startRep();
  expect((await cell.untilTask(task, 'COMPLETED'))?.result).toEqual({
    failed: true,
    reason: 'task container does not exist',
  });
  expect(ownLines(task).filter((line) => line === 'begun')).toHaveLength(1);
});

test('a cell that is taken away ends its tasks, and does not run them again when it returns', async () => {
  const rep = await cell.startRep({ env: { CELL_ON_STOP: 'destroy' } });
  const task = await cell.task(WAITING);
  await cell.desireTask(task);
  await untilBegun(task);
  rep.signal('SIGTERM');
  expect(await rep.exited).toBe(0);
  expect(await processesOf(task)).toEqual([]);
  expect(cell.taskState(task)).toBeUndefined();
  expect(cell.presence).toBeUndefined();

  await cell.startRep();
  expect((await cell.untilTask(task, 'COMPLETED'))?.result).toEqual({
    failed: true,
    reason: 'cell disappeared before completion',
  });
  expect(ownLines(task).filter((line) => line === 'begun')).toHaveLength(1);
});

test('what NATS lost is told again: a result that nobody took stays one', async () => {
  await cell.startRep();
  const task = await cell.task('echo begun; exit 4');
  await cell.desireTask(task);
  const told = await cell.untilTask(task, 'COMPLETED');
  await cell.nats.restart({ wipe: true });
  // From the server itself, whose store was empty: the view may not have noticed the loss yet.
  await expect.poll(() => cell.storedTaskState(task), patient).toEqual(told);
  // Cloud Controller is back, too, and asks for it as before.
  await cell.desireTask(task);
  await cell.undesireTask(task);
  await cell.untilTask(task, undefined);
  expect(ownLines(task).filter((line) => line === 'begun')).toHaveLength(1);
});
