import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LogFile } from './log-file.ts';

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'log-file-'));
});

afterEach(async () => {
  await rm(dir, { recursive: true });
});

test('lines are appended across restarts, in a file that not everybody reads', async () => {
  const file = join(dir, 'logs/router.log');
  for (const line of ['one', 'two']) {
    const log = new LogFile(file);
    log.write(line);
    await log.close();
  }
  expect(await readFile(file, 'utf8')).toBe('one\ntwo\n');
  expect((await stat(file)).mode & 0o777).toBe(0o640);
});

test('a full file makes room for a new one, and one old one is kept', async () => {
  const file = join(dir, 'router.log');
  const line = 'x'.repeat(1024 * 1024);
  for (let round = 0; round < 70; round++) {
    const log = new LogFile(file);
    log.write(line);
    await log.close();
  }
  const sizes = await Promise.all([file, `${file}.1`].map(async (f) => (await stat(f)).size / 1024 / 1024));
  expect(Math.max(...sizes)).toBeLessThan(34);
  expect(sizes[0]).toBeGreaterThan(0);
});
