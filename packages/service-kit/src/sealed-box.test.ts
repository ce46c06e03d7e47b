import fc from 'fast-check';
import { expect, test } from 'vitest';
import { generateSealingKeys, isSealingPair, seal, unseal } from './sealed-box.ts';

const keys = generateSealingKeys();

test('the holder of the private key reads what was sealed', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      // A lone surrogate has no UTF-8 form.
      const wellFormed = text.toWellFormed();
      expect(unseal(seal(wellFormed, keys.publicKey), keys)).toBe(wellFormed);
    }),
    { numRuns: 50 },
  );
});

test('the same text is sealed differently each time', () => {
  expect(seal('a', keys.publicKey)).not.toBe(seal('a', keys.publicKey));
});

test('another key, a changed byte or a short text does not open', () => {
  const sealed = Buffer.from(seal('secret', keys.publicKey), 'base64url');
  expect(() => unseal(sealed.toString('base64url'), generateSealingKeys())).toThrow(/cannot open sealed credentials/);
  for (let i = 0; i < sealed.length; i++) {
    const changed = Buffer.from(sealed);
    changed.writeUInt8(changed.readUInt8(i) ^ 1, i);
    // The top bit of an X25519 public key is ignored by RFC 7748, but it goes into the key derivation here.
    expect(() => unseal(changed.toString('base64url'), keys)).toThrow(/cannot open/);
  }
  expect(() => unseal('AAAA', keys)).toThrow(/cannot open/);
});

test('only the halves of one pair are a pair', () => {
  const other = generateSealingKeys();
  expect(isSealingPair(keys)).toBe(true);
  expect(isSealingPair({ publicKey: keys.publicKey, privateKey: other.privateKey })).toBe(false);
  expect(isSealingPair({ publicKey: 'public', privateKey: 'private' })).toBe(false);
});
