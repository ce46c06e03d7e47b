import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { opaque, paxRecords, type TarEntry, tarArchive, whiteout } from './tar-writer.ts';

/** What GNU tar, the judge here, lists of an archive. */
function list(archive: Buffer, ...options: string[]): string[] {
  const output = execFileSync('tar', ['-tvf', '-', '--numeric-owner', '--utc', '--full-time', ...options], {
    input: archive,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, LC_ALL: 'C.UTF-8', TZ: 'UTC' },
  });
  return output.toString().split('\n').slice(0, -1);
}

test('GNU tar lists every kind of entry as it was meant', () => {
  const archive = tarArchive([
    { name: 'dir/', mode: 0o1777, uid: 3, gid: 4 },
    { name: 'dir/file', content: 'hello', mode: 0o640, uid: 1000, gid: 1001, mtime: 86_400 },
    { name: 'dir/hard', type: 'hardlink', linkName: 'dir/file' },
    { name: 'dir/soft', type: 'symlink', linkName: '../etc', mode: 0o777 },
    { name: 'null', type: 'character-device', device: { major: 1, minor: 3 }, mode: 0o666 },
    { name: 'disk', type: 'block-device', device: { major: 8, minor: 0 } },
    { name: 'pipe', type: 'fifo' },
    { name: 'big', uid: 3_000_000, gid: 4_000_000_000 },
    whiteout('dir/gone'),
    whiteout('top'),
    opaque('dir/'),
  ]);
  expect(list(archive).map((line) => line.replace(/\s+/g, ' '))).toEqual([
    'drwxrwxrwt 3/4 0 1970-01-01 00:00:00 dir/',
    '-rw-r----- 1000/1001 5 1970-01-02 00:00:00 dir/file',
    'hrw-r--r-- 0/0 0 1970-01-01 00:00:00 dir/hard link to dir/file',
    'lrwxrwxrwx 0/0 0 1970-01-01 00:00:00 dir/soft -> ../etc',
    'crw-rw-rw- 0/0 1,3 1970-01-01 00:00:00 null',
    'brw-r--r-- 0/0 8,0 1970-01-01 00:00:00 disk',
    'prw-r--r-- 0/0 0 1970-01-01 00:00:00 pipe',
    '-rw-r--r-- 3000000/4000000000 0 1970-01-01 00:00:00 big',
    '-rw-r--r-- 0/0 0 1970-01-01 00:00:00 dir/.wh.gone',
    '-rw-r--r-- 0/0 0 1970-01-01 00:00:00 .wh.top',
    '-rw-r--r-- 0/0 0 1970-01-01 00:00:00 dir/.wh..wh..opq',
  ]);
});

test.each(['pax', 'gnu'] as const)('names and links of any length are carried by %s headers', (longNames) => {
  fc.assert(
    fc.property(fc.integer({ min: 95, max: 300 }), fc.integer({ min: 95, max: 300 }), (name, link) => {
      const archive = tarArchive([
        { name: 'n'.repeat(name), type: 'symlink', linkName: 'l'.repeat(link), longNames },
        { name: 'after', content: 'x' },
      ]);
      const [first, second] = list(archive);
      expect(first).toMatch(new RegExp(` n{${name}} -> l{${link}}$`));
      expect(second).toMatch(/ after$/);
    }),
    { numRuns: 10 },
  );
});

test('content of any length comes back as it was', () => {
  const directory = mkdtempSync(join(tmpdir(), 'tar-writer-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const sizes = [0, 1, 511, 512, 513, 1024, 100_000];
  writeFileSync(
    join(directory, 'a.tar'),
    tarArchive(sizes.map((size): TarEntry => ({ name: `f${size}`, content: Buffer.alloc(size, 'content') }))),
  );
  execFileSync('tar', ['-xf', 'a.tar'], { cwd: directory });
  for (const size of sizes) {
    expect(readFileSync(join(directory, `f${size}`)).equals(Buffer.alloc(size, 'content'))).toBe(true);
    expect(statSync(join(directory, `f${size}`)).size).toBe(size);
  }
});

test('a pax record counts its own length, in bytes', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z.]{1,20}$/), fc.string({ unit: 'binary', maxLength: 120 }), (key, value) => {
      const record = paxRecords({ [key]: value });
      expect(Number(/^\d+/.exec(record.toString('latin1'))?.[0])).toBe(record.length);
      expect(record.at(-1)).toBe(0x0a);
    }),
  );
});

test('extended attributes travel in pax records', () => {
  const archive = tarArchive([{ name: 'a', content: 'x', pax: { 'SCHILY.xattr.user.note': 'hello' } }]);
  // The star is how tar marks an entry that has some.
  expect(list(archive, '--xattrs')).toEqual([expect.stringMatching(/^-rw-r--r--\* .* a$/)]);
  expect(list(tarArchive([{ name: 'a' }]), '--xattrs')).toEqual([expect.stringMatching(/^-rw-r--r-- .* a$/)]);
  expect(archive.includes('SCHILY.xattr.user.note=hello\n')).toBe(true);
});

test('what is meant to be hostile is: names as they are, wrong sums, lying sizes, no end', () => {
  const names = ['../../etc/passwd', '/etc/passwd', 'a//b/./c'];
  const archive = tarArchive(names.map((name): TarEntry => ({ name, content: 'x' })));
  for (const name of names) {
    expect(archive.includes(`${name}\0`)).toBe(true);
  }
  expect(archive.subarray(0, 4).equals(Buffer.from('../.'))).toBe(true);
  expect(() => list(tarArchive([{ name: 'a', corruptChecksum: true }]))).toThrow();
  expect(list(tarArchive([{ name: 'a', content: 'x', declaredSize: 2 }])).join()).toMatch(/0\/0\s+2 /);
  expect(tarArchive([{ name: Buffer.from([0xff, 0xfe]) }]).readUInt16BE(0)).toBe(0xfffe);
  expect(tarArchive([{ name: 'a' }], { end: false }).length).toBe(512);
  expect(tarArchive([{ raw: Buffer.from('junk') }], { end: false }).toString()).toBe('junk');
});

test('the same entries give the same bytes', () => {
  const entries: TarEntry[] = [{ name: 'd/' }, { name: 'd/f', content: 'x', pax: { comment: 'y' } }];
  expect(tarArchive(entries).equals(tarArchive(entries))).toBe(true);
});
