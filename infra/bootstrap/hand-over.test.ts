import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { repositoryRoot } from '../src/process/repository-root.ts';

let root: string;

/** What the pinned Node runs: says its pid and what it hears, and ends as the last word of a stop. */
const program = `
  import { listenForStop } from ${JSON.stringify(join(repositoryRoot, 'infra/src/process/stop-signal.ts'))};
  const stopped = listenForStop();
  stopped.addEventListener('abort', () => { console.log(stopped.reason.message); process.exit(7); });
  console.log('pid ' + process.pid + ' ' + process.argv.slice(2).join(' '));
  if (process.argv[2] === 'end') process.exit(Number(process.argv[3]));
  if (process.argv[2] === 'die') process.kill(process.pid, 'SIGKILL');
  setInterval(() => {}, 1000);
`;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'hand-over-'));
  await mkdir(join(root, 'node_modules/.bin'), { recursive: true });
  await symlink(process.execPath, join(root, 'node_modules/.bin/node'));
  await writeFile(join(root, 'program.mjs'), program);
});

afterEach(async () => {
  await rm(root, { recursive: true });
});

function bootstrap(...args: string[]): { child: ChildProcess; lines: string[]; exit: Promise<number | null> } {
  const handOver = JSON.stringify(join(repositoryRoot, 'infra/bootstrap/hand-over.mjs'));
  const call = `handOver(${JSON.stringify(root)}, 'program.mjs', ${JSON.stringify(args)}, { privateMounts: false, supervises: false })`;
  const script = `import { handOver } from ${handOver}; process.exitCode = await ${call};`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  // After a failure too: the program ends with its bootstrap.
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines: string[] = [];
  createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => lines.push(line));
  // "close": all lines are there by then.
  return { child, lines, exit: once(child, 'close').then(([code]) => code as number | null) };
}

test('arguments go in and the exit status comes out', async () => {
  const { lines, exit } = bootstrap('end', '3');
  expect(await exit).toBe(3);
  expect(lines).toEqual([expect.stringMatching(/^pid \d+ end 3$/)]);
});

test('the end by a signal is a status above 128', async () => {
  expect(await bootstrap('die').exit).toBe(137);
});

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
  '%s is passed on once, and its outcome waited for',
  async (signal) => {
    const { child, lines, exit } = bootstrap('stay');
    await expect.poll(() => lines.length).toBe(1);
    child.kill(signal);
    expect(await exit).toBe(7);
    expect(lines.slice(1)).toEqual([`stopped by ${signal}`]);
  },
);

test('when the bootstrap is killed, the program notices and stops', async () => {
  const { child, lines } = bootstrap('stay');
  await expect.poll(() => lines.length).toBe(1);
  const pid = Number(lines[0]?.split(' ')[1]);
  child.kill('SIGKILL');
  await expect.poll(() => existsSync(`/proc/${pid}`), { timeout: 30_000 }).toBe(false);
  await expect.poll(() => lines.at(-1)).toBe('stopped by the end of the process that started it');
});
