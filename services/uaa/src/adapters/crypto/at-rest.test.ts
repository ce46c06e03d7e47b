import { randomBytes } from 'node:crypto';
import { Secret } from '@slipway/service-kit';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AtRest } from './at-rest.ts';

const newBox = (): AtRest => new AtRest(new Secret(randomBytes(32)));

test('what was encrypted is decrypted, and never looks the same twice', () => {
  const box = newBox();
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      const [first, second] = [box.encrypt(text, 'p'), box.encrypt(text, 'p')];
      expect(first).not.toBe(second);
      expect(box.decrypt(first, 'p')).toBe(text.toWellFormed());
    }),
  );
});

test('another key, another purpose or a changed bit is refused', () => {
  const box = newBox();
  const encrypted = box.encrypt('secret', 'signing key a');
  const wrong = { code: 'ENCRYPTION_KEY_WRONG' };
  expect(() => newBox().decrypt(encrypted, 'signing key a')).toThrow(expect.objectContaining(wrong));
  expect(() => box.decrypt(encrypted, 'signing key b')).toThrow(expect.objectContaining(wrong));
  const bytes = Buffer.from(encrypted.slice(3), 'base64url');
  for (let i = 0; i < bytes.length; i++) {
    const changed = Buffer.from(bytes);
    changed[i] = (changed[i] ?? 0) ^ 1;
    const text = `v1.${changed.toString('base64url')}`;
    expect(() => box.decrypt(text, 'signing key a')).toThrow(expect.objectContaining(wrong));
  }
  for (const text of ['', 'v1.', 'v1.AAAA', `v2.${encrypted.slice(3)}`]) {
    expect(() => box.decrypt(text, 'signing key a')).toThrow(expect.objectContaining(wrong));
  }
});
