import { signingKeys, signingPayload, statementBundle } from '@slipway/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { digestOf } from '../digest.ts';
import { OciError } from '../errors.ts';
import { decodeBase64 } from './base64.ts';
import { parseSignStatement } from './in-toto.ts';
import { nextPageQuery, parseReferrers } from './referrers.ts';
import { parseSignatureManifest } from './signature-manifest.ts';
import { parseSigstoreBundle } from './sigstore-bundle.ts';
import { parseSimpleSigning } from './simple-signing.ts';

const digest = digestOf('x');
const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
const SIMPLE = 'application/vnd.dev.cosign.simplesigning.v1+json';
const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json';

const statement = {
  _type: 'https://in-toto.io/Statement/v1',
  subject: [{ digest: { sha256: digest.slice(7) } }],
  predicateType: 'https://sigstore.dev/cosign/sign/v1',
};
const layer = { mediaType: SIMPLE, digest, size: 3, annotations: { 'dev.cosignproject.cosign/signature': 'c2ln' } };
const bundle = JSON.parse(statementBundle(signingKeys(), digest).blob.bytes.toString()) as {
  readonly dsseEnvelope: { readonly payload: string; readonly signatures: readonly object[] };
};

const parsers: readonly (readonly [string, (bytes: Uint8Array) => unknown, unknown])[] = [
  ['a payload', parseSimpleSigning, JSON.parse(signingPayload({ digest, reference: 'r/x' }).toString())],
  ['a statement', parseSignStatement, statement],
  ['a bundle', parseSigstoreBundle, bundle],
  ['a manifest of signatures', parseSignatureManifest, { schemaVersion: 2, layers: [layer] }],
  [
    'a list of referrers',
    parseReferrers,
    { schemaVersion: 2, manifests: [{ mediaType: OCI_MANIFEST, digest, size: 3, artifactType: BUNDLE }] },
  ],
];

/** The value with something else at one place. */
const mutations = (value: unknown): fc.Arbitrary<unknown> => {
  if (typeof value !== 'object' || value === null) return fc.jsonValue();
  const inner = Object.entries(value).map(([key, at]) =>
    mutations(at).map((by) => (Array.isArray(value) ? value.with(Number(key), by) : { ...value, [key]: by })),
  );
  return fc.oneof(fc.jsonValue(), ...inner);
};

describe.each(parsers)('%s', (_name, parse, sample) => {
  test('is read, or refused as an image document is, whatever the bytes are', () => {
    parse(json(sample));
    const bytes = fc.oneof(
      fc.uint8Array(),
      fc.json().map((text) => Buffer.from(text)),
      mutations(sample).map(json),
    );
    fc.assert(
      fc.property(bytes, (input) => {
        try {
          parse(input);
        } catch (error) {
          expect(error).toBeInstanceOf(OciError);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('a payload of simple signing', () => {
  const payload = (change: object, more: object = {}): Buffer => {
    const identity = { 'docker-reference': 'r/x' };
    const image = { 'docker-manifest-digest': digest };
    return json({ critical: { identity, image, type: 'cosign container image signature', ...change }, ...more });
  };

  test('names the digest and the repository', () => {
    const more = { optional: { 'io.example/built': 'now' } };
    expect(parseSimpleSigning(payload({}, more))).toEqual({ digest, dockerReference: 'r/x' });
  });

  test.each([
    ['another type', { type: 'atomic container signature' }],
    ['another digest algorithm', { image: { 'docker-manifest-digest': `sha512:${'a'.repeat(128)}` } }],
    ['a digest in capitals', { image: { 'docker-manifest-digest': digest.toUpperCase() } }],
    ['no identity', { identity: undefined }],
    ['something critical that is not known', { expires: 'never' }],
  ])('with %s is refused', (_name, change) => {
    expect(() => parseSimpleSigning(payload(change))).toThrow(OciError);
  });
});

describe('a statement', () => {
  test('that signs names its subjects', () => {
    const named = { ...statement, subject: [...statement.subject, { name: 'r/x', digest: { sha512: 'x' } }] };
    expect(parseSignStatement(json(named))).toEqual([{ digest }]);
  });

  test.each([
    ['an SBOM', { predicateType: 'https://spdx.dev/Document' }],
    ['another type of statement', { _type: 'https://example.com/Statement' }],
    ['more subjects than are read', { subject: Array.from({ length: 65 }, () => statement.subject[0]) }],
  ])('with %s is refused', (_name, change) => {
    expect(() => parseSignStatement(json({ ...statement, ...change }))).toThrow(OciError);
  });
});

describe('a bundle', () => {
  test.each([
    ['neither content', { dsseEnvelope: undefined }],
    ['both contents', { messageSignature: { signature: 'c2ln' } }],
    ['no signature', { dsseEnvelope: { ...bundle.dsseEnvelope, signatures: [] } }],
    ['a payload that is no statement', { dsseEnvelope: { ...bundle.dsseEnvelope, payloadType: 'text/plain' } }],
    ['a payload in another base64', { dsseEnvelope: { ...bundle.dsseEnvelope, payload: '_-_-' } }],
    ['a payload that is too large', { dsseEnvelope: { ...bundle.dsseEnvelope, payload: 'AAAA'.repeat(6_000) } }],
    ['another media type', { mediaType: 'application/vnd.dev.sigstore.bundle.v0.9+json' }],
  ])('with %s is refused', (_name, change) => {
    expect(() => parseSigstoreBundle(json({ ...bundle, ...change }))).toThrow(OciError);
  });
});

test('of a manifest of signatures, at most 64 are looked at, and other layers are not', () => {
  const other = { ...layer, mediaType: 'application/vnd.oci.image.layer.v1.tar' };
  const many = parseSignatureManifest(json({ schemaVersion: 2, layers: [other, ...Array(70).fill(layer)] }));
  expect(many.signatures).toHaveLength(64);
  expect(many.leftOut).toBe(6);
});

test('of referrers, those that say that they are signatures come first, and attestations are left out', () => {
  const entry = (artifactType: string | undefined, n: number) => ({
    mediaType: OCI_MANIFEST,
    digest: digestOf(`${n}`),
    size: n,
    artifactType,
  });
  const types = [
    undefined,
    'application/spdx+json',
    'application/vnd.oci.empty.v1+json',
    BUNDLE,
    'application/vnd.dev.cosign.artifact.sig.v1+json',
  ];
  const list = parseReferrers(json({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: types.map(entry) }));
  expect(list.candidates.map(({ size }) => size)).toEqual([3, 4, 0, 2]);
  expect(list.others).toBe(1);
});

test('of referrers, bundles that are said to be attestations are left out, and those that sign come first', () => {
  const entry = (n: number, predicate?: string) => ({
    mediaType: OCI_MANIFEST,
    digest: digestOf(`${n}`),
    size: n,
    artifactType: 'application/vnd.oci.empty.v1+json',
    ...(predicate === undefined ? {} : { annotations: { 'dev.sigstore.bundle.predicateType': predicate } }),
  });
  const manifests = [
    entry(0),
    entry(1, 'https://cosign.sigstore.dev/attestation/v1'),
    entry(2, statement.predicateType),
  ];
  const list = parseReferrers(json({ schemaVersion: 2, manifests }));
  expect(list.candidates.map(({ size }) => size)).toEqual([2, 0]);
  expect(list.others).toBe(1);
});

test('of a Link header, only the query of the next page is taken over', () => {
  expect(nextPageQuery('</v2/x/referrers/sha256:1?n=2&last=a>; rel="next"')).toBe('n=2&last=a');
  expect(nextPageQuery('<https://evil.example/v2/x?token=1#frag>; rel=next')).toBe('token=1');
  for (const link of [undefined, '', '</v2/x?n=1>; rel="prev"', '</v2/x>; rel="next"', '<?a b>; rel="next"', '<?']) {
    expect(nextPageQuery(link)).toBeUndefined();
  }
  fc.assert(fc.property(fc.string(), (text) => void nextPageQuery(text)));
});

test('base64 is what Node writes, and nothing else', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      const text = Buffer.from(bytes).toString('base64');
      expect(decodeBase64(text, 100)).toEqual(Buffer.from(bytes));
      expect(decodeBase64(`${text}\n`, 100)).toBeUndefined();
      expect(decodeBase64(text, bytes.length - 4)).toBeUndefined();
    }),
  );
  for (const text of ['a', 'ab', 'abc', 'a===', 'ab_-', ' aaaa', '====']) expect(decodeBase64(text, 9)).toBeUndefined();
});
