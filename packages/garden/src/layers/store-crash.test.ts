// @module-tag root
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { mountDisk, noiseLayer, registryOf } from './disk.test-support.ts';
import { LayerStore } from './layer-store.ts';
import { sealHost } from './sealed-host.test-support.ts';
import { STORE_STEPS } from './store-steps.ts';

// Processes that are killed while they use a store. What they leave is then opened and looked through.

const MEBIBYTE = 1024 ** 2;
const NAMES = ['a', 'b', 'c', 'd'];
const blobs = NAMES.map((name) => noiseLayer(name, MEBIBYTE));
const watermarks = { highPercent: 30, lowPercent: 20, mostFreeBytes: 2 ** 40 };

let parent: string;
const children: ChildProcess[] = [];
beforeAll(() => {
  parent = sealHost();
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});
afterAll(() => {
  for (const name of readdirSync(parent))
    if (!name.startsWith('disk-')) rmSync(join(parent, name), { recursive: true });
});

/** A process that pulls, uses, pins and collects for ever, and calls `onStep` at each step. */
function user(
  dir: string,
  onStep: string,
): { readonly said: Promise<void>; readonly kill: () => void; readonly ended: Promise<unknown> } {
  const url = (file: string): string => JSON.stringify(new URL(file, import.meta.url).href);
  const code = `
    const { LayerStore } = await import(${url('./layer-store.ts')});
    const { noiseLayer, registryOf } = await import(${url('./disk.test-support.ts')});
    const blobs = ${JSON.stringify(NAMES)}.map((name) => noiseLayer(name, ${MEBIBYTE}));
    const { fetch } = registryOf(blobs);
    const onStep = (step) => { ${onStep} };
    const store = await LayerStore.open({ dir: ${JSON.stringify(dir)}, onStep, watermarks: ${JSON.stringify(watermarks)} });
    process.stdout.write('opened');
    const pull = async (names, id) => {
      const layers = names.map((name) => blobs[${JSON.stringify(NAMES)}.indexOf(name)].descriptor);
      const held = await store.ensureLayers(layers, fetch, { image: { id, reference: id, app: { guid: 'app' } } });
      held.release();
      return layers;
    };
    for (let round = 0; ; round += 1) {
      const layers = await pull(['a', 'b'], 'image-1');
      store.setPins([{ id: 'image-1', current: true, layers: round % 2 === 0 ? layers : [] }]);
      await pull(['a', 'b'], 'image-1');
      await pull(['b', 'c'], 'image-2');
      await pull(['d'], 'image-3');
      await store.collect();
    }`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  return {
    said: new Promise((resolve) => child.stdout.once('data', () => resolve())),
    kill: () => child.kill('SIGKILL'),
    ended: new Promise((resolve) => child.once('close', (_, signal) => resolve(signal))),
  };
}

/** Opens the store and expects it to hold whole layers and nothing else, and to be of use. */
async function expectWhole(dir: string): Promise<number> {
  const store = await LayerStore.open({ dir, watermarks });
  const listed = store.list();
  const names = listed.map(({ name }) => name).toSorted();
  expect(readdirSync(join(dir, 'tmp'))).toEqual([]);
  expect(readdirSync(join(dir, 'layers')).toSorted()).toEqual(names);
  expect(readdirSync(join(dir, 'splits')).toSorted()).toEqual(names);
  expect(readdirSync(join(dir, 'records')).toSorted()).toEqual(names.map((name) => `${name}.json`).toSorted());
  for (const file of readdirSync(dir)) {
    expect(['images', 'layers', 'pins.json', 'records', 'splits', 'tmp']).toContain(file);
  }
  if (existsSync(join(dir, 'pins.json'))) expect(JSON.parse(readFileSync(join(dir, 'pins.json'), 'utf8')).v).toBe(1);
  for (const file of readdirSync(join(dir, 'images'))) {
    const { diffIds } = JSON.parse(readFileSync(join(dir, 'images', file), 'utf8'));
    expect(diffIds.some((diffId: string) => listed.some((layer) => layer.diffId === diffId))).toBe(true);
  }
  // Each layer is what its diffID says: its archive is made of it again, and its hash compared at the end.
  for (const { diffId } of listed) {
    const blob = blobs.find(({ descriptor }) => descriptor.diffId === diffId);
    const shared = blob === undefined ? undefined : store.share(blob.descriptor);
    expect(shared?.diffId).toBe(diffId);
    let bytes = 0;
    for await (const piece of shared?.archive(0, new AbortController().signal) ?? []) bytes += piece.length;
    expect(bytes).toBe(shared?.size);
    shared?.release();
  }
  const { fetch } = registryOf(blobs);
  for (const { descriptor } of blobs) (await store.ensureLayers([descriptor], fetch)).release();
  await store.close();
  return listed.length;
}

describe('a process killed at a step leaves whole layers and nothing else', () => {
  test.each(STORE_STEPS)('%s', async (step) => {
    const dir = mountDisk(parent, 10);
    // The second time: there is more that could be broken then.
    const kill = `globalThis.seen ??= 0; if (step === ${JSON.stringify(step)} && ++seen === 2) process.kill(process.pid, 'SIGKILL');`;
    expect(await user(dir, kill).ended).toBe('SIGKILL');
    await expectWhole(dir);
  });
});

test('a process killed at any moment leaves whole layers and nothing else', { timeout: 300_000 }, async () => {
  const dir = mountDisk(parent, 10);
  let kept = 0;
  for (let ms = 5; ms < 700; ms += 97) {
    const { said, kill, ended } = user(dir, '');
    await said;
    // Between two steps, where files are written and removed, there is no event to wait for.
    await new Promise((resolve) => setTimeout(resolve, ms));
    kill();
    expect(await ended).toBe('SIGKILL');
    kept += await expectWhole(dir);
  }
  expect(kept).toBeGreaterThan(0);
});
