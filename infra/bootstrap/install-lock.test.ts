import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { takeInstallLock } from './install-lock.mjs';

let dir: string;
let file: string;
const never = new AbortController().signal;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'install-lock-'));
  file = join(dir, 'deep/install.lock');
});

afterEach(async () => {
  await rm(dir, { recursive: true });
});

test('a second holder waits for the first, and is told who it is', async () => {
  const releaseFirst = await takeInstallLock(file, () => {}, never);
  const order: string[] = [];
  const second = takeInstallLock(
    file,
    (pid) => {
      order.push(`waits for ${pid}`);
      order.push('first releases');
      releaseFirst();
    },
    never,
  );
  const releaseSecond = await second;
  expect(order).toEqual([`waits for ${process.pid}`, 'first releases']);
  releaseSecond();
  await expect(readFile(file)).rejects.toThrow('ENOENT');
});

test.each([
  ['of a process that is gone', '999999999 1\n'],
  ['of an earlier process with the same pid', `${process.pid} 1\n`],
  ['cut off by a crash', ''],
])('a lock %s is taken over', async (_, content) => {
  const release = await takeInstallLock(file, () => {}, never);
  release();
  await writeFile(file, content);
  const again = await takeInstallLock(file, () => expect.unreachable('nobody holds it'), never);
  again();
});

test('waiting ends with the signal', async () => {
  const release = await takeInstallLock(file, () => {}, never);
  const stop = new AbortController();
  await expect(takeInstallLock(file, () => stop.abort(), stop.signal)).rejects.toThrow('abort');
  release();
});
