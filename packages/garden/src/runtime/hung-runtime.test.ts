// @module-tag root
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { standInRuntime } from '@slipway/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { findCgroups, mountOf } from '../cgroup/hierarchy.ts';
import type { GardenError } from '../errors.ts';
import type { LayerHandle } from '../layers/layer.ts';
import { CellNetwork } from '../network/cell-network.ts';
import { findServingProcesses } from './cell-processes.ts';
import { runCommand } from './command.ts';
import {
  busyboxImage,
  containerSpec,
  expectNothingLeft,
  openCell,
  runToEnd,
  storeImage,
  testCell,
} from './garden.test-support.ts';
import type { Garden } from './garden.ts';

// A runtime that hangs: its stand-in passes everything on to the real one, but for what it is told to hang in.

const DEADLINES = { createMs: 1_500, startMs: 1_500, endMs: 1_000, removeMs: 30_000 };
const cell = testCell();
const problems: GardenError[] = [];
const stand = standInRuntime();
const options = {
  ...cell,
  programs: stand.programs,
  deadlines: DEADLINES,
  onProblem: (error: GardenError) => problems.push(error),
};
let garden: Garden;
let image: readonly LayerHandle[];
beforeAll(async () => {
  garden = await openCell(options);
  image = await storeImage(garden, busyboxImage());
});
afterEach(() => {
  stand.heal();
  problems.length = 0;
});
afterAll(async () => {
  await garden.teardown();
  stand.remove();
  expectNothingLeft(cell);
});

const serving = (): readonly unknown[] => findServingProcesses(join(cell.dataDir, 'containers'));
const FOREVER = 'while :; do sleep 1000; done';
const sidecar = {
  name: 'beside',
  process: { command: FOREVER, entrypoint: [], cmd: [], workdir: '', user: '', imageEnv: [], env: {} },
};

describe('a runtime that hangs', () => {
  test.each([
    ['runc create', 'create', 'create:runtime'],
    ['conmon', 'conmon', 'create:runtime'],
  ] as const)('in %s is given up at the deadline, and leaves nothing', async (_, command, step) => {
    stand.hang(command);
    await expect(garden.create(containerSpec(image, { command: FOREVER }))).rejects.toMatchObject({
      code: 'RUNTIME_TIMEOUT',
      kind: 'timeout',
      details: { step, deadlineMs: DEADLINES.createMs },
      message: 'create:runtime: runc create did not end within 1500 ms',
    });
    expect(serving()).toEqual([]);
    expect(problems).toEqual([]);
  });

  test('in runc start is given up, and the container can be removed', async () => {
    stand.hang('start');
    const container = await garden.create(containerSpec(image, { command: FOREVER }));
    await expect(container.start()).rejects.toMatchObject({
      code: 'RUNTIME_TIMEOUT',
      details: { step: 'start:runtime', deadlineMs: DEADLINES.startMs },
      message: 'start:runtime: runc start did not end within 1500 ms',
    });
    await container.delete();
    expect(serving()).toEqual([]);
  });

  test('with an init that does not come to its exec is given up', async () => {
    const container = await garden.create(containerSpec(image, { command: FOREVER }));
    const record = JSON.parse(
      readFileSync(join(cell.dataDir, 'containers', container.handle, 'container.json'), 'utf8'),
    );
    process.kill(record.init.pid, 'SIGSTOP');
    await expect(container.start()).rejects.toMatchObject({
      code: 'RUNTIME_TIMEOUT',
      details: { step: 'start:runtime', deadlineMs: DEADLINES.startMs },
      message: "start:runtime: the init's exec did not end within 1500 ms",
    });
    await container.delete();
    expect(serving()).toEqual([]);
  });

  test('whose init was killed before its exec is not waited for', async () => {
    const container = await garden.create(containerSpec(image, { command: FOREVER }));
    const record = JSON.parse(
      readFileSync(join(cell.dataDir, 'containers', container.handle, 'container.json'), 'utf8'),
    );
    process.kill(record.init.pid, 'SIGSTOP');
    const starting = expect(container.start()).rejects.toMatchObject({
      code: 'RUNTIME_FAILED',
      message: expect.stringMatching(/its init has ended|the init ended before its exec/),
    });
    process.kill(record.init.pid, 'SIGKILL');
    await starting;
    await container.delete();
  });

  test('in runc exec of a sidecar is given up, and what hangs is removed with the container', async () => {
    const container = await garden.create(containerSpec(image, { command: FOREVER }, { sidecars: [sidecar] }));
    stand.hang('exec');
    await expect(container.start()).rejects.toMatchObject({
      code: 'RUNTIME_TIMEOUT',
      details: { step: 'start:sidecars', deadlineMs: DEADLINES.startMs },
      message: 'start:sidecars: runc exec did not end within 1500 ms',
    });
    expect(serving()).not.toEqual([]);
    await container.delete();
    expect(serving()).toEqual([]);
  });

  test('keeps no other container from being stopped and removed meanwhile', async () => {
    const other = await garden.create(containerSpec(image, { command: FOREVER }));
    await other.start();
    stand.hang('create');
    const hung = garden.create(containerSpec(image, { command: FOREVER })).catch((error: GardenError) => error);
    await other.stop({ graceMs: 0 });
    await other.delete();
    expect(await hung).toMatchObject({ code: 'RUNTIME_TIMEOUT' });
  });

  test('is heard of by the probe, which passes when it works again', async () => {
    const { signal } = new AbortController();
    stand.hang('start');
    await expect(garden.probe(signal)).rejects.toMatchObject({ details: { step: 'start:runtime' } });
    stand.heal();
    await garden.probe(signal);
    expect(garden.containers()).toEqual([]);
  });

  test('that is cancelled says what was under way', async () => {
    stand.hang('create');
    const abort = new AbortController();
    const creating = garden.create(containerSpec(image, { command: FOREVER }), { signal: abort.signal });
    const waiting = expect(creating).rejects.toMatchObject({
      code: 'CANCELLED',
      message: 'Cancelled while runc create was under way',
    });
    await expect.poll(serving).not.toEqual([]);
    abort.abort();
    await waiting;
    expect(serving()).toEqual([]);
  });
});

test('nft that hangs is given up, by name', async () => {
  const hung = new CellNetwork({ ...cell, reachableFrom: [] }, async (program, args, given) => {
    if (program !== 'nft') return await runCommand(program, args, given);
    return await runCommand('/bin/sleep', ['1000'], { ...given, what: 'nft', timeoutMs: 200 });
  });
  await expect(hung.open()).rejects.toMatchObject({
    code: 'RUNTIME_TIMEOUT',
    message: 'nft did not end within 200 ms',
  });
});

/** On v1 not even SIGKILL ends what is frozen: as hung as a process in an uninterruptible sleep. */
const freezer = mountOf(findCgroups(), 'freezer');
describe.skipIf(freezer === undefined || findCgroups().version === 2)('a process that does not end', () => {
  const freeze = (handle: string, state: 'FROZEN' | 'THAWED'): void => {
    const path = join(freezer ?? '', 'slipway', cell.cell, handle, 'freezer.state');
    if (existsSync(path)) writeFileSync(path, state);
  };

  test('keeps its own container, for as long as it does, and no other', async () => {
    const container = await garden.create(containerSpec(image, { command: FOREVER }));
    await container.start();
    freeze(container.handle, 'FROZEN');
    const deletion = expect(container.delete()).rejects.toMatchObject({
      code: 'RUNTIME_TIMEOUT',
      details: { step: 'delete:cgroup', deadlineMs: DEADLINES.endMs },
    });
    expect((await runToEnd(garden, containerSpec(image, { command: 'exit 3' }))).status).toBe(3);
    await deletion;
    freeze(container.handle, 'THAWED');
    await container.delete();
    expect(garden.container(container.handle)).toBeUndefined();
  });

  test('keeps no rep from starting; its removal is tried again until it is gone', async () => {
    const stuck = await garden.create(containerSpec(image, { command: FOREVER }));
    // Never started, so the next rep has no use for it.
    const running = await garden.create(containerSpec(image, { command: FOREVER }));
    await running.start();
    freeze(stuck.handle, 'FROZEN');
    await garden.close();
    garden = await openCell(options);
    image = await storeImage(garden, busyboxImage());
    expect(garden.containers().map(({ handle }) => handle)).toEqual([running.handle]);
    expect(problems.map(({ details }) => details.step)).toContain('delete:cgroup');
    expect((await runToEnd(garden, containerSpec(image, { command: 'exit 3' }))).status).toBe(3);
    await expect(garden.create(containerSpec(image, {}, { handle: stuck.handle }))).rejects.toMatchObject({
      code: 'CONTAINER_EXISTS',
    });
    freeze(stuck.handle, 'THAWED');
    const dir = join(cell.dataDir, 'containers', stuck.handle);
    await expect.poll(() => existsSync(dir)).toBe(false);
    await garden.container(running.handle)?.delete();
  });
});

test('a runtime that fails says why', async () => {
  stand.fail('create');
  await expect(garden.create(containerSpec(image, { command: FOREVER }))).rejects.toMatchObject({
    code: 'RUNTIME_FAILED',
    message: expect.stringContaining('create is out of order'),
  });
  expect(serving()).toEqual([]);
});
