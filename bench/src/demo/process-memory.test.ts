import { spawn } from 'node:child_process';
import { expect, test } from 'vitest';
import { parsePss, processTree, pssOfTree } from './process-memory.ts';

test('the proportional set size is read', () => {
  expect(parsePss('55e0-7ffc ---p 0 00:00 0 [rollup]\nRss:  1234 kB\nPss:   567 kB\nPss_Dirty: 1 kB\n')).toBe(567);
  expect(() => parsePss('Rss: 12 kB')).toThrow('no Pss');
});

test('what a process started belongs to its tree, and so does what that started', async () => {
  const child = spawn('sh', ['-c', 'sleep 600 & echo $!; wait'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  const grandchild = await new Promise<number>((resolve) =>
    child.stdout?.once('data', (data) => resolve(Number(data))),
  );
  const pids = await processTree(process.pid);
  expect(pids).toEqual(expect.arrayContaining([process.pid, child.pid, grandchild]));
  const memory = await pssOfTree(child.pid as number);
  expect(memory.map(({ pid }) => pid)).toEqual([child.pid, grandchild]);
  expect(Math.min(...memory.map(({ mb }) => mb))).toBeGreaterThan(0);
  process.kill(-(child.pid as number), 'SIGKILL');
});
