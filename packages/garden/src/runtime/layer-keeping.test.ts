// @module-tag root
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { LayerHandle } from '../layers/layer.ts';
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

// Real containers: they need root, runc, conmon, tini and busybox-static.

const options = testCell();
let garden: Garden;
/** Called at each step of a container. */
let onStep: (step: string) => void = () => undefined;
/** A disk that is always too full: what nobody keeps goes at each look. */
const layers = { watermarks: { highPercent: 0, lowPercent: 0, mostFreeBytes: 2 ** 60 } };
const open = async (): Promise<Garden> => await openCell({ ...options, layers, onStep: (step) => onStep(step) });

beforeAll(async () => {
  garden = await open();
});
afterAll(async () => {
  await garden.teardown();
  expectNothingLeft(options);
});

/** The image in the store and kept by nobody but whoever takes it at once. */
async function image(): Promise<readonly LayerHandle[]> {
  const held = await storeImage(garden, busyboxImage());
  if ('release' in held && typeof held.release === 'function') held.release();
  return [...held];
}

const stored = (): number => garden.layers.list().length;

test('a container keeps its layers from its first step to its last, also for the next process', async () => {
  const collections: Promise<void>[] = [];
  onStep = () => void collections.push(garden.layers.collect());
  const container = await garden.create(
    containerSpec(await image(), { command: 'sleep 1000' }, { image: { id: 'busybox', app: { guid: 'app' } } }),
  );
  await container.start();
  await Promise.all(collections);
  expect(collections.length).toBeGreaterThan(5);
  expect(stored()).toBe(1);
  expect(garden.layers.ledger()).toMatchObject({
    layers: { reclaimableBytes: 0 },
    containers: { count: 1 },
    images: [{ id: 'busybox', containers: 1, pinned: false, apps: ['app'] }],
  });
  onStep = () => undefined;
  await garden.close();
  garden = await open();
  await garden.layers.collect();
  expect(stored()).toBe(1);
  await garden.container(container.handle)?.delete();
  await garden.layers.collect();
  expect(stored()).toBe(0);
});

test('a container that could not be made keeps nothing', async () => {
  const spec = containerSpec(await image(), { command: 'true', user: 'nobody-of-this-name' });
  await expect(garden.create(spec)).rejects.toMatchObject({ code: 'USER_NOT_FOUND' });
  await garden.layers.collect();
  expect(stored()).toBe(0);
});

test('what was removed is fetched again and runs as before', async () => {
  const held = await storeImage(garden, busyboxImage());
  expect((await runToEnd(garden, containerSpec(held, { command: 'exit 7' }))).status).toBe(7);
});
