// @module-tag root
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, watch } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { findCgroups } from '../cgroup/hierarchy.ts';
import { listCgroups } from '../cgroup/removal.ts';
import { expectConfinement } from '../layers/canary.test-support.ts';
import { findServingProcesses } from './cell-processes.ts';
import { CONTAINER_STEPS } from './container-steps.ts';
import {
  busyboxImage,
  containerSpec,
  expectNothingLeft,
  Lines,
  openCell,
  runToEnd,
  storeImage,
  testCell,
} from './garden.test-support.ts';
import type { Garden } from './garden.ts';

// Reps that are killed. Real containers: they need root, runc, conmon, tini and busybox-static.

const options = testCell();
const children: ChildProcess[] = [];
let garden: Garden | undefined;
beforeAll(async () => await expectConfinement(options.dataDir));
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  for (const container of garden?.containers() ?? []) await container.delete();
  await garden?.close();
  garden = undefined;
});
afterAll(async () => {
  garden = await openCell(options);
  await garden.teardown();
  garden = undefined;
  expectNothingLeft(options);
});

/** A rep in a process of its own that runs a script; what it prints is collected. */
function rep(script: string): {
  readonly output: Lines;
  readonly killed: Promise<NodeJS.Signals | null>;
  readonly kill: () => void;
} {
  const url = (file: string): string => JSON.stringify(new URL(file, import.meta.url).href);
  const code = `
    const { Garden } = await import(${url('./garden.ts')});
    const { writeTar } = await import(${url('../tar/tar-writer.test-support.ts')});
    const { sha256 } = await import(${url('../layers/digest.test-support.ts')});
    const { busyboxEntries } = await import(${url('./busybox.test-support.ts')});
    const options = ${JSON.stringify(options)};
    const store = async (garden) => {
      const tar = writeTar(busyboxEntries());
      const mediaType = 'application/vnd.oci.image.layer.v1.tar';
      const descriptor = { digest: sha256(tar), size: tar.length, mediaType, diffId: sha256(tar) };
      return await garden.layers.ensureLayers([descriptor], async function* () { yield tar; });
    };
    const process_ = (command) => ({ command, entrypoint: [], cmd: [], workdir: '', user: '', imageEnv: [], env: {} });
    const spec = (layers, handle, command, sidecars = []) => ({
      handle, layers,
      process: process_(command),
      sidecars: sidecars.map((each, i) => ({ name: 'sidecar ' + i, process: process_(each) })),
      limits: { memoryBytes: 64 << 20, cpuShares: 64, pids: 64, nofile: 1024 },
      annotations: { of: handle },
    });
    const say = (text) => process.stdout.write(text + '\\n');
    ${script}
    setInterval(() => undefined, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const output = new Lines();
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    output.sink(lines.map((line) => ({ stream: 'stdout', line: Buffer.from(line), timestampNs: 0n })));
  });
  return {
    output,
    killed: new Promise((resolve) => child.once('close', (_, signal) => resolve(signal))),
    kill: () => child.kill('SIGKILL'),
  };
}

/** Sends a signal to all processes of a container, without a rep. */
function signalAll(handle: string, signal: NodeJS.Signals): void {
  const path = findCgroups().mounts[0]?.path ?? '';
  const pids = readFileSync(join(path, 'slipway', options.cell, handle, 'cgroup.procs'), 'utf8').split('\n');
  for (const pid of pids.filter((text) => text !== '')) {
    try {
      process.kill(Number(pid), signal);
    } catch (error) {
      // The shell's short sleeps come and go.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

/** Resolves when the container has left an exit status. */
async function ended(handle: string): Promise<void> {
  const exits = join(options.runDir, 'exits');
  await new Promise<void>((resolve) => {
    const watcher = watch(exits, () => look());
    const look = (): void => {
      if (!existsSync(join(exits, handle))) return;
      watcher.close();
      resolve();
    };
    look();
  });
}

const numbers = (lines: readonly string[]): number[] =>
  lines.filter((line) => line.startsWith('n')).map((line) => Number(line.slice(1)));

describe('a rep that is killed', () => {
  test('loses neither its containers nor their lines nor their exit status', async () => {
    // It is quiet when the rep is killed: what a rep has read and not yet handed on goes with it.
    const talk =
      'trap go=1 USR1; i=0; until [ $i = 30 ]; do i=$((i+1)); echo n$i; done; ' +
      'until [ "$go" ]; do sleep 0.01; done; until [ $i = 300 ]; do i=$((i+1)); echo n$i; sleep 0.005; done; exit 9';
    const first = rep(`
      const garden = await Garden.open(options);
      const container = await garden.create(spec(await store(garden), 'talker', '${talk}'));
      container.readLogs((lines) => { for (const { line } of lines) say(Buffer.from(line).toString()); });
      await container.start();
      say('started');`);
    await Promise.all(['n30', 'started'].map((text) => first.output.until(text)));
    first.kill();
    expect(await first.killed).toBe('SIGKILL');
    signalAll('talker', 'SIGUSR1');
    garden = await openCell(options);
    const [container] = garden.containers();
    expect(container).toMatchObject({ handle: 'talker', annotations: { of: 'talker' } });
    expect(container?.startedAt).toBeInstanceOf(Date);
    const lines = new Lines();
    await container?.readLogs(lines.sink).ended;
    expect(await container?.exited).toMatchObject({ status: 9 });
    expect([...numbers(first.output.all), ...numbers(lines.all)]).toEqual(Array.from({ length: 300 }, (_, i) => i + 1));
  });

  test('is told what happened while it was away: last words, status, and that memory ran out', async () => {
    const first = rep(`
      const garden = await Garden.open(options);
      const layers = await store(garden);
      for (const [handle, command] of [
        ['quitter', 'sleep 0.3; echo last words; echo and more >&2; exit 5'],
        ['eater', 'sleep 0.3; dd if=/dev/zero of=/dev/null bs=100M count=1; echo eaten; exit 6'],
      ]) {
        const container = await garden.create(spec(layers, handle, command));
        await container.start();
      }
      say('started');`);
    await first.output.until('started');
    first.kill();
    expect(await first.killed).toBe('SIGKILL');
    await Promise.all([ended('quitter'), ended('eater')]);
    garden = await openCell(options);
    const quitter = garden.container('quitter');
    const eater = garden.container('eater');
    expect(await quitter?.exited).toMatchObject({ status: 5, outOfMemory: false });
    expect(await eater?.exited).toMatchObject({ status: 6, outOfMemory: true });
    const lines = new Lines();
    await quitter?.readLogs(lines.sink).ended;
    expect(lines.all.toSorted()).toEqual(['and more', 'last words']);
    await eater?.readLogs(lines.sink).ended;
    expect(lines.all).toContain('eaten');
    expect(quitter?.state).toBe('exited');
  });

  test('is told of a sidecar that ended while it was away', async () => {
    const first = rep(`
      const garden = await Garden.open(options);
      const command = 'echo up; until [ -f /tmp/go ]; do sleep 0.02; done; echo last words; exit 9';
      const container = await garden.create(spec(await store(garden), 'pair', 'sleep 0.3; touch /tmp/go; sleep 1000', [command]));
      await container.start();
      say('started');`);
    await first.output.until('started');
    first.kill();
    expect(await first.killed).toBe('SIGKILL');
    garden = await openCell(options);
    const pair = garden.container('pair');
    expect(await pair?.sidecars[0]?.exited).toMatchObject({ status: 9, outOfMemory: false });
    expect(pair?.state).toBe('running');
    const lines = new Lines();
    pair?.readLogs(lines.sink);
    await lines.until('last words');
    expect(lines.all).toEqual(['up', 'last words']);
  });

  test('may be followed by others that do not look at the logs: they stay for the one that does', async () => {
    const first = rep(`
      const garden = await Garden.open(options);
      const container = await garden.create(spec(await store(garden), 'patient', 'echo kept; exit 0'));
      await container.start();
      await container.exited;
      say('ended');`);
    await first.output.until('ended');
    first.kill();
    expect(await first.killed).toBe('SIGKILL');
    for (let i = 0; i < 2; i += 1) {
      const next = await openCell(options);
      expect(next.container('patient')?.state).toBe('exited');
      await next.close();
    }
    garden = await openCell(options);
    const lines = new Lines();
    await garden.container('patient')?.readLogs(lines.sink).ended;
    expect(lines.all).toEqual(['kept']);
  });
});

test('a rep that closes leaves its containers running for the next, and the lines it did not get', async () => {
  const first = await openCell(options);
  const spec = containerSpec(await storeImage(first, busyboxImage()), {
    command: 'i=0; while [ $i -lt 200 ]; do i=$((i+1)); echo n$i; sleep 0.005; done; exit 3',
  });
  const before = await first.create(spec);
  const lines = new Lines();
  before.readLogs(lines.sink);
  await before.start();
  await lines.until('n20');
  await first.close();
  garden = await openCell(options);
  const after = garden.container(spec.handle);
  await after?.readLogs(lines.sink).ended;
  expect((await after?.exited)?.status).toBe(3);
  expect(numbers(lines.all)).toEqual(Array.from({ length: 200 }, (_, i) => i + 1));
});

/** Expects the machine to have nothing of the cell's containers, and the cell to be able to make one. */
async function expectClean(cell: Garden): Promise<void> {
  expect(findServingProcesses(join(options.dataDir, 'containers'))).toEqual([]);
  expect(readdirSync(join(options.dataDir, 'containers'))).toEqual([]);
  for (const dir of ['exits', 'runc', 'rootfs']) expect(readdirSync(join(options.runDir, dir))).toEqual([]);
  expect(listCgroups(findCgroups(), `/slipway/${options.cell}`)).toEqual([]);
  expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(options.cell);
  expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(options.dataDir);
  // The handle, the address and the ids are free again.
  const layers = await storeImage(cell, busyboxImage());
  const again = await runToEnd(cell, containerSpec(layers, { command: 'exit 4' }, { handle: 'victim' }));
  expect(again.status).toBe(4);
}

describe('a rep killed at a step leaves nothing that the next does not clean up', () => {
  test.each(CONTAINER_STEPS)('%s', async (step) => {
    const victim = rep(`
      let armed = false;
      const garden = await Garden.open({ ...options, onStep: (step) => { if (armed && step === ${JSON.stringify(step)}) process.kill(process.pid, 'SIGKILL'); } });
      const layers = await store(garden);
      armed = true;
      const container = await garden.create(spec(layers, 'victim', 'sleep 1000', ['sleep 1000', 'sleep 1000']));
      await container.start();
      await container.delete();
      say('survived');`);
    expect(await victim.killed).toBe('SIGKILL');
    expect(victim.output.all).toEqual([]);
    garden = await openCell(options);
    // One that had been told to start may be taken over; anything less is gone.
    for (const container of garden.containers()) {
      expect(['start:record', 'delete:record']).toContain(step);
      expect(container.handle).toBe('victim');
      await container.delete();
    }
    await expectClean(garden);
  });
});

test('a rep killed at any moment of a create leaves nothing either', { timeout: 300_000 }, async () => {
  for (let ms = 0; ms < 80; ms += 8) {
    const victim = rep(`
      const garden = await Garden.open(options);
      const layers = await store(garden);
      say('now');
      await garden.create(spec(layers, 'victim', 'sleep 1000'));`);
    await victim.output.until('now');
    // Between two steps, where runc and conmon are at work, there is no event to wait for.
    await new Promise((resolve) => setTimeout(resolve, ms));
    victim.kill();
    await victim.killed;
    const next = await openCell(options);
    expect(next.containers()).toEqual([]);
    await expectClean(next);
    await next.close();
  }
});

test('a session of a killed rep ends with the next, and the app goes on', async () => {
  const first = rep(`
    const garden = await Garden.open(options);
    const container = await garden.create(spec(await store(garden), 'looked-at', 'sleep 1000'));
    await container.start();
    const script = 'setsid sleep 4731 & echo ready; sleep 4732';
    const session = container.exec({ argv: ['/.slipway/busybox', 'sh', '-c', script] });
    session.stdout.once('data', () => say('in session'));`);
  await first.output.until('in session');
  first.kill();
  await first.killed;
  garden = await openCell(options);
  const container = garden.container('looked-at');
  expect(container?.state).toBe('running');
  const inContainer = listCgroups(findCgroups(), `/slipway/${options.cell}/looked-at`);
  const files = readdirSync(join(options.dataDir, 'containers', 'looked-at'));
  expect([inContainer, files.filter((name) => name.startsWith('session-'))]).toEqual([[], []]);
  const ps = container?.exec({ argv: ['/.slipway/busybox', 'ps'] });
  expect(await text(ps?.stdout as Readable)).not.toContain('473');
});
