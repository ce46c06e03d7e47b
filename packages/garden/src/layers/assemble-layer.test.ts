// @module-tag root
import { randomBytes } from 'node:crypto';
import { rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { headerBlock, type TarSpec, writeTar } from '../tar/tar-writer.test-support.ts';
import { assembleLayer } from './assemble-layer.ts';
import { sha256 } from './digest.test-support.ts';
import { sealHost } from './sealed-host.test-support.ts';
import { assembled, unpackArchive } from './unpack.test-support.ts';

let dir: string;
beforeAll(() => {
  dir = sealHost();
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const signal = (): AbortSignal => new AbortController().signal;

async function again(unpacked: Unpacked, tar: Uint8Array, from = 0): Promise<Buffer> {
  const { root: directory, splitFile } = unpacked;
  const pieces: Uint8Array[] = [];
  for await (const piece of assembleLayer({ directory, splitFile, diffId: sha256(tar), from }, signal())) {
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

type Unpacked = Awaited<ReturnType<typeof unpackArchive>>;

/** GNU's way to have long names. */
function longName(name: string): Buffer {
  const content = Buffer.from(`${name}\0`);
  const padding = Buffer.alloc((512 - (content.length % 512)) % 512);
  return Buffer.concat([headerBlock({ name: '././@LongLink', type: 'L', content }), content, padding]);
}

const ARCHIVES: readonly (readonly [string, Buffer])[] = [
  ['nothing', Buffer.alloc(1024)],
  ['nothing at all', Buffer.alloc(0)],
  ['no end marker, no padding', writeTar([{ name: 'a', content: 'abc' }]).subarray(0, 515)],
  ['bytes after its end', Buffer.concat([writeTar([{ name: 'a', content: 'abc' }]), randomBytes(70_000)])],
  ['padding that is not zeros', writeTar([{ name: 'a', content: 'abc' }]).fill(0x7f, 515, 1024)],
  ['long names', Buffer.concat([longName(`d/${'n'.repeat(200)}`), writeTar([{ name: 'short', content: 'long' }])])],
  ['pax headers', writeTar([{ name: 'a', content: 'abc', pax: { path: 'ä'.repeat(80), comment: 'of nobody' } }])],
  ['names that are no UTF-8', writeTar([{ name: '\xff\xfe\x80', content: 'abc' }])],
  [
    'a global header',
    writeTar([
      { name: 'g', type: 'g', content: '' },
      { name: 'a', content: 'abc' },
    ]),
  ],
  [
    'whiteouts with content',
    writeTar([
      { name: '.wh.a', content: 'abc' },
      { name: '.wh..wh.plnk', content: 'def' },
    ]),
  ],
  [
    'a device, and a link to it',
    writeTar([
      { name: 'null', type: '3' },
      { name: 'n', type: '1', link: 'null' },
    ]),
  ],
  ['large files', writeTar([1, 2, 3].map((i) => ({ name: `${i}`, content: randomBytes(700_000 * i) })))],
  ['many files', writeTar(Array.from({ length: 3_000 }, (_, i): TarSpec => ({ name: `d/${i}`, content: `${i}` })))],
  [
    'a name below a link',
    writeTar([
      { name: 'usr/lib', type: '5', mode: 0o755 },
      { name: 'lib', type: '2', link: '/usr/lib' },
      { name: 'lib/x', content: 'through a link' },
    ]),
  ],
  [
    'a file that comes twice',
    writeTar([
      { name: 'a', content: 'first' },
      { name: 'a', content: 'other' },
    ]),
  ],
  [
    'a file that is replaced through a link',
    writeTar([
      { name: 'd', type: '5', mode: 0o755 },
      { name: 'd/a', content: 'first' },
      { name: 'l', type: '2', link: 'd' },
      { name: 'l/a', content: 'other' },
    ]),
  ],
  [
    'a file that is replaced and has another name',
    writeTar([
      { name: 'a', content: 'first' },
      { name: 'b', type: '1', link: 'a' },
      { name: 'a', content: 'other' },
      { name: 'b', content: 'third' },
    ]),
  ],
  [
    'a directory that a file takes the place of',
    writeTar([
      { name: 'd/a', content: 'first' },
      { name: 'd/e/b', content: 'second' },
      { name: 'd', content: 'third' },
    ]),
  ],
];

test.each(ARCHIVES)('an archive with %s is made again bit for bit, from wherever one wants it', async (_, tar) => {
  const unpacked = await unpackArchive(dir, tar, { pieces: 1_000 });
  expect(unpacked.result.split).toEqual({ bytes: expect.any(Number) });
  expect((await again(unpacked, tar)).equals(tar)).toBe(true);
  for (const from of [1, 511, 512, 515, tar.length - 1, tar.length, tar.length + 1]) {
    expect(assembled(unpacked, Math.max(0, from)).equals(tar.subarray(Math.max(0, from)))).toBe(true);
  }
});

test('a packed layer is given as the archive in it', async () => {
  const tar = writeTar([{ name: 'a', content: randomBytes(5_000) }]);
  const unpacked = await unpackArchive(dir, gzipSync(tar));
  expect((await again(unpacked, tar)).equals(tar)).toBe(true);
});

test.each([
  ['more content is replaced than is kept', [{ name: 'a', content: randomBytes(1_100_000) }, { name: 'a' }], 'replace'],
  [
    'a link to a directory is replaced, by whose name files were made',
    [
      { name: 'd', type: '5', mode: 0o755 },
      { name: 'l', type: '2', link: 'd' },
      { name: 'l/a', content: 'first' },
      { name: 'l', type: '5', mode: 0o755 },
      { name: 'l/a', content: 'other' },
    ],
    'link',
  ],
  [
    'more files are replaced than are looked for',
    Array.from({ length: 2_004 }, (_, i): TarSpec => ({ name: `${i % 1_002}`, content: 'x' })),
    'files',
  ],
] as const)('a layer is not shared when %s, and is as good as any other here', async (_, entries, reason) => {
  const unpacked = await unpackArchive(dir, writeTar(entries));
  expect(unpacked.result.split).toEqual({ reason: expect.stringContaining(reason) });
  expect(() => assembled(unpacked)).toThrow('ENOENT');
});

test('a layer that is not what it was any more is told, and so is a damaged split', async () => {
  const tar = writeTar([
    { name: 'a', content: 'abc' },
    { name: 'b', content: randomBytes(600_000) },
  ]);
  const damage: readonly [(unpacked: Unpacked) => void, string][] = [
    [({ root }) => writeFileSync(join(root, 'a'), 'xyz'), 'what the layer has is sha256:'],
    [({ root }) => writeFileSync(join(root, 'a'), 'longer'), 'is not what it was'],
    [({ root }) => rmSync(join(root, 'a')), 'ENOENT'],
    [({ splitFile }) => truncateSync(splitFile, 100), 'damaged'],
    [({ splitFile }) => truncateSync(splitFile, 3), 'damaged'],
    [({ splitFile }) => writeFileSync(splitFile, randomBytes(2_000)), 'damaged'],
  ];
  for (const [harm, message] of damage) {
    const unpacked = await unpackArchive(dir, tar);
    harm(unpacked);
    await expect(again(unpacked, tar)).rejects.toMatchObject({
      code: 'LAYER_ARCHIVE_FAILED',
      message: expect.stringContaining(message),
    });
  }
});

test('a reader that gives up ends the thread', async () => {
  const tar = writeTar([{ name: 'a', content: randomBytes(5_000_000) }]);
  const { root: directory, splitFile } = await unpackArchive(dir, tar);
  const controller = new AbortController();
  const order = { directory, splitFile, diffId: sha256(tar), from: 0 };
  await expect(
    (async () => {
      for await (const _ of assembleLayer(order, controller.signal)) controller.abort();
    })(),
  ).rejects.toMatchObject({ code: 'CANCELLED' });
  for await (const _ of assembleLayer(order, signal())) break;
});
