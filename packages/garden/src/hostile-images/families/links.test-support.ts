import type { TarSpec } from '../../tar/tar-writer.test-support.ts';
import type { Family, HostileLayers } from '../hostile-image.test-support.ts';
import { harmless, packed, refused } from '../raw-tar.test-support.ts';

const link = (name: string, target: string): TarSpec => ({ name, type: '2', link: target });
const hard = (name: string, target: string): TarSpec => ({ name, type: '1', link: target });

/** Where a symlink `l` may lead, with what has to be there for it, and what the layer then has beside `l`. */
const DEAD_ENDS: Readonly<Record<string, readonly TarSpec[]>> = {
  'a directory of the host': [link('l', '/etc')],
  'a directory of the host by ..': [link('l', '../../../../../../../../etc')],
  "the host's root by /proc": [link('l', '/proc/self/root/etc')],
  "the starter's root by /proc": [link('l', '/proc/1/root')],
  'the working directory by /proc': [link('l', '/proc/self/cwd')],
  'a descriptor of the process': [link('l', '/proc/self/fd/0')],
  'the host over two links': [link('m', '/etc'), link('l', 'm')],
  itself: [link('l', 'l')],
  'a ring of links': [link('l', 'm'), link('m', 'n'), link('n', 'l')],
  'a chain of 50 links': [
    { name: 'd/', type: '5' },
    ...Array.from({ length: 50 }, (_, i) => link(`n${i}`, i === 0 ? 'd' : `n${i - 1}`)),
    link('l', 'n49'),
  ],
  'a file of the layer': [{ name: 'f', content: 'mine' }, link('l', 'f')],
};

/** What is put below `l`. */
const BELOW: Readonly<Record<string, Partial<TarSpec> & { readonly name: string }>> = {
  'a file': { name: 'l/evil', content: 'x' },
  'a directory': { name: 'l/evil', type: '5' },
  'a symlink': { name: 'l/evil', type: '2', link: '/' },
  'a whiteout': { name: 'l/.wh.passwd' },
  'an opaque mark': { name: 'l/.wh..wh..opq' },
};

export const symlinks: Family = {
  title: 'Symlinks out of the layer',
  what: 'Made verbatim and never followed out: while unpacking, the layer is the root of the file system, so that a link which leads out leads nowhere.',
  images: [
    ...[
      '/',
      '/etc/passwd',
      '..',
      '../../../../../..',
      '/proc/self/root',
      '/proc/1/root/etc/shadow',
      '/proc/self/fd/3',
      '/dev/mem',
      '/dev/stdin',
      '.',
    ].map((target) => harmless(`a link to ${target}`, { l: `-> ${target}` }, [link('l', target)])),
    harmless('a link whose target is 4,095 bytes', { l: '-> 4095 bytes' }, [
      { name: 'l', type: '2', link: 'x', pax: { linkpath: `${'y/'.repeat(2047)}y` } },
    ]),
    refused('a link whose target is 4,096 bytes', 'LAYER_ENTRY_INVALID', [
      { name: 'l', type: '2', link: 'x', pax: { linkpath: 'y/'.repeat(2048) } },
    ]),
    refused('a link to nothing', 'LAYER_ENTRY_INVALID', [link('l', '')]),
    harmless('a link to bytes that are no text', { l: '-> \xff\xfe\x01' }, [link('l', '\xff\xfe\x01')]),
    harmless('a link with the content of a file', { l: '-> x' }, [{ name: 'l', type: '2', link: 'x', size: 0 }]),
    refused('a link in place of the root', 'LAYER_ENTRY_INVALID', [link('./', '/etc')]),
    refused('a link in place of the root, named /', 'LAYER_ENTRY_INVALID', [link('/', '/etc')]),
  ],
};

export const behindSymlinks: Family = {
  title: 'Entries behind symlinks',
  what: 'What lies behind a link is looked up by the kernel with the layer as root. A link to a directory of the layer is followed, as by Docker; one that leads out, round, or to no directory has the entry refused.',
  images: [
    ...Object.entries(DEAD_ENDS).flatMap(([where, links]) =>
      Object.entries(BELOW).map(([what, entry]) =>
        refused(`${what} behind a link to ${where}`, 'LAYER_ENTRY_INVALID', [...links, entry]),
      ),
    ),
    harmless('a device behind a link to a directory of the host', { l: '-> /etc' }, [
      link('l', '/etc'),
      { name: 'l/evil', type: '3' },
    ]),
    refused('a hardlink behind a link to a directory of the host', 'LAYER_ENTRY_INVALID', [
      { name: 'f', content: 'mine' },
      link('l', '/etc'),
      hard('l/evil', 'f'),
    ]),
    harmless('a file behind a link to /', { l: '-> /', evil: 'file "x"' }, [
      link('l', '/'),
      { name: 'l/evil', content: 'x' },
    ]),
    harmless('a file behind a link to ..', { l: '-> ..', evil: 'file "x"' }, [
      link('l', '..'),
      { name: 'l/evil', content: 'x' },
    ]),
    harmless(
      'a file behind many .. and a directory of the layer',
      { d: 'dir', 'd/evil': 'file "x"', l: '-> ../../../../d' },
      [{ name: 'd/', type: '5' }, link('l', '../../../../d'), { name: 'l/evil', content: 'x' }],
    ),
    harmless('a whiteout behind a link to a directory of the layer', { d: 'dir', 'd/evil': 'whiteout', l: '-> /d' }, [
      { name: 'd/', type: '5' },
      link('l', '/d'),
      { name: 'l/.wh.evil' },
    ]),
    harmless(
      'a file behind 39 links',
      {
        d: 'dir',
        'd/evil': 'file "x"',
        ...Object.fromEntries(Array.from({ length: 39 }, (_, i) => [`n${i}`, i === 0 ? '-> d' : `-> n${i - 1}`])),
      },
      [
        { name: 'd/', type: '5' },
        ...Array.from({ length: 39 }, (_, i) => link(`n${i}`, i === 0 ? 'd' : `n${i - 1}`)),
        { name: 'n38/evil', content: 'x' },
      ],
    ),
    refused('the very file outside, behind a link', 'LAYER_ENTRY_INVALID', ({ outside }) => [
      link('l', outside),
      { name: 'l/victim', content: 'overwritten' },
    ]),
    refused('the very file outside, behind .. as deep as any path', 'LAYER_ENTRY_INVALID', ({ outside }) => [
      { ...link('l', ''), pax: { linkpath: `${'../'.repeat(40)}${outside.slice(1)}` } },
      { name: 'l/victim', content: 'overwritten' },
    ]),
    refused('a whiteout of the very file outside', 'LAYER_ENTRY_INVALID', ({ outside }) => [
      link('l', outside),
      { name: 'l/.wh.victim' },
    ]),
    harmless('a directory that is a link now has its mode set', { l: 'dir mode 777' }, [
      link('l', '/etc'),
      { name: 'l', type: '5', mode: 0o777 },
    ]),
    harmless('a file that is a link to the outside is written', { l: 'file "x"' }, [
      link('l', '/etc/passwd'),
      { name: 'l', content: 'x' },
    ]),
  ],
};

export const replacedParents: Family = {
  title: 'Parents replaced on the way',
  what: 'A later entry replaces an earlier one with all that is below it. What comes after is looked up anew: no earlier look counts.',
  images: [
    refused('a directory becomes a link to the outside, then gets a file', 'LAYER_ENTRY_INVALID', [
      { name: 'd/', type: '5' },
      { name: 'd/f', content: 'x' },
      link('d', '/etc'),
      { name: 'd/evil', content: 'x' },
    ]),
    refused('a grandparent becomes a link to the outside', 'LAYER_ENTRY_INVALID', [
      { name: 'a/b/c', content: 'x' },
      link('a', '/etc'),
      { name: 'a/b/evil', content: 'x' },
    ]),
    harmless('a directory becomes a link to another, then gets a file', { b: 'dir', 'b/evil': 'file "x"', d: '-> b' }, [
      { name: 'b/', type: '5' },
      { name: 'd/old', content: 'x' },
      link('d', 'b'),
      { name: 'd/evil', content: 'x' },
    ]),
    harmless('a link to the outside becomes a directory, then gets a file', { d: 'dir', 'd/f': 'file "x"' }, [
      link('d', '/etc'),
      { name: 'd/', type: '5' },
      { name: 'd/f', content: 'x' },
    ]),
    refused('a file becomes a link, and a file below it', 'LAYER_ENTRY_INVALID', [
      { name: 'd', content: 'x' },
      link('d', '/etc'),
      { name: 'd/evil', content: 'x' },
    ]),
    refused('a link changes its target twice', 'LAYER_ENTRY_INVALID', [
      { name: 'b/', type: '5' },
      link('d', 'b'),
      { name: 'd/f', content: 'x' },
      link('d', '/etc'),
      { name: 'd/evil', content: 'x' },
    ]),
    refused('the parent of a link is replaced, so that it leads elsewhere', 'LAYER_ENTRY_INVALID', [
      { name: 'a/t/', type: '5' },
      link('l', 'a/t'),
      { name: 'l/f', content: 'x' },
      link('a', '/'),
      { name: 'l/evil', content: 'x' },
    ]),
    harmless('a whiteout becomes a directory, then gets a file', { d: 'dir opaque', 'd/f': 'file "x"' }, [
      { name: '.wh.d' },
      { name: 'd/f', content: 'x' },
    ]),
    refused('a file becomes the parent of another', 'LAYER_ENTRY_INVALID', [
      { name: 'd', content: 'x' },
      { name: 'd/evil', content: 'x' },
    ]),
    refused('a file becomes the parent of a directory', 'LAYER_ENTRY_INVALID', [
      { name: 'd', content: 'x' },
      { name: 'd/e', type: '5' },
    ]),
    harmless('a directory with times becomes a link: the times are not set through it', { d: '-> /etc', e: 'dir' }, [
      { name: 'e/', type: '5', mtime: 5 },
      { name: 'd/', type: '5', mtime: 7 },
      link('d', '/etc'),
    ]),
    harmless('a directory with times below a link: set inside of the layer', { b: 'dir', 'b/x': 'dir', d: '-> b' }, [
      { name: 'b/', type: '5' },
      link('d', 'b'),
      { name: 'd/x', type: '5', mtime: 7 },
    ]),
  ],
};

export const hardlinks: Family = {
  title: 'Hardlinks',
  what: 'Only to a file or symlink that is earlier in the same layer. A link to a symlink is a link to the symlink itself and not to where that leads.',
  images: [
    ...['../victim', '../../etc/passwd', 'a/../../etc/passwd', '/../etc/passwd'].map((target) =>
      refused(`to ${target}`, 'LAYER_PATH_INVALID', [hard('h', target)]),
    ),
    ...['/etc/passwd', 'etc/shadow', '/proc/self/exe', '/dev/sda', 'nowhere', 'h/below'].map((target) =>
      refused(`to ${target}, which is not in the layer`, 'LAYER_ENTRY_INVALID', [hard('h', target)]),
    ),
    refused('to the very file outside', 'LAYER_ENTRY_INVALID', ({ outside }) => [hard('h', `${outside}/victim`)]),
    refused('to a file of the host through a link', 'LAYER_ENTRY_INVALID', [
      link('etc', '/etc'),
      hard('h', 'etc/passwd'),
    ]),
    refused('to the very file outside through a link', 'LAYER_ENTRY_INVALID', ({ outside }) => [
      link('o', outside),
      hard('h', 'o/victim'),
    ]),
    refused('to a file of the host through two links', 'LAYER_ENTRY_INVALID', [
      link('a', '..'),
      link('b', 'a/../etc'),
      hard('h', 'b/passwd'),
    ]),
    refused('to itself before it is there', 'LAYER_ENTRY_INVALID', [hard('h', 'h')]),
    harmless('to itself when it is there', { h: 'file "x"' }, [{ name: 'h', content: 'x' }, hard('h', './h')]),
    refused('to what comes later', 'LAYER_ENTRY_INVALID', [hard('h', 'f'), { name: 'f', content: 'x' }]),
    refused('to a directory', 'LAYER_ENTRY_INVALID', [{ name: 'd/', type: '5' }, hard('h', 'd')]),
    refused('to the root', 'LAYER_ENTRY_INVALID', [hard('h', '/')]),
    refused('to the root, as .', 'LAYER_ENTRY_INVALID', [hard('h', '.')]),
    refused('to no name', 'LAYER_PATH_INVALID', [hard('h', '')]),
    refused('to a whiteout', 'LAYER_ENTRY_INVALID', [{ name: '.wh.f' }, hard('h', 'f')]),
    refused("to a whiteout by its archive's name", 'LAYER_ENTRY_INVALID', [{ name: '.wh.f' }, hard('h', '.wh.f')]),
    refused('to a file that was replaced by a directory', 'LAYER_ENTRY_INVALID', [
      { name: 'f', content: 'x' },
      { name: 'f', type: '5' },
      hard('h', 'f'),
    ]),
    harmless('to a symlink that leads out, which is then written to', { h: 'file "x"', l: '-> /etc/passwd' }, [
      link('l', '/etc/passwd'),
      hard('h', 'l'),
      { name: 'h', content: 'x' },
    ]),
    harmless('to a symlink that leads out', { h: '-> /etc/passwd', l: 'hardlink of h' }, [
      link('l', '/etc/passwd'),
      hard('h', 'l'),
    ]),
    refused('to a symlink that leads out, which then has a file below it', 'LAYER_ENTRY_INVALID', [
      link('l', '/etc'),
      hard('h', 'l'),
      { name: 'h/evil', content: 'x' },
    ]),
    harmless('of which one end is written later: the other keeps its content', { f: 'file "two"', h: 'file "one"' }, [
      { name: 'f', content: 'one' },
      hard('h', 'f'),
      { name: 'f', content: 'two' },
    ]),
    harmless(
      'whose own mode and owner would change the file',
      { f: 'file "x" mode 600 owner 5:5', h: 'hardlink of f' },
      [
        { name: 'f', content: 'x', mode: 0o600, uid: 5, gid: 5 },
        { ...hard('h', 'f'), mode: 0o6777, uid: 0, gid: 0 },
      ],
    ),
    harmless('whose extended attributes would change the file', { f: 'file "x"', h: 'hardlink of f' }, [
      { name: 'f', content: 'x' },
      { ...hard('h', 'f'), pax: { 'SCHILY.xattr.user.note': 'x' } },
    ]),
    refused('with content, which is then read as a header', 'LAYER_TAR_INVALID', [
      { name: 'f', content: 'x' },
      { ...hard('h', 'f'), content: 'y'.repeat(512) },
    ]),
    harmless(
      'a thousand to one file',
      {
        f: 'file "x"',
        ...Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`h${i}`, 'hardlink of f'])),
      },
      [{ name: 'f', content: 'x' }, ...Array.from({ length: 1000 }, (_, i) => hard(`h${i}`, 'f'))],
    ),
    refused('whose target has a name of 256 bytes', 'LAYER_PATH_INVALID', [
      { ...hard('h', 'x'), pax: { linkpath: 'y'.repeat(256) } },
    ]),
    refused('whose target has 4,096 bytes', 'LAYER_LIMIT_EXCEEDED', [
      { ...hard('h', 'x'), pax: { linkpath: 'y/'.repeat(2048) } },
    ]),
    refused('whose target has a NUL in it', 'LAYER_TAR_INVALID', [
      { ...hard('h', 'x'), pax: { linkpath: 'f\0../evil' } },
    ]),
  ],
};

/** Several layers, lowest first, each with what is left of it. */
function stacked(
  name: string,
  layers: readonly (readonly [entries: readonly TarSpec[], left: Record<string, string>])[],
): HostileLayers {
  const images = layers.map(([entries, left]) => harmless(name, left, entries));
  return packed(name, { left: layers.map(([, left]) => left) }, () =>
    images.flatMap((image) => image.layers({ outside: '' })),
  );
}

export const acrossLayers: Family = {
  title: 'Across layers',
  what: 'Each layer is unpacked with only itself as root, so that no link of a layer below is there to be followed. overlayfs puts them together: what an upper layer has replaces what a lower one has.',
  images: [
    stacked('a link to the outside below, a file behind it above', [
      [[link('d', '/etc')], { d: '-> /etc' }],
      [[{ name: 'd/evil', content: 'x' }], { d: 'dir', 'd/evil': 'file "x"' }],
    ]),
    stacked('a link by .. below, a file behind it above', [
      [[link('d', '../../../../etc')], { d: '-> ../../../../etc' }],
      [[{ name: 'd/evil', content: 'y' }], { d: 'dir', 'd/evil': 'file "y"' }],
    ]),
    stacked('a link to the outside below, a whiteout behind it above', [
      [[link('w', '/etc')], { w: '-> /etc' }],
      [[{ name: 'w/.wh.passwd' }], { w: 'dir', 'w/passwd': 'whiteout' }],
    ]),
    stacked('a link to the outside below, an opaque mark behind it above', [
      [[link('o', '/etc')], { o: '-> /etc' }],
      [[{ name: 'o/.wh..wh..opq' }], { o: 'dir opaque' }],
    ]),
    stacked('a link below, a directory of the same name with another mode above', [
      [[link('m', '/root')], { m: '-> /root' }],
      [[{ name: 'm', type: '5', mode: 0o777 }], { m: 'dir mode 777' }],
    ]),
    stacked('a link below, a device behind it above', [
      [[link('v', '/dev')], { v: '-> /dev' }],
      [[{ name: 'v/sda', type: '4' }], {}],
    ]),
    stacked('links in three layers that lead to one another', [
      [[link('x', 'y')], { x: '-> y' }],
      [[link('y', 'z')], { y: '-> z' }],
      [[link('z', '/etc'), { name: 'q', content: 'x' }], { q: 'file "x"', z: '-> /etc' }],
    ]),
    stacked('a whiteout below of what a layer above has', [
      [[{ name: '.wh.n' }], { n: 'whiteout' }],
      [[{ name: 'n', content: 'x' }], { n: 'file "x"' }],
    ]),
    stacked('an opaque root in the middle', [
      [[{ name: 'low', content: 'x' }], { low: 'file "x"' }],
      [[{ name: '.wh..wh..opq' }, { name: 'mid', content: 'x' }], { mid: 'file "x"' }],
      [[{ name: 'top', content: 'x' }], { top: 'file "x"' }],
    ]),
    stacked('one layer three times', [
      [[{ name: 'again', content: 'x' }], { again: 'file "x"' }],
      [[{ name: 'again', content: 'x' }], { again: 'file "x"' }],
      [[{ name: 'again', content: 'x' }], { again: 'file "x"' }],
    ]),
    packed('a hardlink above to a file below', { refused: 'LAYER_ENTRY_INVALID' }, () => [
      ...harmless('', {}, [{ name: 'f', content: 'below' }]).layers({ outside: '' }),
      ...refused('', 'LAYER_ENTRY_INVALID', [hard('h', 'f')]).layers({ outside: '' }),
    ]),
    packed('a hardlink above through a link below', { refused: 'LAYER_ENTRY_INVALID' }, () => [
      ...harmless('', {}, [link('deep', '/etc')]).layers({ outside: '' }),
      ...refused('', 'LAYER_ENTRY_INVALID', [hard('h', 'deep/passwd')]).layers({ outside: '' }),
    ]),
    packed('one good layer and one that is refused', { refused: 'LAYER_PATH_INVALID' }, () => [
      ...harmless('', {}, [{ name: 'good', content: 'x' }]).layers({ outside: '' }),
      ...refused('', 'LAYER_PATH_INVALID', [{ name: '../bad', content: 'x' }]).layers({ outside: '' }),
    ]),
  ],
};
