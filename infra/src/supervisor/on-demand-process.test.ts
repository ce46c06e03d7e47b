import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { text } from 'node:stream/consumers';
import { afterEach, expect, test } from 'vitest';
import { listenProblem } from '../platform/ports.ts';
import { OnDemandProcess } from './on-demand-process.ts';

/** Answers each connection with its pid and what it says, and is idle when told so or when it has none any more. */
const PROGRAM = `
  let handed = 0, open = 0;
  process.on('message', (_, socket) => {
    handed += 1; open += 1;
    socket.on('data', (bytes) => {
      if (String(bytes) === 'crash') process.exit(7);
      socket.end(process.pid + ' ' + bytes);
    });
    socket.on('close', () => { open -= 1; if (open === 0) process.send({ type: 'idle', connections: handed }); });
  });
  process.on('disconnect', () => process.exit(0));`;

let started: OnDemandProcess | undefined;
afterEach(async () => await started?.stop());

async function start(): Promise<{ process: OnDemandProcess; say: (what: string) => Promise<string>; ended: string[] }> {
  const port = await freePort();
  const ended: string[] = [];
  const process = new OnDemandProcess(
    {
      name: 'sample',
      command: globalThis.process.execPath,
      args: ['-e', PROGRAM],
      env: { PATH: '/usr/bin:/bin' },
      cwd: tmpdir(),
      readyUrl: '',
      dependsOn: [],
      stopWave: 0,
      stopDeadlineMs: 10_000,
    },
    { host: '127.0.0.1', port },
    { onLine: () => undefined, onReady: () => undefined, onEnd: (how) => ended.push(how) },
  );
  started = process;
  await process.start(10_000, new AbortController().signal);
  const say = async (what: string): Promise<string> => {
    const socket = connect(port, '127.0.0.1');
    socket.write(what);
    return await text(socket).catch(() => 'lost');
  };
  return { process, say, ended };
}

async function freePort(): Promise<number> {
  for (let port = 20_000 + (process.pid % 10_000); ; port += 1) {
    if ((await listenProblem(port, '127.0.0.1')) === undefined) return port;
  }
}

test('nothing runs before the first connection, nor when the last is over', async () => {
  const { process, say } = await start();
  expect(process.status).toEqual({ name: 'sample', pid: undefined, ready: true, restarts: 0 });
  const [pid, said] = (await say('hello')).split(' ');
  expect(said).toBe('hello');
  await expect.poll(() => process.status.pid).toBeUndefined();
  const [next] = (await say('again')).split(' ');
  expect(next).not.toBe(pid);
  expect(process.status.restarts).toBe(0);
});

test('connections at one time go to one process', async () => {
  const { say } = await start();
  const answers = await Promise.all(['a', 'b', 'c'].map(say));
  expect(answers.map((answer) => answer.split(' ')[1])).toEqual(['a', 'b', 'c']);
  expect(new Set(answers.map((answer) => answer.split(' ')[0])).size).toBe(1);
});

test('one that crashes is started anew by the next connection, and its end is told', async () => {
  const { process, say, ended } = await start();
  await say('crash');
  await expect.poll(() => ended).toEqual(['with status 7']);
  expect((await say('hello')).split(' ')[1]).toBe('hello');
  expect(process.status.restarts).toBe(1);
});

test('a stop ends it and gives the port back', async () => {
  const { process, say } = await start();
  await say('hello');
  await process.stop();
  expect(process.status.ready).toBe(false);
  expect(await say('hello')).toBe('lost');
});
