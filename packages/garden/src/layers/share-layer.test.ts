// @module-tag root
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { writeTar } from '../tar/tar-writer.test-support.ts';
import { sha256 } from './digest.test-support.ts';
import { mountDisk } from './disk.test-support.ts';
import type { FetchLayer, LayerDescriptor, LayerProgress, LayerSource, LayerStoreOptions } from './layer.ts';
import { LayerStore } from './layer-store.ts';
import { sealHost } from './sealed-host.test-support.ts';
import { inPieces } from './unpack.test-support.ts';

let parent: string;
let mine: LayerStore;
let theirs: LayerStore;
let dirs: { readonly mine: string; readonly theirs: string };
let count = 0;
beforeAll(() => {
  parent = sealHost();
});
beforeEach(async () => {
  count += 1;
  dirs = { mine: join(parent, `mine-${count}`), theirs: join(parent, `theirs-${count}`) };
  mine = await open({ dir: dirs.mine });
  theirs = await open({ dir: dirs.theirs });
  await theirs.ensureLayers([descriptor], () => inPieces(blob));
});
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
});
afterAll(() => {
  // The disks go with this process's mounts.
  for (const name of readdirSync(parent))
    if (!name.startsWith('disk-')) rmSync(join(parent, name), { recursive: true });
});

const opened: LayerStore[] = [];

async function open(options: LayerStoreOptions): Promise<LayerStore> {
  const store = await LayerStore.open(options);
  opened.push(store);
  return store;
}

const content = randomBytes(300_000);
const tar = writeTar([
  { name: 'bin/app', content, mode: 0o755 },
  { name: 'etc/motd', content: 'hello' },
]);
const blob = gzipSync(tar);
const descriptor: LayerDescriptor = {
  digest: sha256(blob),
  size: blob.length,
  diffId: sha256(tar),
  mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
};

const signal = new AbortController().signal;

/** As another cell would be asked. */
function share(from: LayerStore): LayerSource {
  const shared = from.share(descriptor);
  if (shared === undefined) throw new Error('not shared');
  return { kind: 'archive', bytes: shared.archive(0, signal), size: shared.size };
}

const never: FetchLayer = () => {
  throw new Error('must not be asked');
};

test('a layer goes from store to store as its archive, with the word for its blob, and on to a third', async () => {
  const progress: LayerProgress[] = [];
  const [handle] = await mine.ensureLayers([descriptor], async () => share(theirs), {
    onProgress: (each) => progress.push(each),
  });
  expect(readFileSync(join(mine.layersDir, handle?.name ?? '', 'bin/app')).equals(content)).toBe(true);
  const bytes = progress.filter(({ state }) => state === 'downloading').map((each) => each.bytes);
  expect(bytes.length).toBeGreaterThan(1);
  expect(bytes.at(-1)).toBe(descriptor.size);
  expect(bytes.toSorted((a, b) => a - b)).toEqual(bytes);
  expect((await mine.ensureLayers([descriptor], never))[0]?.cached).toBe(true);

  const record = JSON.parse(readFileSync(join(dirs.mine, 'records', `${handle?.name}.json`), 'utf8'));
  expect(record.blobs).toEqual([{ ...pick(descriptor), vouched: true }]);
  const first = JSON.parse(readFileSync(join(dirs.theirs, 'records', `${handle?.name}.json`), 'utf8'));
  expect(first.blobs).toEqual([pick(descriptor)]);

  const third = await open({ dir: join(parent, `third-${count}`) });
  expect((await third.ensureLayers([descriptor], async () => share(mine))).length).toBe(1);
});

test('what is shared is asked for by digest, size and diffID, all of them', async () => {
  const other = sha256(Buffer.from('other'));
  for (const change of [{ digest: other }, { diffId: other }, { size: descriptor.size + 1 }]) {
    expect(theirs.share({ ...descriptor, ...change })).toBeUndefined();
  }
  expect(mine.share(descriptor)).toBeUndefined();
});

test('an archive that is not the layer, or breaks off, is rejected, and somebody else is asked', async () => {
  const bad: readonly (readonly [string, () => AsyncIterable<Uint8Array>, string])[] = [
    ['other bytes', () => inPieces(writeTar([{ name: 'bin/app', content: 'evil' }])), 'LAYER_DIFF_ID_MISMATCH'],
    ['one bit', () => inPieces(flip(tar, 1_000)), 'LAYER_DIFF_ID_MISMATCH'],
    ['no archive', () => inPieces(randomBytes(2_000)), 'LAYER_TAR_INVALID'],
    ['too few', () => inPieces(tar.subarray(0, 2_000)), 'LAYER_TAR_INVALID'],
    ['too many', () => inPieces(Buffer.concat([tar, Buffer.alloc(1)])), 'LAYER_DIFF_ID_MISMATCH'],
    ['the blob', () => inPieces(blob), 'LAYER_TAR_INVALID'],
    ['broken off', () => breakingOff(tar), 'LAYER_FETCH_FAILED'],
  ];
  for (const [name, bytes, code] of bad) {
    const dir = join(parent, `bad-${count}-${name}`);
    const store = await open({ dir });
    const rejected: string[] = [];
    const sources: LayerSource[] = [
      { kind: 'archive', bytes: bytes(), reject: (error) => rejected.push(error.code) },
      { kind: 'blob', bytes: inPieces(blob) },
    ];
    const [handle] = await store.ensureLayers([descriptor], async () => sources.shift() as LayerSource);
    expect([name, ...rejected]).toEqual([name, code]);
    expect(readFileSync(join(store.layersDir, handle?.name ?? '', 'etc/motd'), 'utf8')).toBe('hello');
    await store.close();
    expect(readdirSync(join(dir, 'tmp'))).toEqual([]);
    expect(readdirSync(join(dir, 'splits'))).toEqual([handle?.name]);
  }
});

test('cells that all lie are not asked for ever', async () => {
  let asked = 0;
  const lies = async (): Promise<LayerSource> => {
    asked += 1;
    return { kind: 'archive', bytes: inPieces(Buffer.alloc(1024)) };
  };
  await expect(mine.ensureLayers([descriptor], lies)).rejects.toMatchObject({ code: 'LAYER_DIFF_ID_MISMATCH' });
  expect(asked).toBe(9);
});

test('an endless archive ends at the limits of the layer', async () => {
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) yield Buffer.alloc(1024 * 1024);
  }
  const store = await open({ dir: join(parent, `endless-${count}`), limits: { unpackedBytes: 8_000_000 } });
  const codes: string[] = [];
  const sources: LayerSource[] = [{ kind: 'archive', bytes: endless(), reject: (error) => codes.push(error.code) }];
  const fetch: FetchLayer = async () => sources.shift() ?? { kind: 'blob', bytes: inPieces(blob) };
  await store.ensureLayers([descriptor], fetch);
  expect(codes).toEqual(['LAYER_LIMIT_EXCEEDED']);
});

test('a layer that is found to be another than was unpacked is offered no more', async () => {
  const [name] = readdirSync(theirs.layersDir);
  writeFileSync(join(theirs.layersDir, name ?? '', 'etc/motd'), 'HELLO');
  const bytes = share(theirs).bytes[Symbol.asyncIterator]();
  await expect(
    (async () => {
      while ((await bytes.next()).done !== true);
    })(),
  ).rejects.toMatchObject({ code: 'LAYER_ARCHIVE_FAILED' });
  expect(theirs.share(descriptor)).toBeUndefined();
  expect(readdirSync(join(dirs.theirs, 'splits'))).toEqual([]);
  await theirs.close();
  expect((await open({ dir: dirs.theirs })).share(descriptor)).toBeUndefined();
});

test('a layer that is given to another cell is not collected meanwhile', async () => {
  const dir = join(mountDisk(parent, 8), 'store');
  const store = await open({ dir, watermarks: { highPercent: 2, lowPercent: 1, mostFreeBytes: 2 ** 40 } });
  const held = await store.ensureLayers([descriptor], () => inPieces(blob));
  const shared = store.share(descriptor);
  held.release();
  await store.collect();
  expect(store.has(descriptor)).toBe(true);
  const pieces: Uint8Array[] = [];
  for await (const piece of shared?.archive(0, signal) ?? []) pieces.push(piece);
  expect(Buffer.concat(pieces).equals(tar)).toBe(true);
  shared?.release();
  await store.collect();
  expect(store.has(descriptor)).toBe(false);
  expect(readdirSync(join(dir, 'splits'))).toEqual([]);
});

test('splits outlive the process, and one of no layer is swept', async () => {
  await theirs.close();
  writeFileSync(join(dirs.theirs, 'splits/zz'), 'of a layer whose record was never written');
  const reopened = await open({ dir: dirs.theirs });
  expect(readdirSync(join(dirs.theirs, 'splits'))).toEqual(readdirSync(reopened.layersDir));
  await mine.ensureLayers([descriptor], async () => share(reopened));
});

function pick({ digest, size, mediaType }: LayerDescriptor): Omit<LayerDescriptor, 'diffId'> {
  return { digest, size, mediaType };
}

function flip(bytes: Uint8Array, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(at) ^ 1, at);
  return copy;
}

async function* breakingOff(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes.subarray(0, 1_000);
  throw new Error('the other cell is gone');
}
