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
  const flipped = `${sealed.slice(0, 20)}${sealed[20] === 'A' ? 'B' : 'A'}${sealed.slice(21)}`;
  const other = new Vault(new Secret(randomBytes(32)));
  expect(() => other.decrypt(sealed, 'package a password')).toThrow('is ENCRYPTION_KEY another one?');
  expect(() => vault.decrypt(sealed, 'package b password')).toThrow('cannot decrypt package b password');
  expect(() => vault.decrypt(flipped, 'package a password')).toThrow('cannot decrypt');
  for (const garbage of ['', 'v1.', 'v2.AAAA', 'secret'])
    expect(() => vault.decrypt(garbage, 'p')).toThrow('cannot decrypt');
});
