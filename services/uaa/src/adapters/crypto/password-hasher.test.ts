import { expect, test } from 'vitest';
import { PasswordHasher } from './password-hasher.ts';

const cheap = { memoryKib: 64, passes: 1, parallelism: 1 };

test('a hash matches its password alone, and two of one password differ', async () => {
  const hasher = new PasswordHasher();
  const [first, second] = await Promise.all([hasher.hash('pässword'), hasher.hash('pässword')]);
  expect(first).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  expect(first).not.toBe(second);
  expect(await hasher.verify('pässword', first)).toEqual({ matches: true, outdated: false });
  expect(await hasher.verify('passwort', first)).toEqual({ matches: false, outdated: false });
});

test('a hash of the reference implementation matches, and is outdated', async () => {
  const hash = '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc';
  const hasher = new PasswordHasher();
  expect(await hasher.verify('password', hash)).toEqual({ matches: true, outdated: true });
  expect(await hasher.verify('differentpassword', hash)).toEqual({ matches: false, outdated: false });
});

test('without a hash nothing matches, and it is computed all the same', async () => {
  const hasher = new PasswordHasher(cheap);
  const verifying = hasher.verify('x', undefined);
  const busy = Promise.all([hasher.hash('a'), hasher.hash('b')]);
  // Two places: the decoy has one of them.
  expect(hasher.waiting).toBe(1);
  expect(await verifying).toEqual({ matches: false, outdated: false });
  await busy;
});

test('takes a bounded number at a time and refuses what would wait too long', async () => {
  const hasher = new PasswordHasher(cheap);
  const hashes = Array.from({ length: 202 }, () => hasher.hash('x'));
  expect(hasher.waiting).toBe(200);
  await expect(hasher.hash('one too many')).rejects.toMatchObject({ code: 'BUSY' });
  expect(new Set(await Promise.all(hashes)).size).toBe(202);
  expect(hasher.waiting).toBe(0);
  expect(await hasher.hash('again')).toContain('argon2id');
});
