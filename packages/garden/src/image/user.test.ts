import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { resolveUser } from './user.ts';

const passwd = [
  'root:x:0:0:root:/root:/bin/sh',
  'nginx:x:101:102::/nonexistent:/bin/false',
  '1000:x:0:0:a name of digits:/:/bin/sh',
  'app:x:1001:1001::/home/app:/bin/sh',
  'huge:x:4294967296:1::/:/bin/sh',
  'negative:x:-1:1::/:/bin/sh',
  'word:x:zero:1::/:/bin/sh',
  'nogid:x:7::::',
  'half',
].join('\n');
const group = [
  'root:x:0:',
  'nginx:x:102:',
  'web:x:33:nginx,app',
  'logs:x:44:app',
  'bad:x:x:app',
  'own:x:1001:app',
].join('\n');
const files = { passwd, group };
const resolve = (user: string, from = files as { passwd: string | undefined; group: string | undefined }) =>
  resolveUser(user, from);

describe('users of an image', () => {
  test.each([
    ['', 0, 0, []],
    ['root', 0, 0, []],
    ['0', 0, 0, []],
    ['nginx', 101, 102, [33]],
    ['101', 101, 102, [33]],
    ['app', 1001, 1001, [33, 44]],
    ['app:web', 1001, 33, []],
    ['app:44', 1001, 44, []],
    ['app:', 1001, 1001, [33, 44]],
    [':33', 0, 33, []],
    ['4242', 4242, 0, []],
    ['4242:4343', 4242, 4343, []],
    ['00', 0, 0, []],
    ['1000660000', 1_000_660_000, 0, []],
    ['2147483647:65536', 2_147_483_647, 65_536, []],
  ])('%j is %d:%d with the groups %j', (user, uid, gid, additionalGids) => {
    expect(resolve(user)).toMatchObject({ uid, gid, additionalGids });
  });

  test('all digits are a number, whatever name the image gives them', () => {
    expect(resolve('1000').uid).toBe(1000);
  });

  test.each([
    'huge',
    'negative',
    'word',
    'nogid',
    '4294967296',
    '99999999999999999999',
    'app:2147483648',
    '2147483648',
  ])('%s is out of range', (user) => {
    expect(() => resolve(user)).toThrow(expect.objectContaining({ code: 'USER_INVALID' }));
  });

  test.each(['nobody', 'half', 'app:nogroup', 'app:bad2'])('%s is not found', (user) => {
    expect(() => resolve(user)).toThrow(expect.objectContaining({ code: 'USER_NOT_FOUND' }));
  });

  test.each(['a:b:c', 'a\0', 'a\nroot:x:0:0', '../etc', 'x'.repeat(300)])('%j is no user', (user) => {
    expect(() => resolve(user)).toThrow(expect.objectContaining({ code: 'USER_INVALID' }));
  });

  test('an image without accounts has root and numbers, and no others', () => {
    const none = { passwd: undefined, group: undefined };
    expect(resolve('', none)).toEqual({ uid: 0, gid: 0, name: undefined, additionalGids: [] });
    expect(resolve('root:root', none)).toMatchObject({ uid: 0, gid: 0 });
    expect(resolve('65534:65534', none)).toMatchObject({ uid: 65_534, gid: 65_534 });
    expect(() => resolve('nginx', none)).toThrow('unable to find user nginx: no matching entries in passwd file');
  });

  test('a file that has no root does not make root of a name', () => {
    expect(() => resolve('root', { passwd: 'app:x:1:1::/:', group: '' })).toThrow(/unable to find user root/);
  });
});

test('no user of any account files is outside of the range, and digits never change their value', () => {
  const line = fc.tuple(
    fc.constantFrom('root', 'app', '0', '77', ''),
    fc.string(),
    fc.oneof(fc.nat().map(String), fc.string()),
    fc.oneof(fc.nat().map(String), fc.string()),
  );
  const text = fc.array(line.map((parts) => parts.join(':'))).map((lines) => lines.join('\n'));
  const user = fc.oneof(
    fc.constantFrom('', 'root', 'app', '0', '77', 'app:app', '77:0'),
    fc.string(),
    fc.nat().map(String),
  );
  fc.assert(
    fc.property(user, text, text, (name, passwdText, groupText) => {
      let found: ReturnType<typeof resolveUser>;
      try {
        found = resolve(name, { passwd: passwdText, group: groupText });
      } catch (error) {
        expect(error).toMatchObject({ code: expect.stringMatching(/^USER_/) });
        return;
      }
      for (const id of [found.uid, found.gid, ...found.additionalGids]) {
        expect(Number.isInteger(id) && id >= 0 && id <= 0x7fff_ffff).toBe(true);
      }
      const digits = /^(\d+)(:|$)/.exec(name);
      if (digits !== null) expect(found.uid).toBe(Number(digits[1]));
    }),
    { numRuns: 2000 },
  );
});
