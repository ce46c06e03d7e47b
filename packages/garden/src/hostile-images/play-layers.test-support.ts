import { mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectConfinement } from '../layers/canary.test-support.ts';
import { sha256 } from '../layers/digest.test-support.ts';
import type { FetchLayer, LayerDescriptor, LayerHandle } from '../layers/layer.ts';
import { LayerStore } from '../layers/layer-store.ts';
import { sealHost } from '../layers/sealed-host.test-support.ts';
import { snapshotTree } from '../layers/tree.test-support.ts';
import { inPieces } from '../layers/unpack.test-support.ts';
import type { LayerLimits } from '../tar/limits.ts';
import { describeLayer } from './describe-layer.test-support.ts';
import type { Family, HostileLayers, LayerBlob, Stage } from './hostile-image.test-support.ts';

/** Directories of the host where images would leave something. Others may come and go there, but none of these names. */
const WATCHED = ['/', '/etc', '/etc/cron.d', '/tmp', '/root', '/dev', '/usr'];
const TRACES = /^(?:evil|victim|h|l|bomb|sealed-probe.*)$/;

const kilobytes = (name: string): number =>
  Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);

let dir: string;
let stage: Stage;
let before: { readonly outside: ReadonlyMap<string, string>; readonly rss: number };
const stores = new Map<string, { readonly store: LayerStore; readonly dir: string }>();

/**
 * Plays the hostile layers of these families: each is put into a layer store on a sealed host, beside a directory that it
 * would like to reach. To be called at the top of a test file.
 */
export function playLayers(families: readonly Family[]): void {
  beforeAll(async () => {
    dir = sealHost();
    await expectConfinement(dir);
    stage = { outside: join(dir, 'outside') };
    mkdirSync(join(stage.outside, 'deep'), { recursive: true });
    writeFileSync(join(stage.outside, 'victim'), 'untouched');
    symlinkSync('victim', join(stage.outside, 'link'));
    before = { outside: snapshotTree(stage.outside, { nanoseconds: true }), rss: kilobytes('VmRSS') };
  });
  afterAll(async () => {
    for (const { store } of stores.values()) await store.close();
    rmSync(dir, { recursive: true, force: true });
  });

  describe.each(families)('$title', ({ images }) => {
    test.each(images.filter((image) => image.kind === 'layers'))('$name', async (image) => {
      await play(image);
      expectHostUntouched();
    });
  });

  test('memory stayed within bounds', () => {
    // The peak of the whole process with its threads, what these tests themselves hold included.
    expect(kilobytes('VmHWM') - before.rss).toBeLessThan(250 * 1024);
  });
}

async function storeFor(
  limits: Partial<LayerLimits> = {},
): Promise<{ readonly store: LayerStore; readonly dir: string }> {
  const key = JSON.stringify(limits);
  const known = stores.get(key);
  if (known !== undefined) return known;
  const made = join(dir, `store-${stores.size}`);
  const opened = { store: await LayerStore.open({ dir: made, limits }), dir: made };
  stores.set(key, opened);
  return opened;
}

function describeBlob({ bytes, tar = bytes, lies }: LayerBlob): LayerDescriptor {
  const mediaType = 'application/vnd.oci.image.layer.v1.tar';
  return { digest: sha256(bytes), size: bytes.length, mediaType, diffId: sha256(tar), ...lies };
}

/** What is left of the store's own files when nothing is under way: no more and no less than it lists. */
async function expectTidy(store: LayerStore, storeDir: string): Promise<void> {
  const names = store.list().map(({ name }) => name);
  await expect.poll(() => readdirSync(join(storeDir, 'tmp'))).toEqual([]);
  await expect.poll(() => readdirSync(store.layersDir).sort()).toEqual([...names].sort());
}

async function play(image: HostileLayers): Promise<void> {
  const { store, dir: storeDir } = await storeFor(image.limits);
  const known = new Set(store.list().map(({ diffId }) => diffId));
  const blobs = image.layers(stage);
  const descriptors = blobs.map(describeBlob);
  const fetch: FetchLayer = (descriptor) => {
    const at = descriptors.findIndex(({ digest }) => digest === descriptor.digest);
    return inPieces(blobs[at]?.bytes ?? Buffer.alloc(0));
  };
  const outcome = await store.ensureLayers(descriptors, fetch).then(
    (handles) => ({ handles }),
    (error: { readonly code?: string; readonly message: string }) => ({ refused: error.code, message: error.message }),
  );
  if ('refused' in image.expect) {
    expect(outcome).toMatchObject({ refused: image.expect.refused });
    // One line of text, whatever the image is called.
    expect('message' in outcome ? outcome.message : '').toMatch(/^[^\p{Cc}]{1,2000}$/u);
    await expectTidy(store, storeDir);
    const last = descriptors.at(-1)?.diffId ?? '';
    expect(known.has(last) || store.list().every(({ diffId }) => diffId !== last)).toBe(true);
  } else {
    expect('message' in outcome ? outcome.message : '').toBe('');
    const handles: readonly LayerHandle[] = 'handles' in outcome ? outcome.handles : [];
    const left = 'left' in image.expect ? image.expect.left : [];
    expect(handles.map(({ name }) => describeLayer(join(store.layersDir, name)))).toEqual(
      typeof left === 'function' ? left(stage) : left,
    );
    await expectTidy(store, storeDir);
  }
}

/** The directory beside the stores, and all that is writable at all, are as they were; so is this process. */
function expectHostUntouched(): void {
  expect(snapshotTree(stage.outside, { nanoseconds: true })).toEqual(before.outside);
  expect(readdirSync(dir).filter((name) => !name.startsWith('store-'))).toEqual(['outside']);
  expect(readdirSync(dirname(dir))).toEqual([basename(dir)]);
  for (const path of WATCHED) expect(readdirSync(path).filter((name) => TRACES.test(name))).toEqual([]);
  expect([readlinkSync('/proc/self/root'), process.umask()]).toEqual(['/', 0o22]);
}
