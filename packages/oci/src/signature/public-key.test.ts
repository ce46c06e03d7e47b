import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { type SigningKeyType, selfSigned, signBytes, signingKeys } from '@slipway/testing';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { OciError } from '../errors.ts';
import { parsePublicKey, verifySignature } from './public-key.ts';

const spki = ({ publicKey }: { readonly publicKey: KeyObject }): string =>
  publicKey.export({ format: 'pem', type: 'spki' }).toString();
const problemOf = (pem: string): string => {
  try {
    parsePublicKey('release', pem);
  } catch (error) {
    if (error instanceof OciError && error.code === 'SIGNATURE_KEY_INVALID') return error.message;
    throw error;
  }
  return 'none';
};

test.each([
  ['ecdsa', 'ecdsa-p256'],
  ['rsa', 'rsa'],
  ['ed25519', 'ed25519'],
] as const)('a key of kind %s verifies what was signed with it, and nothing else', (type: SigningKeyType, expected) => {
  const [keys, others] = [signingKeys(type), signingKeys(type)];
  const key = parsePublicKey('release', keys.publicKey);
  expect(key).toMatchObject({ name: 'release', type: expected });
  expect(key.fingerprint).toMatch(/^sha256:[0-9a-f]{64}$/);
  const bytes = Buffer.from('what is signed');
  expect(verifySignature(key, bytes, signBytes(keys, bytes))).toBe(true);
  expect(verifySignature(key, Buffer.from('what is not'), signBytes(keys, bytes))).toBe(false);
  expect(verifySignature(key, bytes, signBytes(others, bytes))).toBe(false);
});

test('a key is the same however its PEM is wrapped', () => {
  const { publicKey } = signingKeys();
  const wrapped = `a comment\r\n${publicKey.replaceAll('\n', '\r\n')}\r\n`;
  expect(parsePublicKey('b', wrapped).fingerprint).toBe(parsePublicKey('a', publicKey).fingerprint);
});

test('what is no usable key is refused with what it is', () => {
  const pair = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const privatePem = pair.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  expect(problemOf('')).toContain('it is no PEM text');
  expect(problemOf('MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE')).toContain('it is no PEM text');
  expect(problemOf(privatePem)).toContain('it is a PEM block "PRIVATE KEY"; "PUBLIC KEY" is needed');
  expect(problemOf(selfSigned(['x']).certPem)).toContain('it is a PEM block "CERTIFICATE"');
  expect(problemOf(spki(pair) + spki(pair))).toContain('it has 2 PEM blocks');
  expect(problemOf('-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n')).toContain('holds no public key');
  expect(problemOf(spki(pair).padEnd(9_000))).toContain('it has 9000 characters; at most 8192');
  expect(problemOf(spki(generateKeyPairSync('ec', { namedCurve: 'secp384r1' })))).toContain('the curve secp384r1');
  expect(problemOf(spki(generateKeyPairSync('rsa', { modulusLength: 1024 })))).toContain('an RSA key of 1024 bits');
  expect(problemOf(spki(generateKeyPairSync('x25519')))).toContain('a key of type x25519');
});

test('whatever text is given as a key, the error is about the key', () => {
  const pem = fc
    .tuple(fc.constantFrom('PUBLIC KEY', 'EC PRIVATE KEY', 'X'), fc.base64String())
    .map(([label, body]) => `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`);
  fc.assert(
    fc.property(fc.oneof(fc.string(), pem), (text) => {
      expect(problemOf(text)).not.toBe('none');
    }),
  );
});

test('whatever bytes are given as a signature, it is just not one', () => {
  for (const type of ['ecdsa', 'rsa', 'ed25519'] as const) {
    const key = parsePublicKey('k', signingKeys(type).publicKey);
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array({ maxLength: 300 }), (bytes, signature) => {
        expect(verifySignature(key, bytes, signature)).toBe(false);
      }),
      { numRuns: 50 },
    );
  }
});
