import type { TarSpec } from '../../tar/tar-writer.test-support.ts';
import type { Family } from '../hostile-image.test-support.ts';
import { archive, CARRIERS, harmless, refused } from '../raw-tar.test-support.ts';

/** Entries of every type at one path. */
const TYPES: Readonly<Record<string, Partial<TarSpec>>> = {
  'a directory': { type: '5' },
  'a symlink': { type: '2', link: 'x' },
  'a hardlink': { type: '1', link: 'x' },
  'a character device': { type: '3' },
  'a FIFO': { type: '6' },
  'a file of v7 tar': { type: '\0', content: 'x' },
  'a contiguous file': { type: '7', content: 'x' },
};

const CLIMBING = [
  './../evil',
  '/../evil',
  'a/../../evil',
  'a/b/c/../../../../evil',
  'a/../evil',
  '..',
  '../',
  'a/..',
  '//..//evil',
  '../../../../../../../../../../../../tmp/evil',
  '.././.././evil',
];

const LOOK_ALIKES: readonly (readonly [name: string, tree: Record<string, string>])[] = [
  ['..evil', { '..evil': 'file "x"' }],
  ['.../evil', { '...': 'dir', '.../evil': 'file "x"' }],
  ['....//evil', { '....': 'dir', '..../evil': 'file "x"' }],
  ['.. /evil', { '.. ': 'dir', '.. /evil': 'file "x"' }],
  ['..\\..\\evil', { '..\\..\\evil': 'file "x"' }],
  ['C:\\evil', { 'C:\\evil': 'file "x"' }],
  ['%2e%2e/evil', { '%2e%2e': 'dir', '%2e%2e/evil': 'file "x"' }],
  ['..%2fevil', { '..%2fevil': 'file "x"' }],
  ['\xc0\xae\xc0\xae/evil', { '\xc0\xae\xc0\xae': 'dir', '\xc0\xae\xc0\xae/evil': 'file "x"' }],
  ['..\xc0\xafevil', { '..\xc0\xafevil': 'file "x"' }],
  ['..\xef\xbc\x8fevil', { '..\xef\xbc\x8fevil': 'file "x"' }],
  ['~/evil', { '~': 'dir', '~/evil': 'file "x"' }],
];

const below = (path: string, leaf: string): Record<string, string> => {
  const parts = path.split('/').filter((part) => part !== '');
  const tree: Record<string, string> = {};
  for (let i = 1; i < parts.length; i += 1) tree[parts.slice(0, i).join('/')] = 'dir';
  tree[parts.join('/')] = leaf;
  return tree;
};

export const climbingPaths: Family = {
  title: 'Paths that climb with `..`',
  what: 'Refused, wherever `..` stands, whatever the entry is and whatever part of the archive carries the name. Names that only look like `..` are names.',
  images: [
    ...CLIMBING.map((name) => refused(`a file named ${name}`, 'LAYER_PATH_INVALID', [{ name, content: 'x' }])),
    ...Object.entries(TYPES).map(([what, spec]) =>
      refused(`${what} named ../evil`, 'LAYER_PATH_INVALID', [{ ...spec, name: '../evil' }]),
    ),
    ...Object.entries(CARRIERS).map(([carrier, write]) =>
      refused(
        `../evil carried by ${carrier}`,
        'LAYER_PATH_INVALID',
        archive([write({ name: '../evil', content: 'x' })]),
      ),
    ),
    refused('a whiteout of a name beside the root', 'LAYER_PATH_INVALID', [{ name: '../.wh.evil' }]),
    refused('an opaque mark beside the root', 'LAYER_PATH_INVALID', [{ name: '../.wh..wh..opq' }]),
    refused('.. in the middle of a whiteout', 'LAYER_PATH_INVALID', [{ name: 'a/../.wh.evil' }]),
    refused('.. behind a symlink of the layer', 'LAYER_PATH_INVALID', [
      { name: 'a/b/', type: '5' },
      { name: 'l', type: '2', link: 'a/b' },
      { name: 'l/../evil', content: 'x' },
    ]),
    ...LOOK_ALIKES.map(([name, tree]) =>
      harmless(`a file named ${JSON.stringify(name)}`, tree, [{ name, content: 'x' }]),
    ),
  ],
};

export const absolutePaths: Family = {
  title: 'Absolute paths',
  what: "A leading `/` is the layer's own root, as with Docker: what would be written to the host is written into the layer.",
  images: [
    ...['/evil', '//evil', '/./evil', '/././/evil', '/.//.//evil'].map((name) =>
      harmless(`a file named ${name}`, { evil: 'file "x"' }, [{ name, content: 'x' }]),
    ),
    harmless('the password file of the host', below('/etc/passwd', 'file "root::0:0"'), [
      { name: '/etc/passwd', content: 'root::0:0' },
    ]),
    ...Object.entries(CARRIERS).map(([carrier, write]) =>
      harmless(
        `/etc/cron.d/evil carried by ${carrier}`,
        below('/etc/cron.d/evil', 'file "x"'),
        archive([write({ name: '/etc/cron.d/evil', content: 'x' })]),
      ),
    ),
    harmless('a directory of the host with another mode', below('/etc', 'dir mode 777'), [
      { name: '/etc', type: '5', mode: 0o777 },
    ]),
    harmless('a symlink in place of a directory of the host', below('/etc', '-> /evil'), [
      { name: '/etc', type: '2', link: '/evil' },
    ]),
    harmless('a whiteout of a directory of the host', { etc: 'whiteout' }, [{ name: '/.wh.etc' }]),
    harmless('an opaque mark on a directory of the host', { etc: 'dir opaque' }, [{ name: '/etc/.wh..wh..opq' }]),
    harmless('a device in a directory of the host', {}, [{ name: '/dev/sda', type: '4' }]),
    {
      ...harmless('the very path of a file outside', {}, ({ outside }) => [
        { name: `${outside}/victim`, content: 'overwritten' },
      ]),
      expect: { left: ({ outside }) => [below(`${outside}/victim`, 'file "overwritten"')] },
    },
    harmless('the file system that tells of the process', below('/proc/self/mem', 'file "x"'), [
      { name: '/proc/self/mem', content: 'x' },
    ]),
    harmless('the trigger of the kernel', below('/proc/sysrq-trigger', 'file "b"'), [
      { name: '/proc/sysrq-trigger', content: 'b' },
    ]),
    harmless(
      'the program that the kernel starts for core dumps',
      below('/proc/sys/kernel/core_pattern', 'file "|/evil"'),
      [{ name: '/proc/sys/kernel/core_pattern', content: '|/evil' }],
    ),
  ],
};
