import fc from 'fast-check';
import { expect, test } from 'vitest';
import { longName, openFlags } from './sftp-names.ts';

const stat = { uid: 0, gid: 1000, size: 12, atime: 0, mtime: 86_400 };

test.each([
  [0o100640, '-rw-r-----'],
  [0o040755, 'drwxr-xr-x'],
  [0o120777, 'lrwxrwxrwx'],
  [0o010600, 'prw-------'],
  [0o020666, 'crw-rw-rw-'],
  [0, '?---------'],
])('a mode of %s is shown as %s', (mode, shown) => {
  const line = longName('a b', { ...stat, mode });
  expect(line.slice(0, 10)).toBe(shown);
  expect(line).toMatch(/ 1970-01-02 00:00 a b$/);
});

test('what is opened to be written is created, emptied or kept as the client says', () => {
  expect(openFlags(0x01)).toEqual({ write: false, append: false, create: false, how: 'keep' });
  expect(openFlags(0x02 | 0x08 | 0x10)).toEqual({ write: true, append: false, create: true, how: 'truncate' });
  expect(openFlags(0x02 | 0x08 | 0x20)).toMatchObject({ create: true, how: 'exclusive' });
  expect(openFlags(0x04 | 0x08)).toMatchObject({ write: true, append: true, how: 'keep' });
});

test('whatever flags are sent, nothing is emptied or created that was only to be read', () => {
  fc.assert(
    fc.property(fc.nat(0xffffffff), (flags) => {
      const { write, how, create } = openFlags(flags);
      if (how === 'exclusive') expect(create).toBe(true);
      if ((flags & 0x06) === 0) expect(write).toBe(false);
    }),
  );
});
