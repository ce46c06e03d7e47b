import type { TarSpec } from '../../tar/tar-writer.test-support.ts';
import type { Family } from '../hostile-image.test-support.ts';
import {
  archive,
  base256,
  extended,
  FIELDS,
  type FieldName,
  harmless,
  header,
  refused,
} from '../raw-tar.test-support.ts';

const withXattr = (name: string, value: string, more: Partial<TarSpec> = {}): TarSpec => ({
  name: 'f',
  content: 'x',
  ...more,
  pax: { [`SCHILY.xattr.${name}`]: value },
});

const dropped = (what: string, name: string, value = 'y') =>
  harmless(what, { f: 'file "x"' }, [withXattr(name, value)]);

/** struct vfs_cap_data: revision and effective flag, two pairs of sets, and in revision 3 a root id. */
function capability(revision: number, words: readonly number[]): string {
  const bytes = Buffer.alloc(4 + words.length * 4);
  bytes.writeUInt32LE((revision << 24) | 1, 0);
  for (const [i, word] of words.entries()) bytes.writeUInt32LE(word, 4 + i * 4);
  return bytes.toString('latin1');
}

const REVISION_2 = capability(2, [0xffffffff, 0, 0xffffffff, 0]);

export const xattrs: Family = {
  title: 'Extended attributes',
  what: "Left out but for `user.*` and file capabilities of revision 2, which belong to the container's own namespace. `trusted.overlay.*` would be orders to the kernel of the cell.",
  images: [
    ...[
      'opaque',
      'whiteout',
      'redirect',
      'metacopy',
      'origin',
      'impure',
      'nlink',
      'upper',
      'uuid',
      'xattr.whiteouts',
      'protattr',
    ].map((name) => dropped(`trusted.overlay.${name}`, `trusted.overlay.${name}`, name === 'redirect' ? '/etc' : 'y')),
    ...['opaque', 'whiteout', 'redirect', 'metacopy', 'origin'].map((name) =>
      dropped(`user.overlay.${name}`, `user.overlay.${name}`, '/etc'),
    ),
    dropped('an escaped one for an overlay in an overlay', 'trusted.overlay.overlay.opaque'),
    dropped('trusted.* of others', 'trusted.md5sum', '0'),
    dropped('a label of SELinux', 'security.selinux', 'system_u:object_r:shadow_t:s0'),
    dropped('a label of Smack', 'security.SMACK64', '_'),
    dropped('a label of AppArmor', 'security.apparmor', 'unconfined'),
    dropped('a measurement of IMA', 'security.ima', '\x01'),
    dropped('a signature of EVM', 'security.evm', '\x02'),
    dropped('a POSIX ACL', 'system.posix_acl_access', '\x02\x00\x00\x00'),
    dropped('a default POSIX ACL', 'system.posix_acl_default', '\x02\x00\x00\x00'),
    dropped('a setting of btrfs', 'btrfs.compression', 'zstd'),
    dropped('a name of no namespace', 'note', 'x'),
    dropped('user. and nothing more', 'user.', 'x'),
    dropped('USER. in capitals', 'USER.note', 'x'),
    dropped('a name of 256 bytes', `user.${'n'.repeat(251)}`, 'x'),
    dropped('a value of 65,537 bytes', 'user.big', 'x'.repeat(65_537)),
    dropped('file capabilities of revision 1', 'security.capability', capability(1, [1, 0])),
    dropped(
      'file capabilities of revision 3, of the root of another namespace',
      'security.capability',
      capability(3, [1, 0, 0, 0, 0]),
    ),
    dropped('file capabilities of a revision to come', 'security.capability', capability(4, [1, 0, 0, 0])),
    dropped('file capabilities that are too short', 'security.capability', REVISION_2.slice(0, 19)),
    dropped('file capabilities that are too long', 'security.capability', `${REVISION_2}\0`),
    dropped('file capabilities of no bytes', 'security.capability', ''),
    dropped(
      'file capabilities of revision 2 as long as one of revision 3',
      'security.capability',
      `${REVISION_2}\0\0\0\0`,
    ),
    {
      ...harmless('file capabilities of revision 2, all of them', { f: 'file "x"' }, [
        withXattr('security.capability', REVISION_2),
      ]),
      expect: { left: [{ f: `file "x" security.capability=${JSON.stringify(REVISION_2)}` }] },
    },
    harmless('a user attribute of 255 bytes', { f: `file "x" user.${'n'.repeat(250)}="x"` }, [
      withXattr(`user.${'n'.repeat(250)}`, 'x'),
    ]),
    harmless('a value with a NUL and a newline', { f: 'file "x" user.note="a\\u0000b\\nc"' }, [
      withXattr('user.note', 'a\0b\nc'),
    ]),
    harmless('a name with = in it, which ends at the first', { f: 'file "x" user.a="b=c"' }, [
      withXattr('user.a', 'b=c'),
    ]),
    harmless('on a symlink, which has none', { f: '-> /etc' }, [
      withXattr('user.note', 'x', { type: '2', link: '/etc', content: '' }),
    ]),
    harmless('trusted.overlay.opaque on a directory', { f: 'dir' }, [
      withXattr('trusted.overlay.opaque', 'y', { type: '5', content: '' }),
    ]),
    harmless('trusted.overlay.redirect on a directory', { f: 'dir' }, [
      withXattr('trusted.overlay.redirect', '/../../etc', { type: '5', content: '' }),
    ]),
    harmless('a user attribute on a directory', { f: 'dir user.note="x"' }, [
      withXattr('user.note', 'x', { type: '5', content: '' }),
    ]),
    harmless('in the words of libarchive, which are not read', { f: 'file "x"' }, [
      { name: 'f', content: 'x', pax: { 'LIBARCHIVE.xattr.trusted.overlay.opaque': 'eQ==' } },
    ]),
    harmless('ACLs and labels in the words of star', { f: 'file "x"' }, [
      {
        name: 'f',
        content: 'x',
        pax: { 'SCHILY.acl.access': 'user::rwx', 'RHT.security.selinux': 'x', 'SCHILY.fflags': 'schg' },
      },
    ]),
    refused('a NUL in the name', 'LAYER_TAR_INVALID', [withXattr('user.note\0trusted.overlay.opaque', 'y')]),
    harmless(
      'a hundred on one file',
      {
        f: `file "x" ${Array.from({ length: 100 }, (_, i) => `user.n${String(i).padStart(2, '0')}="x"`).join(' ')}`,
      },
      [
        {
          name: 'f',
          content: 'x',
          pax: Object.fromEntries(
            Array.from({ length: 100 }, (_, i) => [`SCHILY.xattr.user.n${String(i).padStart(2, '0')}`, 'x']),
          ),
        },
      ],
    ),
  ],
};

const owned = (what: string, changes: Partial<TarSpec>, left: string) =>
  harmless(what, { f: left }, [{ name: 'f', content: 'x', ...changes }]);

export const owners: Family = {
  title: 'Owners and modes',
  what: 'Kept as they are, setuid too: a container has ids of its own, a `nosuid` root file system and no_new_privs. Ids that a container has not are told, and refused when one is made.',
  images: [
    owned('setuid of root', { mode: 0o4755 }, 'file "x" mode 4755'),
    owned('setgid of root', { mode: 0o2755 }, 'file "x" mode 2755'),
    owned('setuid, setgid, sticky and all else', { mode: 0o7777 }, 'file "x" mode 7777'),
    owned('setuid with an owner', { mode: 0o4755, uid: 1000, gid: 1000 }, 'file "x" mode 4755 owner 1000:1000'),
    owned('no mode', { mode: 0 }, 'file "x" mode 0'),
    harmless('a directory that nobody may enter, with a file in it', { d: 'dir mode 0', 'd/f': 'file "x"' }, [
      { name: 'd/', type: '5', mode: 0 },
      { name: 'd/f', content: 'x' },
    ]),
    harmless('a setgid directory', { d: 'dir mode 2777', 'd/f': 'file "x"' }, [
      { name: 'd/', type: '5', mode: 0o2777 },
      { name: 'd/f', content: 'x' },
    ]),
    harmless('a root that all may write', {}, [{ name: './', type: '5', mode: 0o777 }]),
    owned('uid 65,535', { uid: 65_535 }, 'file "x" owner 65535:0'),
    owned('uid 65,536', { uid: 65_536 }, 'file "x" owner 65536:0'),
    owned('uid 2^31', { pax: { uid: '2147483648' } }, 'file "x" owner 2147483648:0'),
    owned('uid 2^32-2', { pax: { uid: '4294967294' } }, 'file "x" owner 4294967294:0'),
    refused('uid 2^32-1, which means "leave as it is"', 'LAYER_ENTRY_INVALID', [
      { name: 'f', pax: { uid: '4294967295' } },
    ]),
    refused('gid 2^32-1', 'LAYER_ENTRY_INVALID', [{ name: 'f', pax: { gid: '4294967295' } }]),
    refused('uid 2^32, which is 0 in 32 bits', 'LAYER_ENTRY_INVALID', [{ name: 'f', pax: { uid: '4294967296' } }]),
    refused('gid 2^32', 'LAYER_ENTRY_INVALID', [{ name: 'f', pax: { gid: '4294967296' } }]),
    refused('uid -1', 'LAYER_TAR_INVALID', [{ name: 'f', pax: { uid: '-1' } }]),
    refused('a uid of 20 digits', 'LAYER_TAR_INVALID', [{ name: 'f', pax: { uid: '18446744073709551616' } }]),
    refused('a uid in hex', 'LAYER_TAR_INVALID', [{ name: 'f', pax: { uid: '0x0' } }]),
    refused('a uid with a fraction', 'LAYER_TAR_INVALID', [{ name: 'f', pax: { uid: '0.5' } }]),
    owned('a user name that says root', { uid: 1000, pax: { uname: 'root', gname: 'root' } }, 'file "x" owner 1000:0'),
    harmless(
      'a hundred ids above the ordinary',
      {
        ...Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`f${i}`, `file "" owner ${70_000 + i}:0`])),
      },
      Array.from({ length: 100 }, (_, i) => ({ name: `f${i}`, uid: 70_000 + i })),
    ),
  ],
};

const NUMBERS: readonly FieldName[] = ['mode', 'uid', 'gid', 'size', 'mtime'];
const filled = (field: FieldName, character: string): string => character.repeat(FIELDS[field][1]);

export const headerNumbers: Family = {
  title: 'Numbers in headers',
  what: 'Octal digits, or base-256 that fits: what is neither is refused. Negative sizes and owners are, negative times are not.',
  images: [
    ...NUMBERS.flatMap((field) => [
      refused(`${field}: letters`, 'LAYER_TAR_INVALID', archive([header({ name: 'f' }, { [field]: 'zz' })])),
      refused(
        `${field}: digits that are not octal`,
        'LAYER_TAR_INVALID',
        archive([header({ name: 'f' }, { [field]: '0000008' })]),
      ),
      refused(`${field}: a sign`, 'LAYER_TAR_INVALID', archive([header({ name: 'f' }, { [field]: '-1' })])),
      refused(
        `${field}: base-256 above 2^53`,
        'LAYER_TAR_INVALID',
        archive([header({ name: 'f' }, { [field]: base256(1n << 54n, FIELDS[field][1]) })]),
      ),
      refused(
        `${field}: base-256 of no known sign`,
        'LAYER_TAR_INVALID',
        archive([header({ name: 'f' }, { [field]: filled(field, '\xa0') })]),
      ),
      harmless(
        `${field}: nothing at all`,
        { f: field === 'mode' ? 'file "" mode 0' : 'file ""' },
        archive([header({ name: 'f' }, { [field]: '' })]),
      ),
    ]),
    refused('size: -1', 'LAYER_TAR_INVALID', archive([header({ name: 'f' }, { size: base256(-1n, 12) })])),
    refused('uid: -1', 'LAYER_ENTRY_INVALID', archive([header({ name: 'f' }, { uid: base256(-1n, 8) })])),
    refused('gid: -2^31', 'LAYER_ENTRY_INVALID', archive([header({ name: 'f' }, { gid: base256(-(1n << 31n), 8) })])),
    harmless('mtime: before 1970', { f: 'file ""' }, archive([header({ name: 'f' }, { mtime: base256(-1000n, 12) })])),
    harmless(
      'mtime: further than any clock',
      { f: 'file ""' },
      archive([header({ name: 'f' }, { mtime: base256((1n << 53n) - 1n, 12) })]),
    ),
    harmless(
      'mode: -1, of which the twelve bits count',
      { f: 'file "" mode 7777' },
      archive([header({ name: 'f' }, { mode: base256(-1n, 8) })]),
    ),
    harmless(
      'mode: with the type of a device in it',
      { f: 'file ""' },
      archive([header({ name: 'f' }, { mode: '0060644\0' })]),
    ),
    refused(
      'size: 8 EiB of a file',
      'LAYER_TAR_INVALID',
      archive([header({ name: 'f' }, { size: base256((1n << 63n) - 1n, 12) })]),
    ),
    refused(
      'size: all the octal digits there are',
      'LAYER_TAR_INVALID',
      archive([header({ name: 'f' }, { size: '777777777777' })]),
    ),
    refused(
      'size: of an extended header, 2^53',
      'LAYER_LIMIT_EXCEEDED',
      archive([header({ name: 'f', type: 'x' }, { size: base256((1n << 53n) - 1n, 12) })]),
    ),
    refused(
      'size: of an extended header, negative',
      'LAYER_LIMIT_EXCEEDED',
      archive([header({ name: 'f', type: 'x' }, { size: base256(-5n, 12) })]),
    ),
    refused('a checksum of letters', 'LAYER_TAR_INVALID', archive([brokenSum('zzzzzz\0 ')])),
    refused('a checksum that is one off', 'LAYER_TAR_INVALID', archive([brokenSum(undefined)])),
    refused('a checksum of base-256', 'LAYER_TAR_INVALID', archive([brokenSum(`\x80${'\0'.repeat(6)}\x01`)])),
    refused('a checksum of nothing', 'LAYER_TAR_INVALID', archive([brokenSum('\0'.repeat(8))])),
    harmless(
      'a magic of another archiver',
      { f: 'file "x"' },
      archive([
        header({ name: 'f', content: 'x' }, { magic: 'evil\0\0\0\0' }),
        Buffer.concat([Buffer.from('x'), Buffer.alloc(511)]),
      ]),
    ),
    refused('a whole block of ones', 'LAYER_TAR_INVALID', Buffer.alloc(512, 0xff)),
    refused('a block of text', 'LAYER_TAR_INVALID', Buffer.from('<html>'.padEnd(1024))),
    refused('a program', 'LAYER_TAR_INVALID', Buffer.concat([Buffer.from('\x7fELF'), Buffer.alloc(2000, 1)])),
    refused(
      'a pax header whose checksum is wrong',
      'LAYER_TAR_INVALID',
      Buffer.concat([damaged(extended('x', '9 a=bcde\n')), archive([{ name: 'f' }])]),
    ),
  ],
};

function brokenSum(text: string | undefined): Buffer {
  const block = header({ name: 'f' }, {});
  if (text === undefined) block[0] = 0x67;
  else block.write(text, 148, 'latin1');
  return block;
}

function damaged(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  copy[3] = 0x41;
  return copy;
}
