// @module-tag root
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { writeTar } from '../tar/tar-writer.test-support.ts';
import { sha256 } from './digest.test-support.ts';
import type { FetchLayer, LayerDescriptor, LayerProgress } from './layer.ts';
import { LayerStore } from './layer-store.ts';
import { sealHost } from './sealed-host.test-support.ts';
import { inPieces } from './unpack.test-support.ts';

let parent: string;
let dir: string;
let count = 0;
beforeAll(() => {
  parent = sealHost();
});
beforeEach(() => {
  count += 1;
  dir = join(parent, `store-${count}`);
});
afterAll(() => rmSync(parent, { recursive: true, force: true }));

interface Blob {
  readonly bytes: Buffer;
  readonly descriptor: LayerDescriptor;
}

function layer(name: string, pack: (bytes: Buffer) => Buffer = gzipSync): Blob {
  const tar = writeTar([{ name, content: `content of ${name}` }]);
  const bytes = pack(tar);
  const mediaType = 'application/vnd.oci.image.layer.v1.tar+gzip';
  return { bytes, descriptor: { digest: sha256(bytes), size: bytes.length, mediaType, diffId: sha256(tar) } };
}

/** A registry of these blobs that counts what it is asked for. */
function registry(blobs: readonly Blob[]): { readonly fetch: FetchLayer; readonly asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    fetch: (descriptor) => {
      asked.push(descriptor.digest);
      const blob = blobs.find((each) => each.descriptor.digest === descriptor.digest);
      if (blob === undefined) throw new Error('no such blob');
      return inPieces(blob.bytes, 50);
    },
  };
}

const never: FetchLayer = () => {
  throw new Error('must not be asked');
};

test('a piece that has its memory to itself is taken when it may be, and what is left of a larger one is not touched', async () => {
  const { bytes, descriptor } = layer('owned');
  const larger = Buffer.concat([Buffer.from('before'), bytes.subarray(0, 40), Buffer.from('after')]);
  const part = larger.subarray(6, 46);
  const whole = new Uint8Array(bytes.subarray(40));
  const fetch =
    (owned: boolean): FetchLayer =>
    async () => ({
      kind: 'blob',
      owned,
      bytes: (async function* () {
        yield part;
        yield whole;
      })(),
    });
  const before = Buffer.from(larger);
  const lent = await LayerStore.open({ dir: join(dir, 'lent') });
  await lent.ensureLayers([descriptor], fetch(false));
  expect([whole.length, larger]).toEqual([bytes.length - 40, before]);
  const given = await LayerStore.open({ dir: join(dir, 'given') });
  await given.ensureLayers([descriptor], fetch(true));
  expect([whole.length, larger]).toEqual([0, before]);
  await Promise.all([lent.close(), given.close()]);
});

test('layers are fetched once, kept over a restart and handed out in order', async () => {
  const blobs = ['a', 'b', 'c'].map((name) => layer(name));
  const descriptors = blobs.map((blob) => blob.descriptor);
  const { fetch, asked } = registry(blobs);
  const store = await LayerStore.open({ dir });
  const first = await store.ensureLayers([...descriptors, ...descriptors], fetch);
  expect(first.map((handle) => handle.diffId)).toEqual([...descriptors, ...descriptors].map((each) => each.diffId));
  expect(asked.sort()).toEqual(descriptors.map((each) => each.digest).sort());
  for (const [i, handle] of first.entries()) {
    const name = 'abc'[i % 3] ?? '';
    expect(readFileSync(join(store.layersDir, handle.name, name), 'utf8')).toBe(`content of ${name}`);
  }
  await store.close();
  const reopened = await LayerStore.open({ dir });
  const second = await reopened.ensureLayers(descriptors, never);
  expect(second.map((handle) => [handle.name, handle.cached])).toEqual(
    first.slice(0, 3).map(({ name }) => [name, true]),
  );
  expect(reopened.list().map((each) => each.fileBytes)).toEqual([12, 12, 12]);
});

test('concurrent requests for a layer share one download, and one that gives up does not end it for the other', async () => {
  const blob = layer('shared');
  const { promise: opened, resolve: open } = Promise.withResolvers<void>();
  const { promise: asked, resolve: tell } = Promise.withResolvers<void>();
  let downloads = 0;
  const fetch: FetchLayer = async function* () {
    downloads += 1;
    tell();
    await opened;
    yield* inPieces(blob.bytes);
  };
  const store = await LayerStore.open({ dir });
  const controller = new AbortController();
  const impatient = store.ensureLayers([blob.descriptor], fetch, { signal: controller.signal });
  const patient = store.ensureLayers([blob.descriptor], fetch);
  await asked;
  controller.abort();
  await expect(impatient).rejects.toMatchObject({ code: 'CANCELLED' });
  open();
  expect((await patient)[0]?.diffId).toBe(blob.descriptor.diffId);
  expect(downloads).toBe(1);
  await store.close();
});

test('nobody waits for a registry that somebody else chose, nor for what it sends under the same digest', async () => {
  const blob = layer('of a common base');
  const { promise: end, resolve: over } = Promise.withResolvers<void>();
  const { promise: asked, resolve: tell } = Promise.withResolvers<void>();
  const hostile: FetchLayer = async function* () {
    tell();
    await end;
    yield Buffer.from('something else');
  };
  const store = await LayerStore.open({ dir });
  const slow = store.ensureLayers([blob.descriptor], hostile, { from: 'registry.mallory.test' });
  slow.catch(() => undefined);
  await asked;
  const { fetch, asked: wanted } = registry([blob]);
  const both = [1, 2].map(async () => await store.ensureLayers([blob.descriptor], fetch, { from: 'docker.io' }));
  for (const layers of await Promise.all(both)) expect(layers[0]?.diffId).toBe(blob.descriptor.diffId);
  expect(wanted).toEqual([blob.descriptor.digest]);
  over();
  await expect(slow).rejects.toMatchObject({ code: 'LAYER_SIZE_MISMATCH' });
  expect(store.has(blob.descriptor)).toBe(true);
  await store.close();
});

test('who says another size of a layer fails alone', async () => {
  const blob = layer('of one size');
  const { promise: opened, resolve: open } = Promise.withResolvers<void>();
  const fetch: FetchLayer = async function* () {
    await opened;
    yield blob.bytes;
  };
  const store = await LayerStore.open({ dir });
  const lying = store.ensureLayers([{ ...blob.descriptor, size: blob.descriptor.size - 1 }], fetch);
  const honest = store.ensureLayers([blob.descriptor], fetch);
  open();
  await expect(lying).rejects.toMatchObject({ code: 'LAYER_SIZE_MISMATCH' });
  expect((await honest)[0]?.diffId).toBe(blob.descriptor.diffId);
  await store.close();
});

test('a download that nobody waits for any more is cancelled', async () => {
  const blob = layer('cancelled');
  const { promise: cancelled, resolve: tell } = Promise.withResolvers<void>();
  const controller = new AbortController();
  const fetch: FetchLayer = async function* (_, signal) {
    signal.addEventListener('abort', () => tell());
    yield blob.bytes.subarray(0, 5);
    controller.abort();
    await new Promise(() => undefined);
  };
  const store = await LayerStore.open({ dir });
  const outcome = store.ensureLayers([blob.descriptor], fetch, { signal: controller.signal });
  await expect(outcome).rejects.toMatchObject({ code: 'CANCELLED' });
  await cancelled;
  await store.close();
  expect(readdirSync(join(dir, 'tmp'))).toEqual([]);
  expect(store.list()).toEqual([]);
});

test('one caller whose registry fails does not fail another that waits for the same layer', async () => {
  const blob = layer('refetched');
  const { promise: joined, resolve: join2 } = Promise.withResolvers<void>();
  const failing: FetchLayer = async function* () {
    await joined;
    yield Buffer.alloc(0);
    throw new Error('401 Unauthorized');
  };
  const store = await LayerStore.open({ dir });
  const bad = store.ensureLayers([blob.descriptor], failing);
  const good = store.ensureLayers([blob.descriptor], registry([blob]).fetch);
  join2();
  await expect(bad).rejects.toMatchObject({ code: 'LAYER_FETCH_FAILED', message: expect.stringContaining('401') });
  expect((await good).length).toBe(1);
  await store.close();
});

test('a wrong layer leaves nothing behind and ends its image', async () => {
  const [good, bad] = [layer('good'), layer('bad')];
  const fetch: FetchLayer = (descriptor) =>
    inPieces(descriptor.digest === bad.descriptor.digest ? Buffer.alloc(bad.bytes.length) : good.bytes);
  const store = await LayerStore.open({ dir });
  await expect(store.ensureLayers([good.descriptor, bad.descriptor], fetch)).rejects.toMatchObject({
    code: 'LAYER_DIGEST_MISMATCH',
    kind: 'invalid',
  });
  await store.close();
  expect(readdirSync(join(dir, 'tmp'))).toEqual([]);
  expect(store.list().map((each) => each.diffId)).not.toContain(bad.descriptor.diffId);
});

test('a diffID is believed only together with a digest that unpacked to it', async () => {
  const [mine, other] = [layer('mine'), layer('other')];
  const store = await LayerStore.open({ dir });
  await store.ensureLayers([mine.descriptor], registry([mine]).fetch);
  const forged = { ...other.descriptor, diffId: mine.descriptor.diffId };
  await expect(store.ensureLayers([forged], registry([other]).fetch)).rejects.toMatchObject({
    code: 'LAYER_DIFF_ID_MISMATCH',
  });
  await store.close();
});

test('a layer that comes packed in another way, even at the same time, is kept once', async () => {
  const [gzip, zstd] = [layer('twice'), layer('twice', (bytes) => zstdCompressSync(bytes))];
  const store = await LayerStore.open({ dir });
  const { fetch } = registry([gzip, zstd]);
  const handles = await store.ensureLayers([gzip.descriptor, zstd.descriptor], fetch);
  expect(new Set(handles.map((handle) => handle.name)).size).toBe(1);
  expect(store.list()).toMatchObject([
    { digests: expect.arrayContaining([gzip.descriptor.digest, zstd.descriptor.digest]) },
  ]);
  expect(readdirSync(store.layersDir).length).toBe(1);
  expect((await store.ensureLayers([zstd.descriptor], never))[0]?.cached).toBe(true);
  await store.close();
});

test('progress tells the bytes, up to the whole', async () => {
  const blob = layer('progress');
  const store = await LayerStore.open({ dir });
  const seen: LayerProgress[] = [];
  await store.ensureLayers([blob.descriptor], registry([blob]).fetch, {
    onProgress: (progress) => seen.push(progress),
  });
  expect(seen.map((each) => each.state)).toEqual(['waiting', ...seen.slice(1, -1).map(() => 'downloading'), 'ready']);
  expect(seen.at(-2)?.bytes).toBe(blob.bytes.length);
  await store.ensureLayers([blob.descriptor], never, { onProgress: (progress) => seen.push(progress) });
  expect(seen.at(-1)?.state).toBe('cached');
  await store.close();
});

test('malformed digests and unknown media types are refused before anything is fetched', async () => {
  const { descriptor } = layer('x');
  const store = await LayerStore.open({ dir });
  for (const digest of ['sha256:../../etc', 'md5:abc', `${descriptor.digest}\n`]) {
    await expect(store.ensureLayers([{ ...descriptor, digest }], never)).rejects.toMatchObject({
      code: 'LAYER_DIGEST_MALFORMED',
    });
    await expect(store.ensureLayers([{ ...descriptor, diffId: digest }], never)).rejects.toMatchObject({
      code: 'LAYER_DIGEST_MALFORMED',
    });
  }
  await expect(store.ensureLayers([{ ...descriptor, mediaType: 'text/html' }], never)).rejects.toMatchObject({
    code: 'LAYER_MEDIA_TYPE_UNSUPPORTED',
  });
});

test('what a crash left is swept at the next start, and what is whole stays', async () => {
  const blob = layer('kept');
  const store = await LayerStore.open({ dir });
  const [handle] = await store.ensureLayers([blob.descriptor], registry([blob]).fetch);
  await store.close();
  mkdirSync(join(dir, 'tmp/unpack-abc/root'), { recursive: true });
  mkdirSync(join(dir, 'layers/zz'));
  writeFileSync(join(dir, 'records/y.json'), '{"v":1');
  writeFileSync(join(dir, 'records/x.json.1234.tmp'), 'half');
  const reopened = await LayerStore.open({ dir });
  expect(readdirSync(join(dir, 'tmp'))).toEqual([]);
  expect(readdirSync(join(dir, 'layers'))).toEqual([handle?.name]);
  expect(readdirSync(join(dir, 'records'))).toEqual([`${handle?.name}.json`]);
  expect(reopened.list().length).toBe(1);
});

test('a layer that was not yet on disk when the machine went down is not believed', async () => {
  const [durable, lost] = [layer('durable'), layer('lost')];
  const store = await LayerStore.open({ dir });
  const handles = await store.ensureLayers([durable.descriptor, lost.descriptor], registry([durable, lost]).fetch);
  await store.close();
  const path = join(dir, 'records', `${handles[1]?.name}.json`);
  const record = JSON.parse(readFileSync(path, 'utf8'));
  expect(record.durable).toBe(true);
  writeFileSync(path, JSON.stringify({ ...record, durable: false, bootId: 'another boot' }));
  const reopened = await LayerStore.open({ dir });
  expect(reopened.list().map((each) => each.diffId)).toEqual([durable.descriptor.diffId]);
  expect(existsSync(join(dir, 'layers', handles[1]?.name ?? ''))).toBe(false);
});

test('a store whose process is killed in the middle of an unpack opens clean', async () => {
  const script = `
    const { LayerStore } = await import(${JSON.stringify(new URL('./layer-store.ts', import.meta.url).href)});
    const store = await LayerStore.open({ dir: ${JSON.stringify(dir)} });
    await store.ensureLayers([${JSON.stringify(layer('killed').descriptor)}], async function* () {
      yield Buffer.from(${JSON.stringify(layer('killed').bytes.subarray(0, 60).toString('base64'))}, 'base64');
      process.stdout.write('downloading');
      await new Promise((resolve) => setTimeout(resolve, 2 ** 30));
    });`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  expect(readdirSync(join(dir, 'tmp')).length).toBe(1);
  child.kill('SIGKILL');
  expect(await new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal)))).toBe('SIGKILL');
  const blob = layer('killed');
  const store = await LayerStore.open({ dir });
  expect(readdirSync(join(dir, 'tmp'))).toEqual([]);
  expect((await store.ensureLayers([blob.descriptor], registry([blob]).fetch)).length).toBe(1);
  await store.close();
});
