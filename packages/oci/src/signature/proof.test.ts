import {
  messageBundle,
  type SigningKeys,
  signBytes,
  signingKeys,
  signingPayload,
  simpleSignature,
} from '@slipway/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { digestOf } from '../digest.ts';
import { checkProof, documentsByDigest, type SignatureProof } from './proof.ts';
import { parsePublicKey } from './public-key.ts';
import { parseSigstoreBundle } from './sigstore-bundle.ts';

const manifest = Buffer.from('{"the":"manifest"}');
const digest = digestOf(manifest);
const keys = signingKeys();
const key = parsePublicKey('release', keys.publicKey);
const other = parsePublicKey('other', signingKeys('rsa').publicKey);
const covered = documentsByDigest(manifest);

type Simple = Pick<SignatureProof, 'format' | 'payload' | 'signature'>;
const simple = (wish: Parameters<typeof signingPayload>[0], by: SigningKeys = keys): Simple => {
  const { blob, annotations } = simpleSignature(by, wish);
  const signature = annotations['dev.cosignproject.cosign/signature'] ?? '';
  return { format: 'simple-signing', payload: blob.bytes.toString('base64'), signature };
};

test('a signature by one of several keys is accepted, and says by which', () => {
  const check = checkProof(simple({ digest }), { keys: [other, key], covered });
  expect(check).toMatchObject({ outcome: 'accepted', key: { name: 'release' }, digest });
});

test('a signature by nobody who is trusted is not accepted', () => {
  expect(checkProof(simple({ digest }), { keys: [other], covered })).toMatchObject({ code: 'wrong-key' });
  expect(checkProof(simple({ digest }), { keys: [], covered })).toMatchObject({ code: 'wrong-key' });
  expect(checkProof(simple({ digest }, signingKeys()), { keys: [key], covered })).toMatchObject({ code: 'wrong-key' });
});

test('a signature of something else says of what it is', () => {
  const elsewhere = digestOf('elsewhere');
  const check = checkProof(simple({ digest: elsewhere }), { keys: [key], covered });
  expect(check).toMatchObject({ code: 'wrong-digest', reason: expect.stringContaining(elsewhere) });
});

test('a payload of another kind does not count, though a trusted key signed it', () => {
  const check = checkProof(simple({ digest, type: 'an approval of lunch' }), { keys: [key], covered });
  expect(check).toMatchObject({ code: 'malformed', reason: expect.stringContaining('an approval of lunch') });
});

test('a changed byte of payload or signature is not accepted', () => {
  const proof = simple({ digest, reference: 'registry.test/team/app' });
  const flip = (text: string, at: number, bit: number): string => {
    const bytes = Buffer.from(text, 'base64');
    const index = at % bytes.length;
    bytes.writeUInt8(bytes.readUInt8(index) ^ (1 << bit), index);
    return bytes.toString('base64');
  };
  fc.assert(
    fc.property(fc.nat(), fc.nat(7), fc.constantFrom('payload', 'signature'), (at, bit, field) => {
      const changed = { ...proof, [field]: flip(proof[field as 'payload'] ?? '', at, bit) };
      expect(checkProof(changed, { keys: [key], covered }).outcome).toBe('rejected');
    }),
  );
});

test('whatever text stands for payload and signature, there is an answer', () => {
  const format = fc.constantFrom<SignatureProof['format'][]>('simple-signing', 'dsse', 'message');
  const text = fc.oneof(fc.string(), fc.base64String());
  fc.assert(
    fc.property(format, fc.option(text, { nil: undefined }), text, (kind, payload, signature) => {
      expect(checkProof({ format: kind, payload, signature }, { keys: [key, other], covered }).outcome).toBe(
        'rejected',
      );
    }),
  );
});

describe('where the policy wants the repository named', () => {
  const rules = { keys: [key], covered, repository: 'docker.io/library/nginx' };

  test.each(['nginx', 'index.docker.io/library/nginx', 'docker.io/library/nginx:1.27'])('%s names it', (reference) => {
    expect(checkProof(simple({ digest, reference }), rules).outcome).toBe('accepted');
  });

  test.each(['', 'docker.io/library/redis', 'registry.test/library/nginx', 'not a reference'])(
    '"%s" does not',
    (name) => {
      expect(checkProof(simple({ digest, reference: name }), rules)).toMatchObject({ code: 'wrong-repository' });
    },
  );
});

test('a signature of the bytes themselves counts for these bytes alone', () => {
  const content = { mediaType: 'x', digest, size: manifest.length, bytes: manifest };
  const bundle = parseSigstoreBundle(messageBundle(keys, content).blob.bytes);
  if (bundle.kind !== 'message') throw new Error('not a signature of a message');
  const proof = { format: 'message', signature: bundle.signature.toString('base64') } as const;
  expect(checkProof(proof, { keys: [key], covered })).toMatchObject({ outcome: 'accepted', digest });
  const others = documentsByDigest(Buffer.from('another manifest'));
  expect(checkProof(proof, { keys: [key], covered: others })).toMatchObject({ code: 'wrong-key' });
  const named = checkProof(proof, { keys: [key], covered, repository: 'r/x' });
  expect(named).toMatchObject({ code: 'wrong-repository' });
});

test('a signature of a payload does not count as one of an envelope, nor the other way round', () => {
  const proof = simple({ digest });
  expect(checkProof({ ...proof, format: 'dsse' }, { keys: [key], covered })).toMatchObject({ code: 'wrong-key' });
  const raw = signBytes(keys, signingPayload({ digest })).toString('base64');
  expect(checkProof({ format: 'message', signature: raw }, { keys: [key], covered })).toMatchObject({
    code: 'wrong-key',
  });
});
