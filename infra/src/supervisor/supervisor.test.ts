import { existsSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ProcessSpec } from './process-spec.ts';
import { StartFailed } from './supervised-process.ts';
import { Supervisor } from './supervisor.ts';

/** A service in one line: says its name, serves /readyz on PORT, and says so when it is asked to stop. */
const service = `
  const http = require('node:http');
  console.log('hello');
  http.createServer((_, answer) => answer.end('ready')).listen(Number(process.env.PORT), '127.0.0.1');
  process.on('SIGTERM', () => { console.log('bye'); process.exit(0); });
`;
const never = new AbortController().signal;

let said: string[];
let supervisor: Supervisor | undefined;
/** Where "sh" tests take their readiness from. */
let ready: Server;
let readyUrl: string;

beforeEach(async () => {
  said = [];
  supervisor = undefined;
  ready = createServer((_, answer) => answer.end('ready'));
  await new Promise<void>((resolve) => ready.listen(0, '127.0.0.1', resolve));
  readyUrl = `http://127.0.0.1:${(ready.address() as AddressInfo).port}/`;
});

afterEach(async () => {
  await supervisor?.stop();
  await new Promise((resolve) => ready.close(resolve));
});

async function node(name: string, more: Partial<ProcessSpec> = {}): Promise<ProcessSpec> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return {
    ...sh(name, '', more),
    command: process.execPath,
    args: ['-e', service],
    env: { PORT: String(port) },
    readyUrl: `http://127.0.0.1:${port}/readyz`,
  };
}

function sh(name: string, script: string, more: Partial<ProcessSpec> = {}): ProcessSpec {
  return {
    name,
    command: '/bin/sh',
    args: ['-c', script],
    env: { PATH: '/usr/bin:/bin' },
    cwd: '/',
    readyUrl,
    dependsOn: [],
    stopWave: 0,
    stopDeadlineMs: 10_000,
    ...more,
  };
}

function supervise(...specs: ProcessSpec[]): Supervisor {
  supervisor = new Supervisor(specs, (name) => ({
    onLine: (line) => said.push(`${name}: ${line}`),
    onReady: (restarts) => said.push(`${name} ready ${restarts}`),
    onEnd: (how) => said.push(`${name} ended ${how}`),
  }));
  return supervisor;
}

const pidOf = (name: string): number => {
  const pid = supervisor?.statuses.find((status) => status.name === name)?.pid;
  if (pid === undefined) throw new Error(`${name} does not run`);
  return pid;
};
const runs = (pid: number): boolean =>
  existsSync(`/proc/${pid}`) && !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');

test('processes start when those they need are ready, and stop in waves', async () => {
  const bus = await node('bus', { stopWave: 2 });
  const api = await node('api', { dependsOn: ['bus'], stopWave: 1 });
  const edge = await node('edge', { dependsOn: ['api'], stopWave: 0 });
  await supervise(edge, api, bus).start(never);
  expect(said).toEqual(['bus: hello', 'bus ready 0', 'api: hello', 'api ready 0', 'edge: hello', 'edge ready 0']);
  const pids = ['bus', 'api', 'edge'].map(pidOf);
  said.length = 0;
  await supervisor?.stop();
  expect(said).toEqual(['edge: bye', 'api: bye', 'bus: bye']);
  expect(pids.filter(runs)).toEqual([]);
});

test('a process that is killed comes back on the same port', async () => {
  await supervise(await node('bus')).start(never);
  const first = pidOf('bus');
  process.kill(first, 'SIGKILL');
  await expect.poll(() => supervisor?.statuses[0], { timeout: 30_000 }).toMatchObject({ ready: true, restarts: 1 });
  expect(pidOf('bus')).not.toBe(first);
  expect(said).toContain('bus ended by SIGKILL');
  expect(said).toContain('bus ready 1');
});

test('a process that ends again and again before it is ready fails the start, with its last words', async () => {
  const start = supervise(sh('bad', 'echo no such database >&2; exit 3', { readyUrl: 'http://127.0.0.1:1/' })).start(
    never,
  );
  await expect(start).rejects.toThrow(StartFailed);
  await expect(start).rejects.toThrow(/^bad cannot be started: it ended with status 3; its last lines:\n {2}no such/);
});

test('when one start fails the others are not left half started', async () => {
  const good = await node('good');
  const bad = sh('bad', 'exit 1', { readyUrl: 'http://127.0.0.1:1/' });
  const later = await node('later', { dependsOn: ['bad'] });
  await expect(supervise(good, bad, later).start(never)).rejects.toThrow('bad cannot be started');
  await supervisor?.stop();
  expect(said.filter((line) => line.startsWith('later'))).toEqual([]);
  expect(supervisor?.statuses.map((status) => status.pid)).toEqual([undefined, undefined, undefined]);
});

test('a stop in the middle of the start ends everything', async () => {
  const stop = new AbortController();
  const bus = await node('bus');
  const slow = sh('slow', 'trap "echo stopped; exit 0" TERM; echo up; while :; do sleep 0.1; done', {
    dependsOn: ['bus'],
    readyUrl: 'http://127.0.0.1:1/',
  });
  const start = supervise(bus, slow).start(stop.signal);
  await expect.poll(() => said).toContain('slow: up');
  const pids = ['bus', 'slow'].map(pidOf);
  stop.abort(new Error('stop it'));
  await expect(start).rejects.toThrow('stop it');
  await supervisor?.stop();
  expect(pids.filter(runs)).toEqual([]);
});

test('a process that ignores SIGTERM is killed with what it started', async () => {
  const stubborn = sh('stubborn', 'trap "" TERM; sleep 600 & echo $!; wait', { stopDeadlineMs: 200 });
  await supervise(stubborn).start(never);
  await expect.poll(() => said.length).toBeGreaterThan(1);
  const child = Number(/stubborn: (\d+)/.exec(said.join('\n'))?.[1]);
  const pids = [child, pidOf('stubborn')];
  await supervisor?.stop();
  await expect.poll(() => pids.filter(runs)).toEqual([]);
});

test('a process with a user has no privilege left', { tags: 'root' }, async () => {
  const script = 'id -u; id -g; id -G; grep -E "CapBnd|CapEff|NoNewPrivs" /proc/self/status; read _';
  await supervise(sh('poor', script, { user: { uid: 60_999, gid: 60_999 } })).start(never);
  await expect
    .poll(() => said.filter((line) => line.startsWith('poor:')))
    .toEqual([
      'poor: 60999',
      'poor: 60999',
      'poor: 60999',
      'poor: CapEff:\t0000000000000000',
      'poor: CapBnd:\t0000000000000000',
      'poor: NoNewPrivs:\t1',
    ]);
});

test('a process may keep the one capability for low ports', { tags: 'root' }, async () => {
  const spec = sh('edge', 'grep CapEff /proc/self/status; read _', { user: { uid: 60_999, gid: 60_999 } });
  await supervise({ ...spec, bindsLowPorts: true }).start(never);
  await expect.poll(() => said).toContain('edge: CapEff:\t0000000000000400');
});

test('processes that wait for one another, or for nobody, are refused', () => {
  expect(() => supervise(sh('a', '', { dependsOn: ['b'] }), sh('b', '', { dependsOn: ['a'] }))).toThrow('a needs b');
  expect(() => supervise(sh('a', '', { dependsOn: ['nobody'] }))).toThrow('a needs nobody');
});
