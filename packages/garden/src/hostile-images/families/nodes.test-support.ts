import type { TarSpec } from '../../tar/tar-writer.test-support.ts';
import type { Family } from '../hostile-image.test-support.ts';
import { archive, base256, CARRIERS, harmless, header, refused } from '../raw-tar.test-support.ts';

const hard = (name: string, target: string): TarSpec => ({ name, type: '1', link: target });

const device = (type: string, major: number, minor: number): Buffer =>
  header(
    { name: 'node', type },
    { deviceMajor: `${major.toString(8).padStart(7, '0')}\0`, deviceMinor: `${minor.toString(8).padStart(7, '0')}\0` },
  );

export const devices: Family = {
  title: 'Device nodes and FIFOs',
  what: 'Left out, with hardlinks to them: containers get their devices from the cell. What was at their place before is gone all the same.',
  images: [
    ...(
      [
        ['the memory of the machine', '3', 1, 1],
        ['the memory of the kernel', '3', 1, 2],
        ['the ports of the machine', '3', 1, 4],
        ['/dev/null', '3', 1, 3],
        ['the first disk', '4', 8, 0],
        ['the first virtual disk', '4', 254, 0],
        ['a loop device', '4', 7, 0],
        ['/dev/fuse', '3', 10, 229],
        ['/dev/kvm', '3', 10, 232],
        ['the console', '3', 5, 1],
        ['the mark of a whiteout, 0/0', '3', 0, 0],
        ['a block device 0/0', '4', 0, 0],
        ['the largest numbers', '3', 0o7777777, 0o7777777],
      ] as const
    ).map(([what, type, major, minor]) => harmless(what, {}, archive([device(type, major, minor)]))),
    harmless(
      'numbers that are negative',
      {},
      archive([header({ name: 'node', type: '3' }, { deviceMajor: base256(-1n, 8), deviceMinor: base256(-1n, 8) })]),
    ),
    harmless(
      'numbers that are no numbers',
      {},
      archive([header({ name: 'node', type: '3' }, { deviceMajor: 'zzzzzzz', deviceMinor: '99999999' })]),
    ),
    harmless('a FIFO', {}, [{ name: 'fifo', type: '6' }]),
    harmless('a FIFO at /etc/passwd', { etc: 'dir' }, [
      { name: 'etc/', type: '5' },
      { name: 'etc/passwd', type: '6' },
    ]),
    ...Object.entries(CARRIERS).map(([carrier, write]) =>
      harmless(`named dev/sda by ${carrier}`, {}, archive([write({ name: 'dev/sda', type: '4' })])),
    ),
    harmless('a hardlink to one', {}, [{ name: 'a', type: '3' }, hard('h', 'a')]),
    harmless('a hardlink to a hardlink to one', {}, [{ name: 'a', type: '3' }, hard('h', 'a'), hard('i', 'h')]),
    harmless('a hardlink to a FIFO', {}, [{ name: 'a', type: '6' }, hard('h', 'a')]),
    harmless('a hardlink to one spelt otherwise', {}, [{ name: 'a', type: '3' }, hard('h', './/a')]),
    refused('a hardlink to one behind a link', 'LAYER_ENTRY_INVALID', [
      { name: 'd/a', type: '3' },
      { name: 'l', type: '2', link: 'd' },
      hard('h', 'l/a'),
    ]),
    harmless('in place of a file', {}, [
      { name: 'a', content: 'x' },
      { name: 'a', type: '3' },
    ]),
    harmless('in place of a full directory', {}, [
      { name: 'a/b/c', content: 'x' },
      { name: 'a', type: '3' },
    ]),
    harmless('in place of a link to the outside', {}, [
      { name: 'a', type: '2', link: '/etc/passwd' },
      { name: 'a', type: '3' },
    ]),
    harmless('then a file in its place', { a: 'file "x"' }, [
      { name: 'a', type: '3' },
      { name: 'a', content: 'x' },
    ]),
    harmless('as the parent of a file', { a: 'dir', 'a/b': 'file "x"' }, [
      { name: 'a', type: '3' },
      { name: 'a/b', content: 'x' },
    ]),
    harmless('with extended attributes, an owner and setuid', {}, [
      { name: 'a', type: '3', mode: 0o4777, uid: 7, pax: { 'SCHILY.xattr.user.note': 'x' } },
    ]),
    refused('with content, which is then read as a header', 'LAYER_TAR_INVALID', [
      { name: 'a', type: '3', content: 'y'.repeat(512) },
    ]),
    harmless('with a size and no content', {}, [{ name: 'a', type: '3', size: 4096 }]),
    harmless(
      'a thousand of them',
      {},
      Array.from({ length: 1000 }, (_, i) => ({ name: `dev/d${i}`, type: '3' })),
    ),
  ],
};

export const whiteouts: Family = {
  title: 'Whiteouts',
  what: "A whiteout hides a name of the layers below and nothing else: it is made as overlayfs's own, inside of the layer. Impossible ones are refused, what old AUFS layers carry is left out.",
  images: [
    refused('of no name', 'LAYER_PATH_INVALID', [{ name: '.wh.' }]),
    refused('of .', 'LAYER_PATH_INVALID', [{ name: '.wh..' }]),
    refused('of ..', 'LAYER_PATH_INVALID', [{ name: '.wh...' }]),
    refused('of .. in a directory', 'LAYER_PATH_INVALID', [{ name: 'a/.wh...' }]),
    harmless('of ...', { '...': 'whiteout' }, [{ name: '.wh....' }]),
    harmless('of a name with a slash in it, which makes it two', { '.wh.a': 'dir', '.wh.a/b': 'file ""' }, [
      { name: '.wh.a/b' },
    ]),
    refused('of a path that climbs', 'LAYER_PATH_INVALID', [{ name: '.wh.a/../../b' }]),
    harmless('of a name that begins as a whiteout', {}, [{ name: '.wh..wh.a' }]),
    ...['.wh..wh.plnk', '.wh..wh.aufs', '.wh..wh.orph', '.wh..wh.', '.wh..wh..opq.evil', '.wh..wh..opqq'].map((name) =>
      harmless(`${name} of AUFS`, {}, [{ name }]),
    ),
    harmless('files in the bookkeeping of AUFS', { '.wh..wh.plnk': 'dir', '.wh..wh.plnk/1': 'file "x"' }, [
      { name: '.wh..wh.plnk/1', content: 'x' },
    ]),
    ...(
      [
        ['a directory', '5'],
        ['a symlink', '2'],
        ['a hardlink', '1'],
        ['a character device', '3'],
        ['a FIFO', '6'],
      ] as const
    ).map(([what, type]) =>
      harmless(`whose entry is ${what}`, { a: 'whiteout' }, [
        { name: '.wh.a', type, ...(/[12]/.test(type) ? { link: '/etc' } : {}) },
      ]),
    ),
    harmless('with content', { a: 'whiteout', b: 'file "x"' }, [
      { name: '.wh.a', content: 'y'.repeat(700) },
      { name: 'b', content: 'x' },
    ]),
    harmless('with setuid, an owner and extended attributes', { a: 'whiteout' }, [
      { name: '.wh.a', mode: 0o6777, uid: 5, pax: { 'SCHILY.xattr.user.note': 'x' } },
    ]),
    harmless('of a file of the same layer, before it', { a: 'file "x"' }, [
      { name: '.wh.a' },
      { name: 'a', content: 'x' },
    ]),
    harmless('of a file of the same layer, after it', { a: 'file "x"' }, [
      { name: 'a', content: 'x' },
      { name: '.wh.a' },
    ]),
    harmless('of a directory of the same layer, before it', { a: 'dir opaque', 'a/b': 'file "x"' }, [
      { name: '.wh.a' },
      { name: 'a/b', content: 'x' },
    ]),
    harmless('of a directory of the same layer, after it', { a: 'dir opaque', 'a/b': 'file "x"' }, [
      { name: 'a/b', content: 'x' },
      { name: '.wh.a' },
    ]),
    harmless('of a link of the same layer to the outside', { a: '-> /etc' }, [
      { name: 'a', type: '2', link: '/etc' },
      { name: '.wh.a' },
    ]),
    harmless('twice', { a: 'whiteout' }, [{ name: '.wh.a' }, { name: '.wh.a' }]),
    harmless('below a whiteout', { a: 'dir opaque', 'a/b': 'whiteout' }, [{ name: '.wh.a' }, { name: 'a/.wh.b' }]),
    refused('below a file', 'LAYER_ENTRY_INVALID', [{ name: 'a', content: 'x' }, { name: 'a/.wh.b' }]),
    harmless('in directories that are not there', { a: 'dir', 'a/b': 'dir', 'a/b/c': 'whiteout' }, [
      { name: 'a/b/.wh.c' },
    ]),
    harmless('of the mount points of the kernel', { dev: 'whiteout', proc: 'whiteout', sys: 'whiteout' }, [
      { name: '.wh.dev' },
      { name: '.wh.proc' },
      { name: '.wh.sys' },
    ]),
    harmless('of a name of 251 bytes', { ['n'.repeat(251)]: 'whiteout' }, [
      { name: 'x', pax: { path: `.wh.${'n'.repeat(251)}` } },
    ]),
    refused('of a name of 252 bytes', 'LAYER_PATH_INVALID', [{ name: 'x', pax: { path: `.wh.${'n'.repeat(252)}` } }]),
    harmless('of a name with a newline and an escape', { 'a\n\x1b[31m': 'whiteout' }, [{ name: '.wh.a\n\x1b[31m' }]),
    harmless('in other letters', { '.WH.a': 'file ""' }, [{ name: '.WH.a' }]),
    harmless('in the middle of a name', { 'a.wh.b': 'file ""' }, [{ name: 'a.wh.b' }]),
    ...Object.entries(CARRIERS)
      .filter(([carrier]) => !carrier.includes('prefix'))
      .map(([carrier, write]) =>
        harmless(`carried by ${carrier}`, { a: 'whiteout' }, archive([write({ name: '.wh.a' })])),
      ),
    harmless('an opaque mark in a directory', { a: 'dir opaque' }, [
      { name: 'a/', type: '5' },
      { name: 'a/.wh..wh..opq' },
    ]),
    harmless('an opaque mark before its directory', { a: 'dir opaque mode 700' }, [
      { name: 'a/.wh..wh..opq' },
      { name: 'a/', type: '5', mode: 0o700 },
    ]),
    refused('an opaque mark in a file', 'LAYER_ENTRY_INVALID', [
      { name: 'a', content: 'x' },
      { name: 'a/.wh..wh..opq' },
    ]),
    refused('an opaque mark in a link to a directory', 'LAYER_ENTRY_INVALID', [
      { name: 'd/', type: '5' },
      { name: 'a', type: '2', link: 'd' },
      { name: 'a/.wh..wh..opq' },
    ]),
    harmless('an opaque mark in a whiteout', { a: 'dir opaque' }, [{ name: '.wh.a' }, { name: 'a/.wh..wh..opq' }]),
    harmless('an opaque mark that is a directory', { a: 'dir opaque' }, [{ name: 'a/.wh..wh..opq/', type: '5' }]),
    harmless('an opaque mark that is a link to the outside', { a: 'dir opaque' }, [
      { name: 'a/.wh..wh..opq', type: '2', link: '/etc' },
    ]),
    harmless('a file below an opaque mark', { a: 'dir', 'a/.wh..wh..opq': 'dir', 'a/.wh..wh..opq/b': 'file "x"' }, [
      { name: 'a/.wh..wh..opq/b', content: 'x' },
    ]),
    harmless('an opaque mark on the root, in two spellings', {}, [
      { name: '.wh..wh..opq' },
      { name: '/./.wh..wh..opq' },
    ]),
    harmless('a device 0/0, which overlayfs would take for one', {}, [{ name: 'a', type: '3' }]),
  ],
};

/** What may be at a path, and what is made there after something else was. */
const KINDS: Readonly<Record<string, { readonly entries: readonly TarSpec[]; readonly left: Record<string, string> }>> =
  {
    'a file': { entries: [{ name: 'p', content: 'f' }], left: { p: 'file "f"' } },
    'a full directory': {
      entries: [
        { name: 'p', type: '5' },
        { name: 'p/in', content: 'd' },
      ],
      left: { p: 'dir', 'p/in': 'file "d"' },
    },
    'an empty directory': { entries: [{ name: 'p', type: '5', mode: 0o700 }], left: { p: 'dir mode 700' } },
    'a symlink': { entries: [{ name: 'p', type: '2', link: '/etc' }], left: { p: '-> /etc' } },
    'a hardlink': { entries: [hard('p', 'base')], left: { base: 'file "b"', p: 'hardlink of base' } },
    'a device': { entries: [{ name: 'p', type: '3' }], left: {} },
  };

/** What is left when the second is not simply what counts. */
const EXCEPTIONS: Readonly<Record<string, Record<string, string> | 'refused'>> = {
  'a full directory > an empty directory': { p: 'dir mode 700', 'p/in': 'file "d"' },
  'a file > a full directory': { p: 'dir', 'p/in': 'file "d"' },
};

export const typeChanges: Family = {
  title: 'One path as several things',
  what: 'The later entry replaces the earlier one with all that was in it; only directories are merged.',
  images: Object.entries(KINDS).flatMap(([before, first]) =>
    Object.entries(KINDS)
      .filter(([after]) => after !== before)
      .map(([after, second]) => {
        const left = EXCEPTIONS[`${before} > ${after}`] ?? second.left;
        return harmless(`${before} becomes ${after}`, { base: 'file "b"', ...(left === 'refused' ? {} : left) }, [
          { name: 'base', content: 'b' },
          ...first.entries,
          ...second.entries,
        ]);
      }),
  ),
};

export const duplicates: Family = {
  title: 'Names twice, and names that differ in little',
  what: 'Paths are bytes: what differs in a byte is another file, in letter case and Unicode forms too. What is spelt in two ways but is one path is one file, and the later entry counts.',
  images: [
    harmless('a file twice', { f: 'file "two"' }, [
      { name: 'f', content: 'one' },
      { name: 'f', content: 'two' },
    ]),
    harmless('a file in five spellings', { f: 'file "5"' }, [
      { name: 'f', content: '1' },
      { name: './f', content: '2' },
      { name: '/f', content: '3' },
      { name: './/./f', content: '4' },
      { name: '//f', content: '5' },
    ]),
    harmless('a file and a file with a slash after it, which is a directory', { f: 'dir mode 644' }, [
      { name: 'f', content: '1' },
      { name: 'f/', content: '' },
    ]),
    harmless('two letter cases', { A: 'file "1"', a: 'file "2"' }, [
      { name: 'A', content: '1' },
      { name: 'a', content: '2' },
    ]),
    harmless(
      'two letter cases of a directory, one a link to the outside',
      { D: '-> /etc', d: 'dir', 'd/f': 'file "x"' },
      [
        { name: 'D', type: '2', link: '/etc' },
        { name: 'd/f', content: 'x' },
      ],
    ),
    harmless('two Unicode forms', { 'e\xcc\x81': 'file "2"', '\xc3\xa9': 'file "1"' }, [
      { name: '\xc3\xa9', content: '1' },
      { name: 'e\xcc\x81', content: '2' },
    ]),
    harmless('a letter that looks the same', { '\xd0\xb0': 'file "2"', a: 'file "1"' }, [
      { name: 'a', content: '1' },
      { name: '\xd0\xb0', content: '2' },
    ]),
    harmless(
      'with a dot, a blank and a colon after it',
      { f: 'file "1"', 'f ': 'file "3"', 'f.': 'file "2"', 'f:stream': 'file "4"' },
      [
        { name: 'f', content: '1' },
        { name: 'f.', content: '2' },
        { name: 'f ', content: '3' },
        { name: 'f:stream', content: '4' },
      ],
    ),
    harmless('names of other systems', { AUX: 'file "1"', CON: 'file "2"', 'a\\b': 'file "3"' }, [
      { name: 'CON', content: '2' },
      { name: 'AUX', content: '1' },
      { name: 'a\\b', content: '3' },
    ]),
    harmless('with characters of no width', { f: 'file "1"', 'f\xe2\x80\x8b': 'file "2"' }, [
      { name: 'f', content: '1' },
      { name: 'f\xe2\x80\x8b', content: '2' },
    ]),
    harmless('a directory three times, with the last mode', { d: 'dir mode 711', 'd/f': 'file "x"' }, [
      { name: 'd/', type: '5', mode: 0o777 },
      { name: 'd/f', content: 'x' },
      { name: 'd', type: '5', mode: 0o700 },
      { name: './d/.', type: '5', mode: 0o711 },
    ]),
    harmless('the root, three times', {}, [
      { name: './', type: '5', mode: 0o777 },
      { name: '/', type: '5', mode: 0o700 },
      { name: '.', type: '5', mode: 0o755 },
    ]),
    harmless('a setuid file and then the same without', { f: 'file "x"' }, [
      { name: 'f', content: 'x', mode: 0o4755 },
      { name: 'f', content: 'x' },
    ]),
  ],
};
