import { crc32, deflateRawSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { sha256 } from '../../layers/digest.test-support.ts';
import type { Family, HostileLayers, LayerBlob, Outcome } from '../hostile-image.test-support.ts';
import { archive, header, packed } from '../raw-tar.test-support.ts';

const TAR = archive([{ name: 'f', content: 'x'.repeat(3000) }]);
const LEFT = { left: [{ f: 'file 3000 bytes' }] };
const DAMAGED = { refused: 'LAYER_COMPRESSION_INVALID' } as const;
const NO_TAR = { refused: 'LAYER_TAR_INVALID' } as const;
const TOO_MUCH = { refused: 'LAYER_LIMIT_EXCEEDED' } as const;

/** Such a blob, and the tar that is in it if all goes well. */
function blob(
  name: string,
  expect: Outcome,
  make: () => Uint8Array,
  more: Partial<HostileLayers> & { tar?: Uint8Array } = {},
): HostileLayers {
  const { tar = TAR, ...rest } = more;
  return { ...packed(name, expect, () => [{ bytes: make(), tar }]), ...rest };
}

const join = (...parts: readonly (Uint8Array | string)[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part)));

const little = (value: number, bytes = 4): Buffer => {
  const buffer = Buffer.alloc(bytes);
  buffer.writeUIntLE(value, 0, bytes);
  return buffer;
};

/** A gzip member with these flags and what they say is between header and data; maybe with lies at its end. */
function member(
  tar: Uint8Array,
  { flags = 0, fields = '' as Uint8Array | string, method = 8, sum = crc32(tar), length = tar.length } = {},
): Buffer {
  return join(
    Buffer.of(0x1f, 0x8b, method, flags, 0, 0, 0, 0, 0, 3),
    fields,
    deflateRawSync(tar),
    little(sum),
    little(length % 2 ** 32),
  );
}

/** A file of so many zeros, as an archive without its end, in members that each hold a megabyte. */
function gzipBomb(megabytes: number): Buffer {
  const head = gzipSync(header({ name: 'bomb', size: megabytes * 1024 * 1024 }, {}));
  const zeros = gzipSync(Buffer.alloc(1024 * 1024), { level: 9 });
  return join(head, ...Array.from({ length: megabytes }, () => zeros));
}

export const gzip: Family = {
  title: 'Gzip',
  what: 'What does not unpack is refused, and so is what unpacks to far more than any real layer. Several members in a row are one archive.',
  images: [
    ...([1, 3, 9, 20, 40] as const).map((cut) =>
      blob(`cut ${cut} bytes before its end`, DAMAGED, () => gzipSync(TAR).subarray(0, -cut)),
    ),
    blob('cut in its header', DAMAGED, () => gzipSync(TAR).subarray(0, 7)),
    blob('its first two bytes alone', DAMAGED, () => gzipSync(TAR).subarray(0, 2)),
    blob('a wrong checksum', DAMAGED, () => member(TAR, { sum: 1 })),
    blob('a wrong length', DAMAGED, () => member(TAR, { length: 5 })),
    blob('a method that is not deflate', DAMAGED, () => member(TAR, { method: 7 })),
    blob('reserved flags', DAMAGED, () => member(TAR, { flags: 0xe0 })),
    blob('a byte changed in the middle', DAMAGED, () => {
      const bytes = gzipSync(TAR, { level: 0 });
      bytes[1000] = (bytes[1000] ?? 0) ^ 1;
      return bytes;
    }),
    blob('a name in its header that climbs', LEFT, () => member(TAR, { flags: 8, fields: '../../evil\0' })),
    blob('a comment of a megabyte', LEFT, () => member(TAR, { flags: 16, fields: `${'c'.repeat(1_000_000)}\0` })),
    blob('a name without an end', DAMAGED, () =>
      join(Buffer.of(0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3), 'n'.repeat(200_000)),
    ),
    blob('an extra field of 65,535 bytes', LEFT, () =>
      member(TAR, { flags: 4, fields: join(little(65_535, 2), Buffer.alloc(65_535)) }),
    ),
    blob('a wrong checksum of its header', DAMAGED, () => member(TAR, { flags: 2, fields: '\x00\x00' })),
    blob('two members, cut within a header of tar', LEFT, () =>
      join(gzipSync(TAR.subarray(0, 300)), gzipSync(TAR.subarray(300))),
    ),
    blob('a member for each byte', LEFT, () => join(...Array.from(TAR, (_, i) => gzipSync(TAR.subarray(i, i + 1))))),
    blob('a thousand members of nothing before it', LEFT, () =>
      join(...Array.from({ length: 1000 }, () => gzipSync('')), gzipSync(TAR)),
    ),
    blob('a second member that is damaged', DAMAGED, () =>
      join(gzipSync(TAR.subarray(0, 1024)), member(TAR.subarray(1024), { sum: 1 })),
    ),
    blob('a second member that is cut', DAMAGED, () =>
      join(gzipSync(TAR.subarray(0, 1024)), gzipSync(TAR.subarray(1024)).subarray(0, -12)),
    ),
    blob(
      'a second archive in a second member',
      LEFT,
      () => join(gzipSync(TAR), gzipSync(archive([{ name: '../evil', content: 'x' }]))),
      {
        tar: join(TAR, archive([{ name: '../evil', content: 'x' }])),
      },
    ),
    blob('garbage behind it', DAMAGED, () => join(gzipSync(TAR), 'garbage')),
    blob('a megabyte of garbage behind it', DAMAGED, () => join(gzipSync(TAR), 'garbage'.repeat(150_000))),
    blob('a megabyte of zeros behind it', LEFT, () => join(gzipSync(TAR), Buffer.alloc(1_000_000))),
    blob('nothing in it', { left: [{}] }, () => gzipSync(''), { tar: Buffer.alloc(0) }),
    blob('gzip in gzip', NO_TAR, () => gzipSync(gzipSync(TAR))),
    blob('zlib in place of gzip', NO_TAR, () => join(Buffer.of(0x78, 0x9c), deflateRawSync(TAR))),
    blob('zeros that unpack to 300 MB', TOO_MUCH, () => gzipBomb(300)),
    blob('zeros that unpack to 20 MB, of which 10 may be', TOO_MUCH, () => gzipBomb(20), {
      limits: { unpackedBytes: 10_000_000 },
    }),
    blob('zeros a thousandth of their size', TOO_MUCH, () => gzipBomb(20), {
      limits: { compressionRatio: 100, ratioFromBytes: 1_000_000 },
    }),
    blob(
      'zeros behind the end of the archive, a thousandth of their size',
      TOO_MUCH,
      () => join(gzipSync(TAR), gzipBomb(20)),
      {
        limits: { compressionRatio: 100, ratioFromBytes: 1_000_000 },
      },
    ),
    blob(
      'headers of tar a hundredth of their size',
      TOO_MUCH,
      () => gzipSync(archive(Array.from({ length: 5000 }, () => ({ name: 'f' })))),
      {
        limits: { compressionRatio: 50, ratioFromBytes: 1_000_000 },
      },
    ),
  ],
};

const ZSTD = Buffer.of(0x28, 0xb5, 0x2f, 0xfd);

/** A block of a zstd frame (RFC 8878, 3.1.1.2): 0 raw, 1 one byte many times, 2 compressed, 3 reserved. */
const block = (type: number, size: number, content: Uint8Array, last = true): Buffer =>
  join(little((size << 3) | (type << 1) | (last ? 1 : 0), 3), content);

/** A frame of one raw block; `window` is the window descriptor, and there are fields before the block. */
const frame = (
  tar: Uint8Array,
  { descriptor = 0x00, window = 0x50 as number | undefined, fields = '' as Uint8Array | string } = {},
): Buffer =>
  join(ZSTD, Buffer.of(descriptor), window === undefined ? '' : Buffer.of(window), fields, block(0, tar.length, tar));

const skippable = (content: Uint8Array, magic = 0x50): Buffer =>
  join(Buffer.of(magic, 0x2a, 0x4d, 0x18), little(content.length), content);

/** A file of zeros in blocks that each say one byte 128 KiB times. */
function zstdBomb(megabytes: number): Buffer {
  const head = frame(header({ name: 'bomb', size: megabytes * 1024 * 1024 }, {}));
  const zeros = Array.from({ length: megabytes * 8 }, (_, i) =>
    block(1, 131_072, Buffer.of(0), i === megabytes * 8 - 1),
  );
  return join(head, ZSTD, Buffer.of(0x00, 0x58), ...zeros);
}

export const zstd: Family = {
  title: 'Zstandard',
  what: 'As with gzip. Windows above 128 MiB and dictionaries are refused: a decoder would have to keep the one, and has not the other.',
  images: [
    blob('one raw block', LEFT, () => frame(TAR)),
    ...([1, 5, 30] as const).map((cut) =>
      blob(`cut ${cut} bytes before its end`, DAMAGED, () => zstdCompressSync(TAR).subarray(0, -cut)),
    ),
    blob('its magic number alone', DAMAGED, () => ZSTD),
    blob('cut in its header', DAMAGED, () => zstdCompressSync(TAR).subarray(0, 5)),
    blob('a wrong checksum', DAMAGED, () => join(frame(TAR, { descriptor: 0x04 }), little(1))),
    blob('a reserved bit', DAMAGED, () => frame(TAR, { descriptor: 0x08 })),
    blob('a block of a reserved type', DAMAGED, () => join(ZSTD, Buffer.of(0, 0x50), block(3, 5, Buffer.alloc(5)))),
    blob('a block larger than any may be', DAMAGED, () =>
      join(ZSTD, Buffer.of(0, 0x50), block(0, 2 ** 20, Buffer.alloc(2 ** 20))),
    ),
    blob('a compressed block of garbage', DAMAGED, () =>
      join(ZSTD, Buffer.of(0, 0x50), block(2, 100, Buffer.alloc(100, 0xa5))),
    ),
    blob('a window of 256 MiB', DAMAGED, () => frame(TAR, { window: (28 - 10) << 3 })),
    blob('a window of 2 GiB', DAMAGED, () => frame(TAR, { window: (31 - 10) << 3 })),
    blob('the largest window there is, 3.75 TiB', DAMAGED, () => frame(TAR, { window: 0xff })),
    blob('a dictionary', DAMAGED, () => frame(TAR, { descriptor: 0x01, fields: Buffer.of(7) })),
    blob('a dictionary of four bytes', DAMAGED, () => frame(TAR, { descriptor: 0x03, fields: little(0xdeadbeef) })),
    blob('a size that is too small', DAMAGED, () =>
      frame(TAR, { descriptor: 0x60, window: undefined, fields: little(0, 2) }),
    ),
    blob('a size that is too large', DAMAGED, () =>
      frame(TAR, { descriptor: 0x60, window: undefined, fields: little(60_000, 2) }),
    ),
    blob('a size of 2^63', DAMAGED, () =>
      frame(TAR, { descriptor: 0xe0, window: undefined, fields: join(little(0), little(0x80000000)) }),
    ),
    blob('two frames', LEFT, () => join(zstdCompressSync(TAR.subarray(0, 300)), zstdCompressSync(TAR.subarray(300)))),
    blob('a thousand frames of nothing before it', LEFT, () =>
      join(...Array.from({ length: 1000 }, () => zstdCompressSync('')), zstdCompressSync(TAR)),
    ),
    blob('a frame to be skipped before it', LEFT, () =>
      join(skippable(Buffer.from('../../evil')), zstdCompressSync(TAR)),
    ),
    blob('frames to be skipped of all sixteen kinds', LEFT, () =>
      join(...Array.from({ length: 16 }, (_, i) => skippable(Buffer.alloc(100), 0x50 + i)), zstdCompressSync(TAR)),
    ),
    blob('a frame to be skipped behind it', LEFT, () => join(zstdCompressSync(TAR), skippable(Buffer.alloc(1000, 1)))),
    blob('a frame to be skipped of a megabyte', LEFT, () =>
      join(skippable(Buffer.alloc(1_000_000)), zstdCompressSync(TAR)),
    ),
    blob('a frame to be skipped of 4 GiB that is not there', DAMAGED, () =>
      join(Buffer.of(0x50, 0x2a, 0x4d, 0x18), little(0xffffffff), TAR),
    ),
    blob('a frame to be skipped and nothing else', { left: [{}] }, () => skippable(TAR), { tar: Buffer.alloc(0) }),
    blob('garbage behind it', LEFT, () => join(zstdCompressSync(TAR), 'garbage')),
    blob('a megabyte of garbage behind it', LEFT, () => join(zstdCompressSync(TAR), 'garbage'.repeat(150_000))),
    blob('a megabyte of zeros behind it', LEFT, () => join(zstdCompressSync(TAR), Buffer.alloc(1_000_000))),
    blob('a second frame that is cut', DAMAGED, () =>
      join(zstdCompressSync(TAR), zstdCompressSync(TAR).subarray(0, 20)),
    ),
    blob('gzip in zstd', NO_TAR, () => zstdCompressSync(gzipSync(TAR))),
    blob('zstd in gzip', NO_TAR, () => gzipSync(zstdCompressSync(TAR))),
    blob('of a version that nobody has any more', NO_TAR, () => join(Buffer.of(0x22, 0xb5, 0x2f, 0xfd), TAR)),
    blob('zeros that unpack to 300 MB', TOO_MUCH, () => zstdBomb(300)),
    blob('zeros that unpack to 20 MB, of which 10 may be', TOO_MUCH, () => zstdBomb(20), {
      limits: { unpackedBytes: 10_000_000 },
    }),
    blob('zeros a ten-thousandth of their size', TOO_MUCH, () => zstdBomb(20), {
      limits: { compressionRatio: 1000, ratioFromBytes: 1_000_000 },
    }),
  ],
};

const OTHERS: Readonly<Record<string, readonly number[]>> = {
  xz: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0],
  bzip2: [0x42, 0x5a, 0x68, 0x39],
  lz4: [0x04, 0x22, 0x4d, 0x18],
  'Unix compress': [0x1f, 0x9d, 0x90],
  zip: [0x50, 0x4b, 3, 4],
  '7z': [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c],
  squashfs: [0x68, 0x73, 0x71, 0x73],
  'an encrypted layer': [0xd0, 0xdf, 0xa9, 0x11],
};

export const otherPacking: Family = {
  title: 'Other packings, and packings that lie',
  what: 'What is neither gzip nor zstd is read as tar and refused as none. Which of them it is is told by the bytes, not by the media type: the diffID says whether the outcome is right.',
  images: [
    ...Object.entries(OTHERS).map(([name, magic]) => blob(name, NO_TAR, () => join(Buffer.from(magic), TAR))),
    ...(
      [
        ['gzip that is called zstd', gzipSync(TAR), '+zstd'],
        ['zstd that is called gzip', zstdCompressSync(TAR), '+gzip'],
        ['plain tar that is called gzip', TAR, '+gzip'],
        ['gzip that is called plain', gzipSync(TAR), ''],
      ] as const
    ).map(([name, bytes, suffix]) =>
      packed(name, LEFT, () => [
        { bytes, tar: TAR, lies: { mediaType: `application/vnd.oci.image.layer.v1.tar${suffix}` } },
      ]),
    ),
    packed(
      'one archive in three packings, as three layers',
      { left: [{ f: 'file 3000 bytes' }, { f: 'file 3000 bytes' }, { f: 'file 3000 bytes' }] },
      () => [TAR, gzipSync(TAR), zstdCompressSync(TAR)].map((bytes) => ({ bytes, tar: TAR })),
    ),
  ],
};

const lie = (
  name: string,
  code: Extract<Outcome, { refused: unknown }>['refused'],
  lies: NonNullable<LayerBlob['lies']>,
): HostileLayers => {
  // Of this case alone: a layer that is in the store already is not fetched again.
  const tar = archive([{ name: 'f', content: name }]);
  return packed(name, { refused: code }, () => [{ bytes: gzipSync(tar), tar, lies }]);
};
const OTHER = sha256(Buffer.from('other'));

export const descriptors: Family = {
  title: 'Descriptors that lie',
  what: 'Digest, size and diffID are all verified while the bytes come, and what is not of their form is refused before a byte is asked for.',
  images: [
    lie('another digest', 'LAYER_DIGEST_MISMATCH', { digest: OTHER }),
    lie('another diffID', 'LAYER_DIFF_ID_MISMATCH', { diffId: OTHER }),
    lie('the digest of nothing', 'LAYER_DIGEST_MISMATCH', { digest: sha256(Buffer.alloc(0)) }),
    lie('the diffID of nothing', 'LAYER_DIFF_ID_MISMATCH', { diffId: sha256(Buffer.alloc(0)) }),
    lie('a size of nothing', 'LAYER_SIZE_MISMATCH', { size: 0 }),
    lie('a size of one byte', 'LAYER_SIZE_MISMATCH', { size: 1 }),
    lie('a size of a gigabyte', 'LAYER_SIZE_MISMATCH', { size: 1e9 }),
    lie('a size of 2^53 - 1', 'IMAGE_TOO_LARGE', { size: Number.MAX_SAFE_INTEGER }),
    lie('a negative size', 'LAYER_SIZE_MISMATCH', { size: -1 }),
    ...(
      [
        ['a path', 'sha256:../../../../etc/passwd'],
        ['a digest and a path', `${OTHER}/../../evil`],
        ['capitals', OTHER.toUpperCase()],
        ['capital hex digits', `sha256:${OTHER.slice(7).toUpperCase()}`],
        ['a digit too few', OTHER.slice(0, -1)],
        ['a digit too many', `${OTHER}0`],
        ['no algorithm', OTHER.slice(7)],
        ['sha512', `sha512:${'a'.repeat(128)}`],
        ['a newline at its end', `${OTHER}\n`],
        ['nothing', ''],
      ] as const
    ).flatMap(([what, text]) => [
      lie(`a digest of ${what}`, 'LAYER_DIGEST_MALFORMED', { digest: text }),
      lie(`a diffID of ${what}`, 'LAYER_DIGEST_MALFORMED', { diffId: text }),
    ]),
    ...[
      'application/vnd.oci.image.layer.v1.tar+xz',
      'application/vnd.oci.image.layer.v1.tar+gzip+encrypted',
      'application/vnd.wasm.content.layer.v1+wasm',
      'text/html',
      '',
      'application/vnd.oci.image.layer.v1.tar\r\nX: y',
      'APPLICATION/VND.OCI.IMAGE.LAYER.V1.TAR',
    ].map((mediaType) =>
      lie(`the media type ${JSON.stringify(mediaType)}`, 'LAYER_MEDIA_TYPE_UNSUPPORTED', { mediaType }),
    ),
  ],
};
