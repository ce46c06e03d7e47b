// @module-tag root
import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestCell } from './cell.test-support.ts';
import { processesOf } from './host.test-support.ts';

const patient = { timeout: 30_000 };

let cell: TestCell;
beforeAll(async () => {
  cell = await TestCell.create();
  await cell.startRep({ env: { CELL_ON_STOP: 'destroy' } });
});
afterAll(() => cell.dispose());

const times = { intervalMs: 200, timeoutMs: 10_000, retries: 2, startPeriodMs: 0, startIntervalMs: 200 };
const action = { argv: ['/bin/sh', '-c', 'echo > /tmp/ok; exec sleep 1000'] };
const shell = (text: string): { argv: string[] } => ({ argv: ['/bin/sh', '-c', text] });

test("an instance whose image's check passes runs, and is ended by so many failures in a row", async () => {
  const check = { ...times, ...shell('test -e /tmp/ok || { echo it is gone; exit 1; }') };
  const lrp = await cell.lrp({ action, imageHealthCheck: check });
  const { instanceGuid } = await cell.run(lrp);
  const [pid] = await processesOf(instanceGuid);
  await rm(`/proc/${pid}/root/tmp/ok`);
  const { crash } = await cell.untilState(instanceGuid, 'CRASHED');
  const failed = (count: number): string =>
    `Image health check unsuccessful (${count} of 2 attempts): it exited with status 1: it is gone`;
  const cause = "(the image's HEALTHCHECK)";
  expect(crash).toMatchObject({ phase: 'run', reason: `Instance became unhealthy: ${failed(2)} ${cause}` });
  const lines = (): string[] => cell.linesOf(lrp).filter((line) => /^HEALTH|became/.test(line));
  await expect
    .poll(lines, patient)
    .toEqual([
      'CELL: Container became healthy',
      `HEALTH: ${failed(1)}`,
      `HEALTH: ${failed(2)} ${cause}`,
      'CELL: Container became unhealthy',
    ]);
  await cell.unplace(instanceGuid);
  await cell.untilGone(instanceGuid);
});

test('a check that never ends is killed with all that it started, and never passed', async () => {
  const check = { ...times, timeoutMs: 500, ...shell('echo begun; sleep 1001 & exec sleep 1002') };
  const lrp = await cell.lrp({ action, imageHealthCheck: check, startTimeoutMs: 3_000 });
  await cell.desire(lrp);
  const { instanceGuid } = await cell.place(lrp);
  await expect
    .poll(() => cell.linesOf(lrp), patient)
    .toContain('HEALTH: Image health check unsuccessful: timed out after 0.50 seconds: begun');
  const { crash } = await cell.untilState(instanceGuid, 'CRASHED');
  expect(crash).toMatchObject({ phase: 'health-check', reason: expect.stringMatching(/\(\d+ attempts\) waiting/) });
  expect(await processesOf(instanceGuid)).toEqual([]);
  await cell.unplace(instanceGuid);
  await cell.untilGone(instanceGuid);
});

test('a check that cannot be run is told why', async () => {
  const lrp = await cell.lrp({
    action,
    imageHealthCheck: { ...times, argv: ['no-such-check'] },
    startTimeoutMs: 1_000,
  });
  await cell.desire(lrp);
  const { instanceGuid } = await cell.place(lrp);
  const { crash } = await cell.untilState(instanceGuid, 'CRASHED');
  expect(crash?.reason).toContain('it exited with status 127: no-such-check: executable file not found in PATH');
  await cell.unplace(instanceGuid);
  await cell.untilGone(instanceGuid);
});
