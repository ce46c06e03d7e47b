import { paxRecord } from '../../tar/tar-writer.test-support.ts';
import type { Family } from '../hostile-image.test-support.ts';
import { archive, END, extended, harmless, header, type Part, refused } from '../raw-tar.test-support.ts';

const pax = (...records: readonly (readonly [string, string])[]): Buffer =>
  extended('x', records.map(([key, value]) => paxRecord(key, value)).join(''));
const file: Part = { name: 'f', content: 'x' };

const MALFORMED: Readonly<Record<string, string>> = {
  'no records': 'garbage',
  'a length of letters': 'zz path=a\n',
  'a length of 0': '0 path=a\n',
  'a negative length': '-9 path=a\n',
  'a length beyond the end': '99 path=a\n',
  'a length that is too short': '5 path=a\n',
  'a length of eleven digits': '00000000010 path=a\n',
  'a length of 2^53': '9007199254740993 a=b\n',
  'a record without =': '8 pathab\n',
  'a record without a newline': '9 path=ab',
  'a record without a key': '6 =ab\n',
  'a newline in place of the blank': '9\npath=a\n',
  'bytes after the records': `${paxRecord('path', 'a')}xx`,
  'NULs after the records': `${paxRecord('path', 'a')}\0\0`,
};

export const paxHeaders: Family = {
  title: 'Pax headers',
  what: 'Read strictly: a header that readers could take in two ways is refused. What it says replaces the fields of the entry, and is held to the same rules.',
  images: [
    ...Object.entries(MALFORMED).map(([what, text]) => refused(what, 'LAYER_TAR_INVALID', [extended('x', text), file])),
    harmless('no bytes', { f: 'file "x"' }, [extended('x', ''), file]),
    refused('a path that climbs, over one that does not', 'LAYER_PATH_INVALID', [pax(['path', '../evil']), file]),
    harmless('a path that does not climb, over one that does', { good: 'file "x"' }, [
      pax(['path', 'good']),
      { name: '../evil', content: 'x' },
    ]),
    harmless('a path twice, of which the last counts', { b: 'file "x"' }, [pax(['path', '../a'], ['path', 'b']), file]),
    refused('a path twice, of which the last climbs', 'LAYER_PATH_INVALID', [
      pax(['path', 'a'], ['path', '../b']),
      file,
    ]),
    refused('an empty path', 'LAYER_PATH_INVALID', [pax(['path', '']), file]),
    refused('a path with a NUL in it', 'LAYER_TAR_INVALID', [pax(['path', 'a\0b']), file]),
    refused('a key with a NUL in it', 'LAYER_TAR_INVALID', [pax(['pa\0th', 'a']), file]),
    harmless('a path with a newline in it', { 'a\nb': 'file "x"' }, [pax(['path', 'a\nb']), file]),
    harmless('a key that is no key of pax', { f: 'file "x"' }, [
      pax(['PATH', '../evil'], ['path ', '../evil'], [' path', '../evil']),
      file,
    ]),
    harmless('keys that JavaScript knows', { f: 'file "x"' }, [
      pax(['__proto__', 'x'], ['constructor', 'x'], ['toString', 'x']),
      file,
    ]),
    refused('a size that is too small, so that content is read as a header', 'LAYER_TAR_INVALID', [
      pax(['size', '0']),
      { name: 'f', content: 'y'.repeat(512) },
    ]),
    refused('a size that is too large, so that headers are read as content', 'LAYER_TAR_INVALID', [
      pax(['size', '100000']),
      { name: 'f', content: 'y' },
      { name: '../evil', content: 'x' },
    ]),
    harmless('a size that hides another entry in the content', { f: 'file 1536 bytes' }, [
      pax(['size', '1536']),
      header({ name: 'f', size: 0 }, {}),
      archive([{ name: '../evil', content: 'x' }], { end: false }),
      Buffer.alloc(512),
    ]),
    refused('a size of -1', 'LAYER_TAR_INVALID', [pax(['size', '-1']), file]),
    refused('a size of 17 digits', 'LAYER_TAR_INVALID', [pax(['size', '99999999999999999']), file]),
    refused('a size of 1e3', 'LAYER_TAR_INVALID', [pax(['size', '1e3']), file]),
    refused('an empty size', 'LAYER_TAR_INVALID', [pax(['size', '']), file]),
    refused('a time that is no number', 'LAYER_TAR_INVALID', [pax(['mtime', 'NaN']), file]),
    refused('a time that is infinite', 'LAYER_TAR_INVALID', [pax(['mtime', 'Infinity']), file]),
    refused('a time in hex', 'LAYER_TAR_INVALID', [pax(['mtime', '0x10']), file]),
    harmless('a time of a thousand decimals', { f: 'file "x"' }, [pax(['mtime', `1.${'9'.repeat(1000)}`]), file]),
    harmless('other times and numbers of nodes, which are not read', { f: 'file "x"' }, [
      pax(['atime', 'evil'], ['ctime', 'evil'], ['SCHILY.dev', '-1'], ['SCHILY.ino', 'x'], ['SCHILY.nlink', '99']),
      file,
    ]),
    harmless('another character set, which is not heeded', { '..\xe9': 'file "x"' }, [
      pax(['hdrcharset', 'BINARY'], ['charset', 'ISO-IR 8859 1 1998'], ['path', '..\xe9']),
      file,
    ]),
    refused('two in a row', 'LAYER_TAR_INVALID', [pax(['path', 'a']), pax(['path', 'b']), file]),
    refused('one at the end, of no entry', 'LAYER_TAR_INVALID', [file, pax(['path', 'a'])]),
    harmless('a global one that names a path for all', { f: 'file "x"' }, [
      extended('g', paxRecord('path', '../evil')),
      file,
    ]),
    harmless('a global one that makes all setuid and large', { f: 'file "x"' }, [
      extended('g', paxRecord('uid', '-1') + paxRecord('size', '99999')),
      file,
    ]),
    harmless('a global one of garbage', { f: 'file "x"' }, [extended('g', 'garbage'), file]),
    harmless('ten thousand global ones', { f: 'file "x"' }, [
      ...Array.from({ length: 10_000 }, () => extended('g', '')),
      file,
    ]),
    refused('one of Solaris, of type X', 'LAYER_TAR_INVALID', [extended('X', paxRecord('path', '../evil')), file]),
    refused('one of a megabyte and a byte', 'LAYER_LIMIT_EXCEEDED', [
      extended('x', Buffer.alloc(1024 * 1024 + 1, 0x20)),
      file,
    ]),
    harmless('one of nearly a megabyte', { f: 'file "x"' }, [pax(['comment', 'c'.repeat(1_000_000)]), file]),
    harmless('a hundred thousand records', { f: 'file "x"' }, [extended('x', '9 k=vvvv\n'.repeat(100_000)), file]),
  ],
};

const long = (name: string): Buffer => extended('L', name);
const longLink = (name: string): Buffer => extended('K', name);

export const gnuNames: Family = {
  title: 'GNU long names',
  what: 'A long name replaces the name of the next entry, whatever that is, and is held to the same rules; a pax path wins over it.',
  images: [
    refused('that climbs', 'LAYER_PATH_INVALID', [long('../evil\0'), file]),
    harmless('that ends at its first NUL', { good: 'file "x"' }, [long('good\0/../../evil\0'), file]),
    refused('that climbs before its first NUL', 'LAYER_PATH_INVALID', [long('../evil\0good\0'), file]),
    harmless('without a NUL at its end', { good: 'file "x"' }, [long('good'), file]),
    refused('of no bytes', 'LAYER_PATH_INVALID', [long(''), file]),
    refused('of NULs', 'LAYER_PATH_INVALID', [long('\0\0\0\0'), file]),
    harmless('three in a row, of which the last counts', { c: 'file "x"' }, [
      long('../a\0'),
      long('b\0'),
      long('c\0'),
      file,
    ]),
    refused('at the end, of no entry', 'LAYER_TAR_INVALID', [file, long('evil\0')]),
    harmless('of a directory', { good: 'dir' }, [long('good/\0'), { name: '../evil', type: '5' }]),
    refused('of a symlink, that climbs', 'LAYER_PATH_INVALID', [
      long('../evil\0'),
      { name: 'l', type: '2', link: 'x' },
    ]),
    harmless('of a device', {}, [long('dev/sda\0'), { name: 'f', type: '4' }]),
    harmless('of a whiteout', { a: 'whiteout' }, [long('.wh.a\0'), file]),
    harmless('and a pax path, which counts', { b: 'file "x"' }, [long('../a\0'), pax(['path', 'b']), file]),
    refused('and a pax path that climbs', 'LAYER_PATH_INVALID', [long('a\0'), pax(['path', '../b']), file]),
    harmless('that makes a directory of a file by its slash', { good: 'dir mode 644' }, [
      long('good/\0'),
      { name: 'f', type: '0' },
    ]),
    refused('of 4,096 bytes', 'LAYER_LIMIT_EXCEEDED', [long('a/'.repeat(2048)), file]),
    refused('of a name of 256 bytes', 'LAYER_PATH_INVALID', [long('a'.repeat(256)), file]),
    refused('of a megabyte and a byte', 'LAYER_LIMIT_EXCEEDED', [long('a'.repeat(1024 * 1024 + 1)), file]),
    refused('of a link, that climbs', 'LAYER_PATH_INVALID', [
      longLink('../victim\0'),
      { name: 'h', type: '1', link: 'f' },
    ]),
    harmless('of a symlink target, verbatim', { l: '-> ../../etc' }, [
      longLink('../../etc\0'),
      { name: 'l', type: '2', link: 'x' },
    ]),
    harmless('of a link of a file, which has none', { f: 'file "x"' }, [longLink('../../etc\0'), file]),
    refused('of a link, of no bytes', 'LAYER_PATH_INVALID', [file, longLink(''), { name: 'h', type: '1', link: 'f' }]),
    harmless('a volume label', { f: 'file "x"' }, [extended('V', 'label'), file]),
    harmless('a volume label that climbs', { f: 'file "x"' }, [header({ name: '../../evil', type: 'V' }, {}), file]),
  ],
};

/** Types that some archiver has or had, and some that none has. */
const TYPE_FLAGS: Readonly<Record<string, string>> = {
  'an old sparse file of GNU': 'S',
  'the rest of a file on another volume': 'M',
  'a directory with the names in it, of GNU': 'D',
  'a list of long names of old GNU': 'N',
  'an ACL of Solaris': 'A',
  'an extended header of Solaris': 'E',
  'an inode of star': 'I',
  'a reserved number': '8',
  'another reserved number': '9',
  'a small letter': 'a',
  'a byte that is no letter': '\xff',
  'a blank': ' ',
  'a newline': '\n',
  'a slash': '/',
};

export const typeFlags: Family = {
  title: 'Types that no layer has',
  what: 'Refused: what a reader does not know it cannot skip, for it does not know how long it is.',
  images: [
    ...Object.entries(TYPE_FLAGS).map(([what, type]) =>
      refused(what, 'LAYER_TAR_INVALID', archive([{ name: 'f', type, content: 'x' }])),
    ),
    refused('a sparse file in format 0.0', 'LAYER_TAR_INVALID', [
      pax(
        ['GNU.sparse.size', '1000000000000'],
        ['GNU.sparse.numblocks', '1'],
        ['GNU.sparse.offset', '0'],
        ['GNU.sparse.numbytes', '1'],
      ),
      file,
    ]),
    refused('a sparse file in format 0.1', 'LAYER_TAR_INVALID', [pax(['GNU.sparse.map', '0,1,999999999999,0']), file]),
    refused('a sparse file in format 1.0, that names another path', 'LAYER_TAR_INVALID', [
      pax(
        ['GNU.sparse.major', '1'],
        ['GNU.sparse.minor', '0'],
        ['GNU.sparse.name', '../evil'],
        ['GNU.sparse.realsize', '1099511627776'],
      ),
      { name: 'f', content: '1\n0\n1\n'.padEnd(513, '\0') },
    ]),
    refused('a sparse symlink', 'LAYER_TAR_INVALID', [
      pax(['GNU.sparse.major', '1']),
      { name: 'l', type: '2', link: 'x' },
    ]),
  ],
};

const CUT = archive([
  { name: 'dir/', type: '5' },
  pax(['path', 'long']),
  { name: 'f', content: 'x'.repeat(700) },
  { name: 'g', content: 'y' },
]);
const FIRST = { dir: 'dir' };

/** Where the archive is cut, in bytes, and what is left of it, or nothing when it is refused. */
const CUTS: readonly (readonly [where: string, bytes: number, left: Record<string, string> | undefined])[] = [
  ['before the first byte', 0, {}],
  ['after one byte', 1, undefined],
  ['in the name of the first header', 50, undefined],
  ['one byte before the end of the first header', 511, undefined],
  ['after the first entry', 512, FIRST],
  ['in the header of the extended header', 512 + 300, undefined],
  ['before the content of the extended header', 2 * 512, undefined],
  ['in the content of the extended header', 2 * 512 + 5, undefined],
  ['in the padding of the extended header', 2 * 512 + 100, undefined],
  ['after the extended header', 3 * 512, undefined],
  ['in the header that it belongs to', 3 * 512 + 200, undefined],
  ['before the content of a file', 4 * 512, undefined],
  ['in the content of a file', 4 * 512 + 600, undefined],
  ['in the padding of a file', 4 * 512 + 800, { ...FIRST, long: 'file 700 bytes' }],
  ['after a file', 6 * 512, { ...FIRST, long: 'file 700 bytes' }],
  ['before the end marker', 8 * 512, { ...FIRST, g: 'file "y"', long: 'file 700 bytes' }],
  ['in the middle of the end marker', 9 * 512, { ...FIRST, g: 'file "y"', long: 'file 700 bytes' }],
  ['in a block of the end marker', 9 * 512 + 100, undefined],
];

export const truncated: Family = {
  title: 'Archives cut off',
  what: 'Refused when they end within something. An archive without its end marker, or without the padding of its last file, is whole but for what says nothing.',
  images: CUTS.map(([where, bytes, left]) =>
    left === undefined
      ? refused(where, 'LAYER_TAR_INVALID', CUT.subarray(0, bytes))
      : harmless(where, left, CUT.subarray(0, bytes)),
  ),
};

export const trailing: Family = {
  title: 'Bytes after the archive',
  what: 'Nothing behind the end marker counts, as with Docker; the digest and the diffID cover it all the same. One block of zeros is no end, and an archive that goes on after it is refused: readers differ there.',
  images: [
    harmless('garbage', { f: 'file "x"' }, Buffer.concat([archive([file]), Buffer.from('garbage'.repeat(500))])),
    harmless(
      'another archive',
      { f: 'file "x"' },
      Buffer.concat([archive([file]), archive([{ name: '../evil', content: 'x' }])]),
    ),
    harmless('a megabyte of zeros', { f: 'file "x"' }, Buffer.concat([archive([file]), Buffer.alloc(1024 * 1024)])),
    harmless('half a block', { f: 'file "x"' }, Buffer.concat([archive([file]), Buffer.alloc(100, 1)])),
    refused('an entry after one block of zeros', 'LAYER_TAR_INVALID', [
      file,
      Buffer.alloc(512),
      { name: 'g', content: 'x' },
    ]),
    refused(
      'garbage after one block of zeros',
      'LAYER_TAR_INVALID',
      Buffer.concat([archive([file], { end: false }), Buffer.alloc(512), Buffer.alloc(512, 7)]),
    ),
    harmless('an end marker and nothing else', {}, END),
    harmless(
      'an end marker, and entries behind it',
      {},
      Buffer.concat([END, archive([{ name: 'evil', content: 'x' }])]),
    ),
    harmless('ten megabytes of zeros alone', {}, Buffer.alloc(10 * 1024 * 1024)),
  ],
};
