import { randomBytes } from 'node:crypto';
import { Secret } from '@slipway/service-kit';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Vault } from './vault.ts';

const vault = new Vault(new Secret(randomBytes(32)));

test('what was encrypted comes back', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }).filter((text) => text.isWellFormed()),
      (text) => {
        expect(vault.decrypt(vault.encrypt(text, 'p'), 'p')).toBe(text);
      },
    ),
  );
});

test('the same secret looks different each time', () => {
  expect(vault.encrypt('secret', 'p')).not.toBe(vault.encrypt('secret', 'p'));
  expect(vault.encrypt('secret', 'p')).not.toContain('secret');
});

test('another key, another purpose or another byte opens nothing', () => {
  const sealed = vault.encrypt('secret', 'package a password');
  const flipped = `${sealed.slice(0, 30)}${sealed[30] === 'A' ? 'B' : 'A'}${sealed.slice(31)}`;
  const other = new Vault(new Secret(randomBytes(32)));
  expect(() => other.decrypt(sealed, 'package a password')).toThrow('is ENCRYPTION_KEY another one?');
  expect(() => vault.decrypt(sealed, 'package b password')).toThrow('cannot decrypt package b password');
  expect(() => vault.decrypt(flipped, 'package a password')).toThrow('cannot decrypt');
  for (const garbage of ['', 'v1.', 'v2.AAAA', 'secret'])
    expect(() => vault.decrypt(garbage, 'p')).toThrow('cannot decrypt');
});

test('an older key opens what it sealed, and seals nothing any more', () => {
  const [older, newer] = [new Secret(randomBytes(32)), new Secret(randomBytes(32))];
  const before = new Vault(older).encrypt('secret', 'p');
  const now = new Vault(newer, [older]);
  expect(now.decrypt(before, 'p')).toBe('secret');
  const sealed = now.encrypt('secret', 'p');
  expect(sealed.startsWith(now.prefix)).toBe(true);
  expect(before.startsWith(now.prefix)).toBe(false);
  expect(new Vault(newer).decrypt(sealed, 'p')).toBe('secret');
  expect(() => new Vault(older).decrypt(sealed, 'p')).toThrow('is ENCRYPTION_KEY another one?');
});

test('what the first release sealed, without the name of its key, opens', () => {
  const key = new Secret(Buffer.alloc(32, 7));
  const sealed = 'v1.AQEBAQEBAQEBAQEBEbpxdKX0DGHkBANtAv1rkwWE6sX1yw';
  expect(new Vault(key).decrypt(sealed, 'p')).toBe('secret');
  expect(new Vault(new Secret(randomBytes(32)), [key]).decrypt(sealed, 'p')).toBe('secret');
});
