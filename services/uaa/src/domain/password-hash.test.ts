import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatPasswordHash, parsePasswordHash } from './password-hash.ts';

test('what is written is read back', () => {
  const bytes = fc.uint8Array({ minLength: 8, maxLength: 64 });
  const parameters = fc.record({
    parallelism: fc.integer({ min: 1, max: 16 }),
    passes: fc.integer({ min: 1, max: 100 }),
    memoryKib: fc.integer({ min: 128, max: 1_048_576 }),
    salt: bytes,
    hash: bytes,
  });
  fc.assert(
    fc.property(parameters, (hash) => {
      expect(parsePasswordHash(formatPasswordHash(hash))).toEqual(hash);
    }),
  );
});

test('a hash of the reference implementation is read', () => {
  const hash = '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc';
  expect(parsePasswordHash(hash)).toMatchObject({ memoryKib: 65_536, passes: 2, parallelism: 1 });
});

test.each([
  '$argon2id$v=19$m=99999999,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
  '$argon2id$v=16$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
  '$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
  '$argon2id$v=19$m=65536,t=0,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
  '$argon2id$v=19$m=1,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
  '$argon2id$v=19$m=65536,t=2,p=1$c29t$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
  '',
  'password',
])('is no hash that we would compute: %j', (text) => {
  expect(parsePasswordHash(text)).toBeUndefined();
});

test('any text gives a hash within bounds or undefined, never an error', () => {
  const near = fc
    .tuple(fc.nat(), fc.nat(), fc.nat(), fc.base64String(), fc.base64String())
    .map(([m, t, p, salt, hash]) => `$argon2id$v=19$m=${m},t=${t},p=${p}$${salt}$${hash}`);
  fc.assert(
    fc.property(fc.oneof(fc.string(), near), (text) => {
      const parsed = parsePasswordHash(text);
      if (parsed !== undefined) expect(parsed.memoryKib).toBeLessThanOrEqual(1_048_576);
    }),
  );
});
