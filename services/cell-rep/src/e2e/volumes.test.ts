// @module-tag root
import { chown, mkdir, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestCell } from './cell.test-support.ts';
import type { RepProcess } from './rep-process.test-support.ts';

const patient = { timeout: 30_000 };

let cell: TestCell;
let shared: string;
let rep: RepProcess;
const env = (): Record<string, string> => ({ CELL_VOLUMES: `${shared}:rw@acme,${shared}/open` });
beforeAll(async () => {
  shared = await mkdtemp(join(tmpdir(), 'slipway-shared-'));
  for (const name of ['data', 'open']) {
    await mkdir(join(shared, name));
    await chown(join(shared, name), 1500, 1500);
  }
  cell = await TestCell.create();
  rep = await cell.startRep({ env: env() });
});
afterAll(async () => {
  await cell.dispose();
  await rm(shared, { recursive: true });
});

const volume = (changes: object = {}) => ({
  name: 'data',
  source: `${shared}/data`,
  destination: '/data',
  readOnly: false,
  ...changes,
});
const noCheck = { type: 'process' } as const;
const action = { argv: ['/bin/sh', '-c', 'while :; do date >> /data/log; sleep 0.1; done'] };

test("a volume that the operator allows is the app's, also while the rep is away and after", async () => {
  const lrp = await cell.lrp({ action, healthCheck: noCheck, volumes: [volume()] });
  const { instanceGuid } = await cell.run(lrp);
  const size = async (): Promise<number> => (await stat(join(shared, 'data/log')).catch(() => ({ size: 0 }))).size;
  await expect.poll(size, patient).toBeGreaterThan(0);
  expect((await stat(join(shared, 'data/log'))).uid).toBe(1500);
  rep.signal('SIGKILL');
  await rep.exited;
  rep = await cell.startRep({ env: env() });
  const before = await size();
  await expect.poll(size, patient).toBeGreaterThan(before);
  expect(cell.record(instanceGuid)?.state).toBe('RUNNING');
  await cell.unplace(instanceGuid);
  await cell.untilGone(instanceGuid);
  expect(await readFile(join(shared, 'data/log'), 'utf8')).not.toBe('');
  expect(await readFile('/proc/self/mountinfo', 'utf8')).not.toContain(shared);
});

test.each([
  [{ source: '/etc' }, 'The volume /etc is in none of the directories that acme/dev may use on this cell'],
  [{ source: 'nothing' }, 'on this cell; it has to be made on each cell'],
])('one that is not to be had, %j, is told with what to do', async (changes, told) => {
  const source = changes.source === 'nothing' ? `${shared}/nothing` : changes.source;
  const lrp = await cell.lrp({ action, healthCheck: noCheck, volumes: [volume({ source })] });
  await cell.desire(lrp);
  const { instanceGuid } = await cell.place(lrp);
  const { crash } = await cell.untilState(instanceGuid, 'CRASHED');
  expect(crash).toMatchObject({ phase: 'create', reason: expect.stringContaining(told) });
  expect(cell.presence?.healthy).toBe(true);
  await cell.unplace(instanceGuid);
  await cell.untilGone(instanceGuid);
});
