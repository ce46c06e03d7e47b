import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@slipway/service-kit';
import { expect, onTestFinished, test } from 'vitest';
import { sampleGuid } from '../domain/samples.test-support.ts';
import { claimTask, completeTask, startTask } from '../domain/task-state.ts';
import { TaskLedger } from './task-ledger.ts';

const logger = createLogger('cell-rep', 'silent');
const running = startTask(claimTask({ taskGuid: sampleGuid(1) }, 'cell-1', 0), 1);
const completed = completeTask(running, { failed: true, reason: 'APP/TASK/x: Exited with status 1' }, 2);

function directory(): string {
  const dir = mkdtempSync(join(tmpdir(), 'slipway-ledger-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  return dir;
}

const open = (dir: string): TaskLedger => TaskLedger.open(dir, 'cell-1', logger);

test('what was written is there for the next rep', () => {
  const dir = directory();
  const ledger = open(dir);
  ledger.write(running);
  expect(open(dir).current).toEqual([running]);
  ledger.write(completed);
  expect(open(dir).current).toEqual([completed]);
  expect(open(dir).get(sampleGuid(1))).toEqual(completed);
  expect(open(dir).get(sampleGuid(2))).toBeUndefined();
});

test('what nobody asks for any more is remembered for a day', () => {
  const dir = directory();
  const ledger = open(dir);
  ledger.write(completed);
  ledger.retire(sampleGuid(1), Date.now());
  ledger.retire(sampleGuid(2), Date.now());
  expect(open(dir).current).toEqual([]);
  expect(open(dir).get(sampleGuid(1))).toEqual(completed);
  ledger.prune(Date.now() + 25 * 3_600_000);
  expect(ledger.get(sampleGuid(1))).toBeUndefined();
  expect(readdirSync(join(dir, 'tasks'))).toEqual([]);
});

test('an entry that cannot be read says that the task was started, and what never got its name is dropped', () => {
  const dir = directory();
  open(dir).write(completed);
  writeFileSync(join(dir, 'tasks', `${sampleGuid(1)}.json`), '{"v":1,');
  writeFileSync(join(dir, 'tasks', `${sampleGuid(2)}.json.new`), '{}');
  expect(open(dir).get(sampleGuid(1))).toMatchObject({ taskGuid: sampleGuid(1), cellId: 'cell-1', state: 'RUNNING' });
  expect(readdirSync(join(dir, 'tasks'))).toEqual([`${sampleGuid(1)}.json`]);
});
