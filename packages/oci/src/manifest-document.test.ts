import fc from 'fast-check';
import { expect, test } from 'vitest';
import { digestOf } from './digest.ts';
import { OciError, type OciErrorCode } from './errors.ts';
import { type ManifestDocument, parseManifestDocument } from './manifest-document.ts';
import { mediaTypes } from './media-types.ts';

const { ociIndex, ociManifest, dockerManifestList, dockerManifest } = mediaTypes;

const descriptor = (mediaType: string, size = 3) => ({ mediaType, digest: digestOf(mediaType), size });
const manifest = {
  schemaVersion: 2,
  mediaType: ociManifest as string,
  config: descriptor(mediaTypes.ociConfig),
  layers: [descriptor(mediaTypes.ociLayerGzip)],
};
const index = {
  schemaVersion: 2,
  mediaType: ociIndex as string,
  manifests: [{ ...descriptor(ociManifest), platform: { os: 'linux', architecture: 'amd64' } }],
};

function parse(document: unknown, header?: string, entry?: string): ManifestDocument {
  return parseManifestDocument(Buffer.from(JSON.stringify(document)), { header, descriptor: entry });
}

function code(document: unknown, header?: string, entry?: string): OciErrorCode | 'accepted' {
  try {
    parse(document, header, entry);
  } catch (error) {
    expect(error).toBeInstanceOf(OciError);
    return (error as OciError).code;
  }
  return 'accepted';
}

test('all four kinds are read', () => {
  expect(parse(index, ociIndex)).toMatchObject({ kind: 'index', mediaType: ociIndex });
  expect(parse({ ...index, mediaType: dockerManifestList }, dockerManifestList).kind).toBe('index');
  expect(parse(manifest, ociManifest)).toMatchObject({ kind: 'manifest', layers: [{ size: 3 }] });
  const docker = {
    ...manifest,
    mediaType: dockerManifest,
    config: descriptor(mediaTypes.dockerConfig),
    layers: [descriptor(mediaTypes.dockerLayerGzip)],
  };
  expect(parse(docker, dockerManifest)).toMatchObject({ kind: 'manifest', mediaType: dockerManifest });
});

test('header parameters and letter case do not matter; an OCI document need not name its own type', () => {
  expect(code(manifest, `${ociManifest.toUpperCase()}; charset=utf-8`)).toBe('accepted');
  const { mediaType: _, ...silent } = manifest;
  expect(code(silent, ociManifest)).toBe('accepted');
  expect(code(manifest)).toBe('accepted');
  expect(code(silent)).toBe('MEDIA_TYPE_UNSUPPORTED');
});

const type = fc.constantFrom(ociIndex, ociManifest, dockerManifestList, dockerManifest, 'application/json', undefined);

test('a document is accepted only when header, body and index entry say the same, and its form is that of the type', () => {
  fc.assert(
    fc.property(type, type, type, fc.boolean(), (header, body, entry, asIndex) => {
      const { mediaType: _, ...form } = asIndex ? index : manifest;
      const document = { ...form, ...(body === undefined ? {} : { mediaType: body }) };
      const said = new Set([header, body, entry].filter((each) => each !== undefined));
      const result = code(document, header, entry);
      if (result === 'accepted') {
        expect(said.size).toBe(1);
        const kind = parse(document, header, entry).kind;
        expect(kind).toBe(asIndex ? 'index' : 'manifest');
        expect([...said][0]).toMatch(asIndex ? /index|list/ : /manifest\.v/);
      } else if (said.size > 1) {
        expect(result).toBe('MEDIA_TYPE_MISMATCH');
      } else {
        expect(['MEDIA_TYPE_UNSUPPORTED', 'DOCUMENT_MALFORMED', 'NOT_AN_IMAGE']).toContain(result);
      }
    }),
    { numRuns: 1000 },
  );
});

test('a document that reads as an index and as a manifest is refused under every type', () => {
  for (const mediaType of [ociIndex, ociManifest, dockerManifestList, dockerManifest]) {
    const both = { ...manifest, ...index, mediaType };
    expect(code(both, mediaType)).toBe('DOCUMENT_AMBIGUOUS');
    const { layers: _, ...withConfig } = both;
    expect(code(withConfig, mediaType)).toBe('DOCUMENT_AMBIGUOUS');
  }
});

test('schema 1 is refused by name, signed or not, whatever it is called', () => {
  const schema1 = { schemaVersion: 1, name: 'a', tag: 'b', fsLayers: [], history: [] };
  expect(code(schema1, mediaTypes.dockerSchema1)).toBe('SCHEMA1_UNSUPPORTED');
  expect(code({ ...schema1, signatures: [] }, mediaTypes.dockerSchema1Signed)).toBe('SCHEMA1_UNSUPPORTED');
  expect(code(schema1, 'application/json')).toBe('SCHEMA1_UNSUPPORTED');
  expect(code(schema1, dockerManifest)).toBe('SCHEMA1_UNSUPPORTED');
  expect(code({ ...manifest, fsLayers: [] }, ociManifest)).toBe('SCHEMA1_UNSUPPORTED');
  expect(() => parse({ ...schema1, signatures: [] }, mediaTypes.dockerSchema1Signed)).toThrow('schema 1 (signed)');
});

test('attestations, signatures and unknown entries of an index are left out', () => {
  const image = { ...descriptor(ociManifest), platform: { os: 'linux', architecture: 'arm64', variant: 'v8' } };
  const document = {
    ...index,
    manifests: [
      { ...descriptor(ociManifest), platform: { os: 'unknown', architecture: 'unknown' } },
      {
        ...image,
        annotations: { 'vnd.docker.reference.type': 'attestation-manifest', 'vnd.docker.reference.digest': 'x' },
      },
      { ...descriptor(ociManifest), artifactType: 'application/vnd.example.sbom' },
      descriptor('application/vnd.example+json'),
      descriptor(ociIndex),
      image,
    ],
  };
  const parsed = parse(document, ociIndex);
  expect(parsed.kind === 'index' && parsed.entries).toEqual([image]);
});

test.each<[string, unknown, OciErrorCode]>([
  ['an artifact', { ...manifest, config: descriptor('application/vnd.cncf.helm.config.v1+json') }, 'NOT_AN_IMAGE'],
  ['a strange layer', { ...manifest, layers: [descriptor('application/wasm')] }, 'MEDIA_TYPE_UNSUPPORTED'],
  ['128 layers', { ...manifest, layers: Array(128).fill(descriptor(mediaTypes.ociLayer)) }, 'TOO_MANY_LAYERS'],
  ['a huge config', { ...manifest, config: descriptor(mediaTypes.ociConfig, 5_000_000) }, 'DOCUMENT_TOO_LARGE'],
  ['no layers field', { ...manifest, layers: undefined }, 'DOCUMENT_MALFORMED'],
  ['layers of another form', { ...manifest, layers: {} }, 'DOCUMENT_MALFORMED'],
  ['a negative size', { ...manifest, layers: [descriptor(mediaTypes.ociLayer, -1)] }, 'DOCUMENT_MALFORMED'],
  ['half a byte', { ...manifest, layers: [descriptor(mediaTypes.ociLayer, 1.5)] }, 'DOCUMENT_MALFORMED'],
  ['a size beyond 2^53', { ...manifest, layers: [descriptor(mediaTypes.ociLayer, 2 ** 60)] }, 'DOCUMENT_MALFORMED'],
  [
    'a digest that climbs out',
    { ...manifest, layers: [{ ...descriptor(mediaTypes.ociLayer), digest: 'sha256:../../../etc/passwd' }] },
    'DOCUMENT_MALFORMED',
  ],
  ['another schema version', { ...manifest, schemaVersion: 3 }, 'DOCUMENT_MALFORMED'],
  ['no schema version', { ...manifest, schemaVersion: undefined }, 'DOCUMENT_MALFORMED'],
  ['a list', [manifest], 'DOCUMENT_MALFORMED'],
  ['null', null, 'DOCUMENT_MALFORMED'],
])('%s is refused', (_name, document, expected) => {
  expect(code(document, ociManifest)).toBe(expected);
});

test('127 layers are accepted', () => {
  expect(code({ ...manifest, layers: Array(127).fill(descriptor(mediaTypes.ociLayer)) }, ociManifest)).toBe('accepted');
});

test('where a foreign layer could be had elsewhere is not even read', () => {
  const foreign = {
    ...descriptor('application/vnd.docker.image.rootfs.foreign.diff.tar.gzip'),
    urls: ['http://attacker.example/layer'],
  };
  const parsed = parse({ ...manifest, layers: [foreign] }, ociManifest);
  expect(JSON.stringify(parsed)).not.toContain('attacker');
  expect(parsed.kind === 'manifest' && parsed.layers.length).toBe(1);
});

test.each([
  ['not JSON', Buffer.from('<html>')],
  ['cut JSON', Buffer.from('{"schemaVersion":2')],
  ['not UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
  ['a byte order mark', Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(JSON.stringify(manifest))])],
  ['nothing', Buffer.alloc(0)],
  ['a million brackets', Buffer.alloc(1_000_000, '[')],
])('%s is malformed', (_name, bytes) => {
  expect(() => parseManifestDocument(bytes, { header: ociManifest })).toThrow(OciError);
});

test('no JSON value makes the parser fail in any way but its own', () => {
  const field = fc.jsonValue();
  const document = fc.record(
    { schemaVersion: fc.constant(2), mediaType: field, config: field, layers: field, manifests: field },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.oneof(document, field), fc.constantFrom(ociIndex, ociManifest), (value, header) => {
      expect(typeof code(value, header)).toBe('string');
    }),
  );
});
