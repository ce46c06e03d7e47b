import { type BuiltContent, jsonContent } from '@slipway/testing';
import { sha256 } from '../../layers/digest.test-support.ts';
import {
  bad,
  base,
  described,
  good,
  INDEX,
  type Json,
  LIST,
  MANIFEST,
  OCI,
  registry,
} from '../documents.test-support.ts';
import type { Documents, Family } from '../hostile-image.test-support.ts';

const entry = (more: Json = {}): Json => ({
  ...described(base.manifest),
  platform: { os: 'linux', architecture: 'amd64' },
  ...more,
});
const withIndex = (
  entries: readonly unknown[],
  more: Json = {},
  others: readonly BuiltContent[] = [base.manifest],
  type = INDEX,
): Documents =>
  registry(jsonContent(type, { schemaVersion: 2, mediaType: type, manifests: entries, ...more }), others, [
    base.config,
  ]);
const inner = jsonContent(INDEX, { schemaVersion: 2, mediaType: INDEX, manifests: [entry()] });
export const indexes: Family = {
  title: 'Indexes',
  what: 'One level deep: an entry that is another index is left out, and one that turns out to be another index is refused. Strangers and attestations are left out.',
  images: [
    good('as it should be', { manifestDigest: base.manifest.digest }, () => withIndex([entry()])),
    bad('that is a manifest as well', 'DOCUMENT_AMBIGUOUS', () =>
      withIndex([entry()], { layers: MANIFEST.layers, config: MANIFEST.config }),
    ),
    bad('with the layers of a manifest', 'DOCUMENT_AMBIGUOUS', () => withIndex([entry()], { layers: [] })),
    bad('with the config of a manifest', 'DOCUMENT_AMBIGUOUS', () => withIndex([entry()], { config: null })),
    bad('of nothing', 'PLATFORM_UNAVAILABLE', () => withIndex([])),
    bad('of another index', 'PLATFORM_UNAVAILABLE', () =>
      withIndex([{ ...described(inner), platform: { os: 'linux', architecture: 'amd64' } }], {}, [
        inner,
        base.manifest,
      ]),
    ),
    bad('of a Docker list', 'PLATFORM_UNAVAILABLE', () => withIndex([entry({ mediaType: LIST })])),
    bad('of an index that is called a manifest', 'MEDIA_TYPE_MISMATCH', () =>
      withIndex([{ ...described(inner), mediaType: OCI, platform: { os: 'linux', architecture: 'amd64' } }], {}, [
        inner,
      ]),
    ),
    bad('of a manifest that is not there', 'MANIFEST_NOT_FOUND', () =>
      withIndex([entry({ digest: sha256(Buffer.from('x')) })]),
    ),
    bad('of a manifest of another size', 'SIZE_MISMATCH', () => withIndex([entry({ size: 5 })])),
    bad('of a manifest called Docker', 'MEDIA_TYPE_MISMATCH', () =>
      withIndex([entry({ mediaType: 'application/vnd.docker.distribution.manifest.v2+json' })]),
    ),
    bad('manifests that are an object', 'DOCUMENT_MALFORMED', () => withIndex([], { manifests: {} })),
    bad('an entry that is null', 'DOCUMENT_MALFORMED', () => withIndex([null])),
    bad('an entry without a digest', 'DOCUMENT_MALFORMED', () => withIndex([entry({ digest: undefined })])),
    bad('an entry whose digest is a path', 'DOCUMENT_MALFORMED', () => withIndex([entry({ digest: 'sha256:../v1' })])),
    bad('an entry whose size is negative', 'DOCUMENT_MALFORMED', () => withIndex([entry({ size: -5 })])),
    bad('a platform that is a text', 'DOCUMENT_MALFORMED', () => withIndex([entry({ platform: 'linux/amd64' })])),
    bad('a platform of numbers', 'DOCUMENT_MALFORMED', () =>
      withIndex([entry({ platform: { os: 1, architecture: 2 } })]),
    ),
    bad('an architecture of a kilobyte', 'DOCUMENT_MALFORMED', () =>
      withIndex([entry({ platform: { os: 'linux', architecture: 'a'.repeat(1024) } })]),
    ),
    bad('another architecture', 'PLATFORM_UNAVAILABLE', () =>
      withIndex([entry({ platform: { os: 'linux', architecture: 's390x' } })]),
    ),
    bad('another system', 'PLATFORM_UNAVAILABLE', () =>
      withIndex([entry({ platform: { os: 'windows', architecture: 'amd64' } })]),
    ),
    bad('a variant that no machine has', 'PLATFORM_UNAVAILABLE', () =>
      withIndex([entry({ platform: { os: 'linux', architecture: 'amd64', variant: 'v9' } })]),
    ),
    bad('a platform with escapes of a terminal', 'PLATFORM_UNAVAILABLE', () =>
      withIndex([entry({ platform: { os: '\x1b[2J', architecture: '\u202eamd64' } })]),
    ),
    bad('an attestation alone', 'PLATFORM_UNAVAILABLE', () =>
      withIndex([entry({ platform: { os: 'unknown', architecture: 'unknown' } })]),
    ),
    bad('an attestation with the platform of the machine', 'PLATFORM_UNAVAILABLE', () =>
      withIndex([entry({ annotations: { 'vnd.docker.reference.type': 'attestation-manifest' } })]),
    ),
    bad('an artifact with the platform of the machine', 'PLATFORM_UNAVAILABLE', () =>
      withIndex([entry({ artifactType: 'text/evil' })]),
    ),
    bad('two entries without a platform', 'PLATFORM_UNAVAILABLE', () =>
      withIndex([entry({ platform: undefined }), entry({ platform: undefined })]),
    ),
    good('one image twice, of which the first counts', { manifestDigest: base.manifest.digest }, () =>
      withIndex([entry(), entry({ digest: sha256(Buffer.from('y')) })]),
    ),
    good('foreign urls of an entry', { manifestDigest: base.manifest.digest }, () =>
      withIndex([entry({ urls: ['http://169.254.169.254/'] })]),
    ),
    good('five thousand strangers before the image', { manifestDigest: base.manifest.digest }, () =>
      withIndex([...Array.from({ length: 5000 }, () => entry({ mediaType: 'text/evil' })), entry()]),
    ),
    bad('itself, by a digest that cannot be', 'MANIFEST_NOT_FOUND', () =>
      withIndex([entry({ digest: `sha256:${'0'.repeat(64)}` })]),
    ),
  ],
};
