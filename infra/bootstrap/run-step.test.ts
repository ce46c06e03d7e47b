import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { archiveSizes } from './debian-packages.mjs';
import { runStep, StepFailed } from './run-step.mjs';

const never = new AbortController().signal;

test('a step gives its output, line by line and at the end', async () => {
  const lines: string[] = [];
  const status: string[] = [];
  const output = await runStep('sh', ['-c', 'echo one; echo two; echo 50 percent >&3'], {
    signal: never,
    onOutput: (line) => lines.push(line),
    onStatus: (line) => status.push(line),
  });
  expect({ output, lines, status }).toEqual({ output: 'one\ntwo', lines: ['one', 'two'], status: ['50 percent'] });
});

test('a failed step shows the command and its last words', async () => {
  const failed = runStep('sh', ['-c', 'echo no such package >&2; exit 100'], { signal: never });
  await expect(failed).rejects.toThrow(StepFailed);
  await expect(failed).rejects.toThrow(/ended with 100:\nno such package/);
});

test('an abort ends the step and everything that it started', async () => {
  const stop = new AbortController();
  let grandchild = '';
  const step = runStep('sh', ['-c', 'sleep 600 & echo $!; wait'], {
    signal: stop.signal,
    onOutput: (pid) => {
      grandchild = pid;
      stop.abort();
    },
  });
  await expect(step).rejects.toThrow('abort');
  expect(grandchild).toMatch(/^\d+$/);
  expect(existsSync(`/proc/${grandchild}/status`) && !isZombie(grandchild)).toBe(false);
});

test('a step that must finish does, and the abort is told afterwards', async () => {
  const stop = new AbortController();
  const lines: string[] = [];
  const step = runStep('sh', ['-c', 'echo begun; read _ < /proc/self/status; echo finished'], {
    signal: stop.signal,
    finish: true,
    onOutput: (line) => {
      lines.push(line);
      stop.abort();
    },
  });
  await expect(step).rejects.toThrow('abort');
  expect(lines).toEqual(['begun', 'finished']);
});

test('the sizes of the archives are read from what apt-get prints', () => {
  const printed = [
    'Reading package lists...',
    "'http://mirror.example/debian/pool/main/r/runc/runc_1.1.5_amd64.deb' runc_1.1.5_amd64.deb 2754128 MD5Sum:00",
    "'http://mirror.example/debian/pool/main/t/tini/tini_0.19.0-1_amd64.deb' tini_0.19.0-1_amd64.deb 255964 SHA256:0",
  ].join('\n');
  expect(archiveSizes(printed)).toEqual([2_754_128, 255_964]);
});

function isZombie(pid: string): boolean {
  return process.getBuiltinModule('node:fs').readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
}
