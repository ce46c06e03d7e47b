import {
  chmodSync,
  closeSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { LayerHandle } from '../layers/layer.ts';
import { scratch, unpackArchive } from '../layers/unpack.test-support.ts';
import { makeFifo } from '../sys/files.ts';
import { isAlive } from '../sys/processes.ts';
import { type TarSpec, writeTar } from '../tar/tar-writer.test-support.ts';
import { highIdsOf, type IdRange, idMappings, unmappedIds, withHighIds } from './id-range.ts';
import { releaseKeeper, startKeeper } from './keeper.ts';
import { lowerLayers, overlayOptions } from './lower-layers.ts';
import { mountRootfs, unmountRootfs } from './rootfs.ts';
import { checkMountPoints, RootfsView } from './rootfs-files.ts';

let dir: string;
let count = 0;
beforeAll(() => {
  dir = scratch();
  mkdirSync(join(dir, 'layers'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Unpacks an archive as a layer of the test's store. */
async function layer(entries: readonly TarSpec[]): Promise<LayerHandle> {
  const { root, result } = await unpackArchive(join(dir, 'layers'), writeTar(entries));
  const name = root.slice(join(dir, 'layers').length + 1);
  return { name, diffId: '', ids: result.ids, opaqueRoot: result.opaqueRoot, fileBytes: 0, cached: false };
}

const range: IdRange = { base: 1_900_000_000, size: 65_536 };
let paths: { readonly writableDir: string; readonly mountPoint: string };
beforeEach(() => {
  count += 1;
  paths = { writableDir: join(dir, `c${count}`), mountPoint: join(dir, `c${count}`, 'rootfs') };
  mkdirSync(paths.writableDir);
});
afterEach(() => unmountRootfs(paths));

async function assemble(layers: readonly LayerHandle[], ids: IdRange = range): Promise<void> {
  const fifo = join(paths.writableDir, 'release');
  makeFifo(fifo);
  const keeper = await startKeeper(ids, fifo, []);
  try {
    mountRootfs(paths, join(dir, 'layers'), layers, ids, keeper.userNamespaceFd);
  } finally {
    closeSync(keeper.userNamespaceFd);
    process.kill(keeper.process.pid, 'SIGKILL');
  }
}

test('owners are shifted, layers cover each other and writes stay out of them', { tags: 'root' }, async () => {
  const base = await layer([
    { name: 'etc/motd', content: 'base', uid: 0, gid: 5 },
    { name: 'etc/gone', content: 'x' },
    { name: 'opt/old', content: 'x' },
    { name: 'home/app/', type: '5', uid: 1000, gid: 1000 },
  ]);
  const top = await layer([{ name: 'etc/.wh.gone' }, { name: 'opt/.wh..wh..opq' }, { name: 'opt/new', content: 'x' }]);
  await assemble([base, top]);
  const at = (path: string): string => join(paths.mountPoint, path);
  expect([lstatSync(at('etc/motd')).uid, lstatSync(at('etc/motd')).gid]).toEqual([range.base, range.base + 5]);
  expect(lstatSync(at('home/app')).uid).toBe(range.base + 1000);
  expect(lstatSync(at('/')).uid).toBe(range.base);
  expect(() => lstatSync(at('etc/gone'))).toThrow(/ENOENT/);
  expect(() => lstatSync(at('opt/old'))).toThrow(/ENOENT/);
  expect(lstatSync(at('opt/new')).isFile()).toBe(true);
  writeFileSync(at('etc/motd'), 'changed');
  chmodSync(at('etc/motd'), 0o600);
  expect(readFileSync(join(dir, 'layers', base.name, 'etc/motd'), 'utf8')).toBe('base');
  expect(lstatSync(join(paths.writableDir, 'upper/etc/motd')).uid).toBe(range.base);
  expect(
    readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .filter((line) => line.includes(paths.writableDir)).length,
  ).toBe(1);
  unmountRootfs(paths);
  unmountRootfs(paths);
  expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(paths.writableDir);
});

test('127 layers, as many as Docker makes, fit wherever the store is; a layer may come twice', {
  tags: 'root',
}, async () => {
  const layers: LayerHandle[] = [];
  for (let i = 0; i < 4; i += 1) layers.push(await layer([{ name: `f${i}`, content: 'x' }]));
  await assemble([...layers, ...layers]);
  for (let i = 0; i < 4; i += 1) expect(lstatSync(join(paths.mountPoint, `f${i}`)).isFile()).toBe(true);
  const names = Array.from({ length: 127 }, (_, i) => `/proc/self/fd/12345/${(46_000 + i).toString(36)}`);
  expect(overlayOptions(names, '/proc/self/fd/12345/upper', '/proc/self/fd/12345/work').length).toBeLessThan(4096);
  expect(() => overlayOptions([...names, ...names], 'u', 'w')).toThrow(/254 layers/);
});

test('nothing shows below an opaque root, and an image of no layers is empty', { tags: 'root' }, async () => {
  const handle = (name: string, opaqueRoot = false): LayerHandle => ({
    name,
    diffId: '',
    ids: { high: [], more: false },
    opaqueRoot,
    fileBytes: 0,
    cached: false,
  });
  expect(lowerLayers([handle('1'), handle('2', true), handle('3')])).toEqual(['3', '2']);
  expect(lowerLayers([handle('1'), handle('2'), handle('1')])).toEqual(['1', '2']);
  await assemble([]);
  writeFileSync(join(paths.mountPoint, 'x'), 'x');
});

test('ids above the range get host ids of their own, as many as a container can have', { tags: 'root' }, async () => {
  const high = await layer([
    { name: 'f', content: 'x', pax: { uid: '1000960000', gid: '65536' } },
    { name: 'g', content: 'x', pax: { uid: '1000960001' } },
  ]);
  const mapped = withHighIds(range, highIdsOf([high, high]), 1_990_000_000);
  expect(idMappings(mapped)).toEqual([
    { containerId: 0, hostId: range.base, size: 65_536 },
    { containerId: 65_536, hostId: 1_990_000_000, size: 1 },
    { containerId: 1_000_960_000, hostId: 1_990_000_001, size: 2 },
  ]);
  expect(unmappedIds(mapped, [0, 65_535, 65_536, 65_537, 1_000_960_001])).toEqual([65_537]);
  await assemble([high], mapped);
  const owners = (path: string): number[] => {
    const { uid, gid } = lstatSync(join(paths.mountPoint, path));
    return [uid, gid];
  };
  expect([owners('f'), owners('g')]).toEqual([
    [1_990_000_001, 1_990_000_000],
    [1_990_000_002, range.base],
  ]);
  const many = Array.from({ length: 257 }, (_, index) => 70_000 + 2 * index);
  expect(idMappings(withHighIds(range, many.slice(1), 1)).length).toBe(257);
  expect(() => withHighIds(range, many, 1)).toThrow(
    expect.objectContaining({ code: 'IMAGE_ID_UNMAPPED', message: expect.stringContaining('COPY --chown') }),
  );
  expect(() => highIdsOf([{ ...high, ids: { high: many.slice(1), more: true } }])).toThrow(/more than 256/);
});

test('the keeper waits, holds what it is given and goes when released', { tags: 'root' }, async () => {
  const [fifo, log] = [join(paths.writableDir, 'r'), join(paths.writableDir, 'log')];
  makeFifo(fifo);
  makeFifo(log);
  const held = openSync(log, 'r+');
  const keeper = await startKeeper(range, fifo, [held]);
  closeSync(keeper.userNamespaceFd);
  expect(readFileSync(`/proc/${keeper.process.pid}/uid_map`, 'utf8').trim().split(/\s+/)).toEqual([
    '0',
    String(range.base),
    '65536',
  ]);
  writeFileSync(held, 'last words');
  closeSync(held);
  expect(isAlive(keeper.process)).toBe(true);
  const reader = openSync(log, 'r');
  // It may be on its way to the FIFO still: then the open finds nobody there.
  while (isAlive(keeper.process)) {
    releaseKeeper(fifo);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(readFileSync(reader, 'utf8')).toBe('last words');
  closeSync(reader);
  releaseKeeper(fifo);
  releaseKeeper(join(paths.writableDir, 'nothing'));
});

describe('looking into a hostile image', () => {
  let view: RootfsView;
  let root: string;
  beforeEach(() => {
    root = join(paths.writableDir, 'image');
    mkdirSync(join(root, 'etc'), { recursive: true });
    view = new RootfsView(root);
  });
  afterEach(() => view.close());

  test('links resolve inside of it', () => {
    writeFileSync(join(root, 'etc/real'), 'of the image');
    symlinkSync('/etc/real', join(root, 'etc/passwd'));
    symlinkSync('../../../../../../etc/hostname', join(root, 'etc/group'));
    symlinkSync('/proc/self/root/etc/hostname', join(root, 'etc/magic'));
    expect(view.read('/etc/passwd', 100)).toBe('of the image');
    expect(view.read('/etc/group', 100)).toBeUndefined();
    expect(view.read('/etc/magic', 100)).toBeUndefined();
    expect(view.read('/../../../etc/hostname', 100)).toBeUndefined();
  });

  test('only regular files of a bounded size are read, and nothing blocks', () => {
    writeFileSync(join(root, 'etc/large'), 'x'.repeat(101));
    makeFifo(join(root, 'etc/fifo'));
    symlinkSync('loop', join(root, 'etc/loop'));
    expect(() => view.read('/etc/large', 100)).toThrow(/101 bytes; the limit is 100/);
    expect(() => view.read('/etc/fifo', 100)).toThrow(/no regular file/);
    expect(() => view.read('/etc', 100)).toThrow(/no regular file/);
    expect(view.read('/etc/loop', 100)).toBeUndefined();
    expect(view.read('/nothing', 100)).toBeUndefined();
  });

  test('executables are found through links', () => {
    mkdirSync(join(root, 'usr/bin'), { recursive: true });
    symlinkSync('usr/bin', join(root, 'bin'));
    writeFileSync(join(root, 'usr/bin/app'), 'x');
    expect(view.isExecutable('/bin/app')).toBe(false);
    chmodSync(join(root, 'usr/bin/app'), 0o755);
    expect(view.isExecutable('/bin/app')).toBe(true);
    expect(view.isExecutable('/bin')).toBe(false);
  });

  test('links and files where the runtime mounts are refused', () => {
    checkMountPoints(view);
    mkdirSync(join(root, 'proc'));
    checkMountPoints(view);
    symlinkSync('/tmp', join(root, 'sys'));
    expect(() => checkMountPoints(view)).toThrow(/a symlink at \/sys/);
    rmSync(join(root, 'sys'));
    writeFileSync(join(root, 'dev'), '');
    expect(() => checkMountPoints(view)).toThrow(/no directory at \/dev/);
  });
});
