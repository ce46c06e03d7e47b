// @module-tag root
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestCell } from './cell.test-support.ts';

const patient = { timeout: 60_000 };
const MEBIBYTE = 1024 ** 2;

let cell: TestCell;
beforeAll(async () => {
  cell = await TestCell.create();
});
afterAll(() => cell.dispose());

test('an instance writes no more than its disk quota, sees why, and is reported at it', {
  timeout: 180_000,
}, async () => {
  await cell.startRep();
  const script = 'dd if=/dev/zero of=/tmp/data bs=64k count=100000; wc -c < /tmp/data; while :; do sleep 1000; done';
  const lrp = await cell.lrp({
    action: { argv: ['busybox', 'sh', '-c', script], user: '0:0', workdir: '/' },
    healthCheck: { type: 'process' },
  });
  const quota = lrp.resources.diskMb * MEBIBYTE;
  const { instanceGuid } = await cell.run(lrp);
  const lines = (): string => cell.linesOf(lrp).join('\n');
  await expect.poll(lines, patient).toMatch(/No space left on device|Disk quota exceeded/);
  const written = (): number => Number(/APP\/PROC\/WEB: (\d{5,})$/m.exec(lines())?.[1]);
  await expect.poll(written, patient).toBeGreaterThan(0.95 * quota);
  expect(written()).toBeLessThan(1.02 * quota);
  const told = (): number =>
    cell.metrics
      .flatMap(({ instances }) => instances)
      .filter((instance) => instance.instanceGuid === instanceGuid)
      .at(-1)?.diskBytes ?? 0;
  await expect.poll(told, patient).toBeGreaterThan(0.95 * quota);
  expect(told()).toBeLessThan(1.02 * quota);
  await expect
    .poll(() => cell.disk(), patient)
    .toMatchObject({
      containers: { count: 1, promisedBytes: quota },
      limitedBy: { kind: expect.stringMatching(/^(project-quota|file-system)$/), reason: expect.any(String) },
    });
  await cell.unplace(instanceGuid);
  await cell.untilGone(instanceGuid);
});
