import type { TarSpec } from '../../tar/tar-writer.test-support.ts';
import type { Family } from '../hostile-image.test-support.ts';
import { archive, harmless, header, refused } from '../raw-tar.test-support.ts';

const NAMES: Readonly<Record<string, string>> = {
  'a newline': 'a\nb',
  'a carriage return': 'a\rb',
  'a tab': 'a\tb',
  'a bell': 'a\x07b',
  'an escape that clears the screen': '\x1b[2J',
  'a DEL': 'a\x7fb',
  'control characters of Latin-1': '\x9b31m',
  'bytes that are no UTF-8': '\xff\xfe\xfd',
  'UTF-8 that is cut off': 'a\xe2\x82',
  'a surrogate in UTF-8': '\xed\xa0\x80',
  'UTF-8 of more bytes than needed': '\xc1\xa1',
  'a character beyond Unicode': '\xf7\xbf\xbf\xbf',
  'a mark that turns the direction of writing': '\xe2\x80\xaegpj.exe',
  'a byte order mark': '\xef\xbb\xbfa',
  'a blank': ' ',
  'a dash, as of an option': '-rf',
  'a star': '*',
  'a dollar and brackets': '$(reboot)',
  quotes: '\'"`',
  'a percent sign, as of a format': '%s%n%x',
  'a semicolon': ';reboot;',
  'a NUL of Unicode': 'a\xc0\x80b',
};

export const names: Family = {
  title: 'Names',
  what: 'A name is any bytes but NUL and `/`, 255 of them: kept as it is. Messages show it escaped.',
  images: [
    ...Object.entries(NAMES).map(([what, name]) => harmless(what, { [name]: 'file "x"' }, [{ name, content: 'x' }])),
    harmless('255 bytes', { ['n'.repeat(255)]: 'file "x"' }, [
      { name: 'x', content: 'x', pax: { path: 'n'.repeat(255) } },
    ]),
    refused('256 bytes', 'LAYER_PATH_INVALID', [{ name: 'x', content: 'x', pax: { path: 'n'.repeat(256) } }]),
    refused('256 bytes of a directory on the way', 'LAYER_PATH_INVALID', [
      { name: 'x', content: 'x', pax: { path: `${'n'.repeat(256)}/f` } },
    ]),
    refused('none', 'LAYER_PATH_INVALID', [{ name: '', content: 'x' }]),
    refused('none, of a directory', 'LAYER_PATH_INVALID', [{ name: '', type: '5' }]),
    refused('a file that is the root', 'LAYER_ENTRY_INVALID', [{ name: '.', content: 'x' }]),
    harmless('a directory that is the root', {}, [{ name: '/', type: '5' }]),
    harmless('a file that is the root by its slashes, which makes it a directory', {}, [{ name: '///', content: '' }]),
    harmless(
      'a name that ends at a NUL in the header',
      { good: 'file "x"' },
      archive([
        Buffer.concat([
          header({ name: 'f', content: 'x' }, { name: 'good\0/../../evil' }),
          Buffer.from('x'.padEnd(512, '\0')),
        ]),
      ]),
    ),
    harmless(
      'a hundred bytes without a NUL',
      { ['n'.repeat(100)]: 'file ""' },
      archive([header({ name: 'f' }, { name: 'n'.repeat(100) })]),
    ),
    harmless(
      'a prefix of 155 bytes and a name of 100',
      { [`${'p'.repeat(155)}`]: 'dir', [`${'p'.repeat(155)}/${'n'.repeat(100)}`]: 'file ""' },
      archive([header({ name: 'f' }, { prefix: 'p'.repeat(155), name: 'n'.repeat(100) })]),
    ),
    harmless(
      "bytes where ustar has a prefix, in GNU's own format",
      { f: 'file ""' },
      archive([header({ name: 'f' }, { magic: 'ustar  \0', prefix: '../../evil' })]),
    ),
  ],
};

const many = (count: number, make: (i: number) => TarSpec): TarSpec[] =>
  Array.from({ length: count }, (_, i) => make(i));
/** A path of so many directories, as a tree. */
const deep = (depth: number): Record<string, string> =>
  Object.fromEntries(Array.from({ length: depth }, (_, i) => ['d/'.repeat(i + 1).slice(0, -1), 'dir']));

export const limits: Family = {
  title: 'More than a layer may have',
  what: 'Refused with the limit and the figure, before more is read. The limits are those of `tar/limits.ts`; some cases are played with lower ones.',
  images: [
    {
      ...refused(
        '1,001 files where 1,000 may be',
        'LAYER_LIMIT_EXCEEDED',
        many(1001, (i) => ({ name: `f${i}` })),
      ),
      limits: { entries: 1000 },
    },
    {
      ...refused(
        '1,001 whiteouts',
        'LAYER_LIMIT_EXCEEDED',
        many(1001, (i) => ({ name: `.wh.f${i}` })),
      ),
      limits: { entries: 1000 },
    },
    {
      ...refused(
        '1,001 devices',
        'LAYER_LIMIT_EXCEEDED',
        many(1001, (i) => ({ name: `f${i}`, type: '3' })),
      ),
      limits: { entries: 1000 },
    },
    {
      ...refused(
        '1,001 times one file',
        'LAYER_LIMIT_EXCEEDED',
        many(1001, () => ({ name: 'f' })),
      ),
      limits: { entries: 1000 },
    },
    {
      ...refused(
        '1,001 entries that are left out',
        'LAYER_LIMIT_EXCEEDED',
        many(1001, () => ({ name: '.wh..wh.plnk' })),
      ),
      limits: { entries: 1000 },
    },
    {
      ...refused(
        'names of directories of more than 10,000 bytes',
        'LAYER_LIMIT_EXCEEDED',
        many(200, (i) => ({ name: `${'n'.repeat(80)}${i}/`, type: '5' })),
      ),
      limits: { directoryNameBytes: 10_000 },
    },
    {
      ...refused(
        'names of devices of more than 10,000 bytes',
        'LAYER_LIMIT_EXCEEDED',
        many(200, (i) => ({ name: `${'n'.repeat(80)}${i}`, type: '3' })),
      ),
      limits: { directoryNameBytes: 10_000 },
    },
    {
      ...refused('a path of 201 bytes where 200 may be', 'LAYER_LIMIT_EXCEEDED', [
        { name: 'x', pax: { path: 'a'.repeat(201) } },
      ]),
      limits: { pathBytes: 200 },
    },
    refused('a path of 4,096 bytes', 'LAYER_LIMIT_EXCEEDED', [{ name: 'x', pax: { path: 'a/'.repeat(2048) } }]),
    refused('a path of a megabyte', 'LAYER_LIMIT_EXCEEDED', [{ name: 'x', pax: { path: 'a/'.repeat(500_000) } }]),
    refused('a path of a megabyte of slashes', 'LAYER_LIMIT_EXCEEDED', [
      { name: 'x', pax: { path: `${'/'.repeat(1_000_000)}f` } },
    ]),
    harmless('500 directories in one another', deep(500), [{ name: 'x', type: '5', pax: { path: 'd/'.repeat(500) } }]),
    harmless('500 directories made and taken away again', { d: 'file "x"' }, [
      { name: 'x', type: '5', pax: { path: 'd/'.repeat(500) } },
      { name: 'd', content: 'x' },
    ]),
    refused('a file of the largest size a header can say', 'LAYER_TAR_INVALID', [
      { name: 'f', size: 0o77777777777, content: 'x' },
    ]),
    {
      ...refused('a file above what a layer may unpack to', 'LAYER_LIMIT_EXCEEDED', [
        { name: 'f', content: Buffer.alloc(3_000_000) },
      ]),
      limits: { unpackedBytes: 2_000_000 },
    },
    {
      ...refused(
        'many files above what a layer may unpack to',
        'LAYER_LIMIT_EXCEEDED',
        many(300, (i) => ({ name: `f${i}`, content: Buffer.alloc(10_000) })),
      ),
      limits: { unpackedBytes: 2_000_000 },
    },
    {
      ...refused(
        'headers alone above what a layer may unpack to',
        'LAYER_LIMIT_EXCEEDED',
        many(500, (i) => ({ name: `f${i}` })),
      ),
      limits: { unpackedBytes: 200_000 },
    },
    {
      ...refused(
        'zeros behind the end above what a layer may unpack to',
        'LAYER_LIMIT_EXCEEDED',
        Buffer.alloc(300_000),
      ),
      limits: { unpackedBytes: 200_000 },
    },
    {
      ...refused('an extended header above its limit', 'LAYER_LIMIT_EXCEEDED', [
        { name: 'f', pax: { comment: 'c'.repeat(2000) } },
      ]),
      limits: { headerBytes: 1000 },
    },
    {
      ...refused(
        'a global header above its limit',
        'LAYER_LIMIT_EXCEEDED',
        archive([header({ name: 'g', type: 'g', size: 2000 }, {})]),
      ),
      limits: { headerBytes: 1000 },
    },
    {
      ...refused(
        'a volume label above its limit',
        'LAYER_LIMIT_EXCEEDED',
        archive([header({ name: 'V', type: 'V', size: 2000 }, {})]),
      ),
      limits: { headerBytes: 1000 },
    },
  ],
};
