// @module-tag root
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { getXattr } from '../sys/xattr.ts';
import { DEFAULT_LAYER_LIMITS } from '../tar/limits.ts';
import { writeTar } from '../tar/tar-writer.test-support.ts';
import { sha256 } from './digest.test-support.ts';
import { sealHost } from './sealed-host.test-support.ts';
import { inPieces, unpackArchive } from './unpack.test-support.ts';
import { unpackLayer } from './unpack-layer.ts';

// Whiteouts, owners and confinement need root: nothing else could be shown without it.

let dir: string;
beforeAll(() => {
  dir = sealHost();
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const refusal = async (promise: Promise<unknown>): Promise<unknown> =>
  await promise.then(
    () => 'accepted',
    (error) => error.code,
  );

test('a plain, a gzip and a zstd layer unpack to the same files', async () => {
  const tar = writeTar([
    { name: 'etc/', type: '5', mode: 0o755 },
    { name: 'etc/motd', content: 'hello', mode: 0o600, uid: 12, gid: 34, mtime: 1_600_000_000 },
  ]);
  for (const blob of [tar, gzipSync(tar), zstdCompressSync(tar)]) {
    const { root } = await unpackArchive(dir, blob, { tar, pieces: 7 });
    expect(readFileSync(join(root, 'etc/motd'), 'utf8')).toBe('hello');
    const stats = lstatSync(join(root, 'etc/motd'));
    expect([stats.uid, stats.gid, stats.mode & 0o7777, stats.mtimeMs]).toEqual([12, 34, 0o600, 1_600_000_000_000]);
  }
});

test('several gzip members and several zstd frames in a row are one archive', async () => {
  const tar = writeTar([{ name: 'a', content: 'x'.repeat(3000) }]);
  const halves = [tar.subarray(0, 700), tar.subarray(700)];
  for (const compress of [gzipSync, zstdCompressSync]) {
    const { root } = await unpackArchive(dir, Buffer.concat(halves.map((half) => compress(half))), { tar });
    expect(lstatSync(join(root, 'a')).size).toBe(3000);
  }
});

test('the unpacker cannot reach what is outside of its directory, and the process keeps its own root', async () => {
  const outside = join(dir, 'outside');
  mkdirSync(outside);
  writeFileSync(join(outside, 'victim'), 'untouched');
  const tar = writeTar([
    { name: 'up', type: '2', link: '../../../../../../../../../../../../..' },
    { name: 'abs', type: '2', link: outside },
    { name: 'absparent', type: '2', link: '/' },
    { name: `up${outside}/victim`, content: 'through ..' },
    { name: `absparent${outside}/victim`, content: 'through /' },
    { name: `${outside}/absolute`, content: 'absolute' },
  ]);
  const { root } = await unpackArchive(dir, tar);
  expect(readFileSync(join(outside, 'victim'), 'utf8')).toBe('untouched');
  expect(readdirSync(outside)).toEqual(['victim']);
  // It all happened inside of the layer, where "/" is the layer's own root.
  expect(readFileSync(join(root, outside, 'victim'), 'utf8')).toBe('through /');
  expect(readFileSync(join(root, outside, 'absolute'), 'utf8')).toBe('absolute');
  expect(readlinkSync('/proc/self/root')).toBe('/');
  expect(process.umask()).not.toBe(0);
});

describe('hostile archives are refused and leave the host alone', () => {
  const cases: readonly [string, Parameters<typeof writeTar>[0], string][] = [
    ['a path with ..', [{ name: '../evil', content: 'x' }], 'LAYER_PATH_INVALID'],
    ['.. in the middle', [{ name: 'a/../../evil', content: 'x' }], 'LAYER_PATH_INVALID'],
    ['a hardlink to the outside', [{ name: 'h', type: '1', link: '../../etc/passwd' }], 'LAYER_PATH_INVALID'],
    [
      'a hardlink to an absolute path of the host',
      [{ name: 'h', type: '1', link: '/etc/passwd' }],
      'LAYER_ENTRY_INVALID',
    ],
    [
      'a hardlink through a symlink to the outside',
      [
        { name: 'etc', type: '2', link: '/etc' },
        { name: 'h', type: '1', link: 'etc/passwd' },
      ],
      'LAYER_ENTRY_INVALID',
    ],
    ['a hardlink to nothing', [{ name: 'h', type: '1', link: 'nowhere' }], 'LAYER_ENTRY_INVALID'],
    [
      'a hardlink to a directory',
      [
        { name: 'd', type: '5' },
        { name: 'h', type: '1', link: 'd' },
      ],
      'LAYER_ENTRY_INVALID',
    ],
    [
      'a file below a file',
      [
        { name: 'f', content: 'x' },
        { name: 'f/g', content: 'x' },
      ],
      'LAYER_ENTRY_INVALID',
    ],
    [
      'a file below a link to a directory of the host',
      [
        { name: 'l', type: '2', link: '/etc' },
        { name: 'l/evil', content: 'x' },
      ],
      'LAYER_ENTRY_INVALID',
    ],
    [
      'a whiteout below such a link',
      [
        { name: 'l', type: '2', link: '/etc' },
        { name: 'l/.wh.passwd', content: '' },
      ],
      'LAYER_ENTRY_INVALID',
    ],
    ['a whiteout of ..', [{ name: '.wh...', content: '' }], 'LAYER_PATH_INVALID'],
    ['a whiteout of nothing', [{ name: '.wh.', content: '' }], 'LAYER_PATH_INVALID'],
    ['a root that is a symlink', [{ name: './', type: '2', link: '/etc' }], 'LAYER_ENTRY_INVALID'],
    ['an empty name', [{ name: '', content: 'x' }], 'LAYER_PATH_INVALID'],
    ['a name of 256 bytes', [{ name: 'x', content: '', pax: { path: 'y'.repeat(256) } }], 'LAYER_PATH_INVALID'],
    ['a NUL in a pax path', [{ name: 'x', content: '', pax: { path: 'a\0b' } }], 'LAYER_TAR_INVALID'],
    ['a uid that means "leave as is"', [{ name: 'x', content: '', pax: { uid: '4294967295' } }], 'LAYER_ENTRY_INVALID'],
    ['a sparse file', [{ name: 'x', content: '', pax: { 'GNU.sparse.major': '1' } }], 'LAYER_TAR_INVALID'],
    ['an unknown type', [{ name: 'x', type: 'Z', content: '' }], 'LAYER_TAR_INVALID'],
    ['a size beyond the end', [{ name: 'x', content: 'x', size: 100_000 }], 'LAYER_TAR_INVALID'],
    ['a symlink to nothing', [{ name: 's', type: '2', link: '' }], 'LAYER_ENTRY_INVALID'],
  ];
  for (const [name, entries, code] of cases) {
    test(name, async () => {
      const before = readdirSync('/etc');
      expect(await refusal(unpackArchive(dir, writeTar(entries)))).toBe(code);
      expect(readdirSync('/etc')).toEqual(before);
    });
  }

  test('a damaged header', async () => {
    const tar = writeTar([{ name: 'x', content: 'x' }]);
    tar[3] = 0x41;
    expect(await refusal(unpackArchive(dir, tar))).toBe('LAYER_TAR_INVALID');
  });

  test('an archive cut short', async () => {
    const tar = writeTar([{ name: 'x', content: 'x'.repeat(2000) }]).subarray(0, 1500);
    expect(await refusal(unpackArchive(dir, tar))).toBe('LAYER_TAR_INVALID');
  });
});

describe('limits are kept, with the figure in the error', () => {
  const tar = writeTar([
    { name: 'a/', type: '5' },
    { name: 'b', content: Buffer.alloc(100_000) },
    { name: 'c', content: 'x', pax: { path: `${'c/'.repeat(100)}c` } },
  ]);
  test.each([
    ['entries', { entries: 2 }, /limit of 2 entries/],
    ['unpacked bytes', { unpackedBytes: 50_000 }, /limit of 50000 bytes/],
    ['path length', { pathBytes: 100 }, /201 bytes is over the limit of 100/],
    ['header length', { headerBytes: 64 }, /the limit is 64/],
    ['directory names', { directoryNameBytes: 0 }, /limit of 0 bytes/],
    ['compression ratio', { compressionRatio: 20, ratioFromBytes: 1000 }, /a ratio of 20/],
  ])('%s', async (_, limits, message) => {
    await expect(unpackArchive(dir, gzipSync(tar), { limits })).rejects.toThrow(message);
    await expect(unpackArchive(dir, gzipSync(tar), { limits })).rejects.toMatchObject({ code: 'LAYER_LIMIT_EXCEEDED' });
  });
});

describe('the bytes must be the promised ones', () => {
  const tar = writeTar([{ name: 'a', content: 'x'.repeat(5000) }]);
  const blob = gzipSync(tar);
  const good = { digest: sha256(blob), size: blob.length, diffId: sha256(tar) };
  const attempt = async (order: Partial<typeof good>, bytes: Uint8Array = blob): Promise<unknown> => {
    const directory = mkdtempSync(join(dir, 'order-'));
    try {
      return await refusal(
        unpackLayer({ directory, ...good, ...order, limits: DEFAULT_LAYER_LIMITS }, inPieces(bytes, 100), {
          signal: new AbortController().signal,
          onBytes: () => undefined,
        }),
      );
    } finally {
      rmSync(directory, { recursive: true });
    }
  };
  test('as they are', async () => expect(await attempt({})).toBe('accepted'));
  test('another digest', async () => expect(await attempt({ digest: sha256(tar) })).toBe('LAYER_DIGEST_MISMATCH'));
  test('another diffID', async () => expect(await attempt({ diffId: sha256(blob) })).toBe('LAYER_DIFF_ID_MISMATCH'));
  test('fewer', async () => expect(await attempt({}, blob.subarray(0, -1))).toBe('LAYER_SIZE_MISMATCH'));
  test('more', async () => expect(await attempt({}, Buffer.concat([blob, blob]))).toBe('LAYER_SIZE_MISMATCH'));
  test('damaged ones are named as such, not by what the damage does', async () => {
    const damaged = Buffer.from(blob);
    damaged.fill(0xff, 20, 40);
    expect(await attempt({}, damaged)).toBe('LAYER_DIGEST_MISMATCH');
  });
  test('damaged compression that was promised so', async () => {
    const damaged = Buffer.from(blob);
    damaged.fill(0xff, 20, 40);
    expect(await attempt({ digest: sha256(damaged) }, damaged)).toBe('LAYER_COMPRESSION_INVALID');
  });
});

test('a download that fails is named, and one that is cancelled ends the thread', async () => {
  const directory = mkdtempSync(join(dir, 'order-'));
  const order = { directory, digest: sha256(Buffer.alloc(1)), size: 9, diffId: '', limits: DEFAULT_LAYER_LIMITS };
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield Buffer.alloc(1);
    throw new Error('connection reset');
  }
  const signal = new AbortController().signal;
  await expect(unpackLayer(order, broken(), { signal, onBytes: () => undefined })).rejects.toMatchObject({
    code: 'LAYER_FETCH_FAILED',
    message: expect.stringContaining('connection reset'),
  });
  const controller = new AbortController();
  async function* endless(): AsyncGenerator<Uint8Array> {
    yield Buffer.alloc(1);
    controller.abort();
    await new Promise(() => undefined);
  }
  await expect(
    unpackLayer(order, endless(), { signal: controller.signal, onBytes: () => undefined }),
  ).rejects.toMatchObject({ code: 'CANCELLED' });
  rmSync(directory, { recursive: true });
});

describe('overlay format', () => {
  const whiteout = (path: string): boolean => {
    const stats = lstatSync(path);
    return stats.isCharacterDevice() && stats.rdev === 0;
  };
  const opaque = (path: string): string | undefined => getXattr(path, 'trusted.overlay.opaque')?.toString();

  test('a whiteout is a character device 0/0, an opaque directory has its mark', async () => {
    const { root, result } = await unpackArchive(
      dir,
      writeTar([
        { name: 'a/b/.wh.gone' },
        { name: 'opq/', type: '5' },
        { name: 'opq/.wh..wh..opq' },
        { name: 'implied/.wh..wh..opq' },
        { name: '.wh..wh.plnk' },
        { name: 'a.wh.b', content: 'a file' },
      ]),
    );
    expect(whiteout(join(root, 'a/b/gone'))).toBe(true);
    expect(opaque(join(root, 'opq'))).toBe('y');
    expect(opaque(join(root, 'implied'))).toBe('y');
    expect(readdirSync(root).sort()).toEqual(['a', 'a.wh.b', 'implied', 'opq']);
    expect(result.opaqueRoot).toBe(false);
  });

  test('a directory and a whiteout of it in one layer are an opaque directory, in either order', async () => {
    const { root } = await unpackArchive(
      dir,
      writeTar([
        { name: '.wh.first' },
        { name: 'first/', type: '5' },
        { name: 'second/', type: '5' },
        { name: '.wh.second' },
        { name: '.wh.third' },
        { name: 'third/file', content: 'x' },
        { name: '.wh.file' },
        { name: 'file', content: 'x' },
        { name: '.wh.file' },
      ]),
    );
    for (const name of ['first', 'second', 'third']) expect(opaque(join(root, name))).toBe('y');
    expect(lstatSync(join(root, 'file')).isFile()).toBe(true);
  });

  test('an opaque root is told', async () => {
    const { result } = await unpackArchive(dir, writeTar([{ name: '.wh..wh..opq' }]));
    expect(result.opaqueRoot).toBe(true);
  });

  test('device nodes, FIFOs and hardlinks to them are skipped', async () => {
    const { root, result } = await unpackArchive(
      dir,
      writeTar([
        { name: 'dev/null', type: '3' },
        { name: 'dev/sda', type: '4' },
        { name: 'fifo', type: '6' },
        { name: 'dev/alias', type: '1', link: 'dev/null' },
        { name: 'was-file', content: 'x' },
        { name: 'was-file', type: '6' },
      ]),
    );
    expect(readdirSync(root)).toEqual([]);
    expect(result.skipped).toBe(5);
  });

  test('only harmless extended attributes are kept', async () => {
    const capability = '\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00';
    const { root } = await unpackArchive(
      dir,
      writeTar([
        {
          name: 'f',
          content: 'x',
          pax: {
            'SCHILY.xattr.user.note': 'kept',
            'SCHILY.xattr.user.overlay.opaque': 'y',
            'SCHILY.xattr.trusted.overlay.metacopy': '',
            'SCHILY.xattr.trusted.overlay.redirect': '/etc',
            'SCHILY.xattr.security.capability': capability,
            'SCHILY.xattr.security.selinux': 'x',
          },
        },
        { name: 'g', content: 'x', pax: { 'SCHILY.xattr.security.capability': 'short' } },
      ]),
    );
    const get = (name: string, file = 'f'): string | undefined => getXattr(join(root, file), name)?.toString('latin1');
    expect(get('user.note')).toBe('kept');
    expect(get('security.capability')).toBe(capability);
    for (const name of [
      'user.overlay.opaque',
      'trusted.overlay.metacopy',
      'trusted.overlay.redirect',
      'security.selinux',
    ]) {
      expect(get(name)).toBeUndefined();
    }
    expect(get('security.capability', 'g')).toBeUndefined();
  });

  test('setuid survives the change of owner', async () => {
    const { root } = await unpackArchive(
      dir,
      writeTar([{ name: 'su', content: 'x', mode: 0o6755, uid: 1000, gid: 1000 }]),
    );
    expect(lstatSync(join(root, 'su')).mode & 0o7777).toBe(0o6755);
  });

  test('later entries replace earlier ones of other types, and directories keep their times', async () => {
    const { root } = await unpackArchive(
      dir,
      writeTar([
        { name: 'd/', type: '5', mtime: 1000 },
        { name: 'd/x/', type: '5' },
        { name: 'd/x/y', content: 'x' },
        { name: 'd/x', content: 'now a file' },
        { name: 'l', type: '2', link: 'd' },
        { name: 'l', type: '5', mtime: 2000 },
        { name: 'l/inside', content: 'x' },
        { name: 'f', content: 'one' },
        { name: 'f', content: 'two' },
      ]),
    );
    expect(readFileSync(join(root, 'd/x'), 'utf8')).toBe('now a file');
    expect(lstatSync(join(root, 'd')).mtimeMs).toBe(1_000_000);
    expect(lstatSync(join(root, 'l')).isDirectory()).toBe(true);
    expect(lstatSync(join(root, 'l')).mtimeMs).toBe(2_000_000);
    expect(readFileSync(join(root, 'f'), 'utf8')).toBe('two');
  });

  test('ids above 65,535 are kept and told', async () => {
    const { root, result } = await unpackArchive(
      dir,
      writeTar([{ name: 'x', content: '', pax: { uid: '1000960000', gid: '65536' } }]),
    );
    expect(lstatSync(join(root, 'x')).uid).toBe(1_000_960_000);
    expect(result.ids).toEqual({ high: [65_536, 1_000_960_000], more: false });
  });
});
