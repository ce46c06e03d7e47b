import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeFifo } from '../sys/files.ts';
import { releaseInit } from './release-init.ts';

let dir: string;
let fifo: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'garden-exec-fifo-'));
  fifo = join(dir, 'exec.fifo');
  makeFifo(fifo);
});
afterEach(() => rmSync(dir, { recursive: true }));

const nobody = new AbortController().signal;
const NEWS = new Error('its init has ended');

test('an init that waits goes on, and the container counts as running', async () => {
  const init = spawn('/bin/sh', ['-c', `printf 0 >${fifo}; exit 7`], { stdio: 'ignore' });
  const ended = once(init, 'exit');
  expect(await releaseInit(fifo, nobody)).toBe(true);
  expect(existsSync(fifo)).toBe(false);
  expect(await ended).toEqual([7, null]);
});

test('an init that comes later is waited for', async () => {
  const released = releaseInit(fifo, nobody);
  spawn('/bin/sh', ['-c', `printf 0 >${fifo}`], { stdio: 'ignore' });
  expect(await released).toBe(true);
});

test('an init that ends without its exec is no start', async () => {
  const released = releaseInit(fifo, nobody);
  spawn('/bin/sh', ['-c', `: >${fifo}`], { stdio: 'ignore' });
  await expect(released).rejects.toThrow('the init ended before its exec');
  expect(existsSync(fifo)).toBe(true);
});

test('it is waited for no longer than the signal says', async () => {
  const abort = new AbortController();
  const released = releaseInit(fifo, abort.signal);
  abort.abort(NEWS);
  await expect(released).rejects.toBe(NEWS);
  expect(existsSync(fifo)).toBe(true);
});

test('an init that has started and ended meanwhile has started', async () => {
  const abort = new AbortController();
  const released = releaseInit(fifo, abort.signal);
  // Synchronously, so that the byte and the news are there before either is looked at.
  execFileSync('/bin/sh', ['-c', `printf 0 >${fifo}`]);
  abort.abort(NEWS);
  expect(await released).toBe(true);
});

test('a runtime without such a FIFO has to be asked', async () => {
  expect(await releaseInit(join(dir, 'none'), nobody)).toBe(false);
});
