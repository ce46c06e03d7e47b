import { sha256 } from '../../layers/digest.test-support.ts';
import {
  bad,
  base,
  described,
  good,
  INDEX,
  type Json,
  LAYER,
  LAYER_ENTRY,
  MANIFEST,
  OCI,
  withManifest,
  withText,
} from '../documents.test-support.ts';
import type { Family } from '../hostile-image.test-support.ts';

const text = JSON.stringify(MANIFEST);

export const json: Family = {
  title: 'Documents that are hardly JSON',
  what: 'A manifest, index or config is one JSON object in UTF-8 and nothing else. Of a key that comes twice the last counts, as with Go; keys that Slipway does not use are not looked at.',
  images: [
    bad('nothing', 'DOCUMENT_MALFORMED', () => withText('')),
    bad('a blank', 'DOCUMENT_MALFORMED', () => withText(' ')),
    bad('null', 'DOCUMENT_MALFORMED', () => withText('null')),
    bad('a list of manifests', 'DOCUMENT_MALFORMED', () => withText(`[${text}]`)),
    bad('a text that is JSON', 'DOCUMENT_MALFORMED', () => withText(JSON.stringify(text))),
    bad('two objects', 'DOCUMENT_MALFORMED', () => withText(text + text)),
    bad('cut off', 'DOCUMENT_MALFORMED', () => withText(text.slice(0, -1))),
    bad('garbage behind it', 'DOCUMENT_MALFORMED', () => withText(`${text}x`)),
    bad('a NUL behind it', 'DOCUMENT_MALFORMED', () => withText(`${text}\0`)),
    bad('comments', 'DOCUMENT_MALFORMED', () => withText(`/* */${text}`)),
    bad('a comma too many', 'DOCUMENT_MALFORMED', () => withText(text.replace(/}$/, ',}'))),
    bad('keys without quotes', 'DOCUMENT_MALFORMED', () => withText(text.replace('"schemaVersion"', 'schemaVersion'))),
    bad('single quotes', 'DOCUMENT_MALFORMED', () => withText(text.replaceAll('"', "'"))),
    bad('a byte order mark', 'DOCUMENT_MALFORMED', () => withText(`\ufeff${text}`)),
    bad('UTF-16', 'DOCUMENT_MALFORMED', () => withText(Buffer.from(text, 'utf16le'))),
    bad('bytes that are no UTF-8', 'DOCUMENT_MALFORMED', () =>
      withText(Buffer.from(text.replace(/}$/, ',"a":"\xff"}'), 'latin1')),
    ),
    bad('NaN', 'DOCUMENT_MALFORMED', () => withText(text.replace(/"size":\d+/, '"size":NaN'))),
    bad('a hundred thousand brackets', 'DOCUMENT_MALFORMED', () => withText('['.repeat(100_000))),
    bad('a hundred thousand objects in one another', 'DOCUMENT_MALFORMED', () => withText('{"a":'.repeat(100_000))),
    good('lists in one another where nobody looks', {}, () =>
      withText(text.replace(/}$/, `,"a":${'['.repeat(5000)}${']'.repeat(5000)}}`)),
    ),
    bad('lists in one another in place of the layers', 'DOCUMENT_MALFORMED', () =>
      withManifest({ layers: [[[[[[]]]]]] }),
    ),
    good('a key twice, of which the last counts', { manifest: { layers: { length: 1 } } }, () =>
      withText(text.replace(/^{/, '{"layers":[],')),
    ),
    bad('a key twice, of which the last is wrong', 'DOCUMENT_MALFORMED', () =>
      withText(text.replace(/}$/, ',"layers":7}')),
    ),
    good('a key in other letters', {}, () => withText(text.replace(/}$/, ',"Layers":[],"CONFIG":{}}'))),
    good('keys of JavaScript', {}, () =>
      withText(text.replace(/}$/, ',"__proto__":{"config":1},"constructor":{"prototype":{"layers":[]}}}')),
    ),
    bad('its parts in __proto__', 'DOCUMENT_MALFORMED', () =>
      withText(`{"schemaVersion":2,"mediaType":"${OCI}","__proto__":${text}}`),
    ),
    bad('five megabytes of blanks before it', 'DOCUMENT_TOO_LARGE', () => withText(' '.repeat(5 * 1024 * 1024) + text)),
    good('nearly four megabytes of annotations', {}, () => withManifest({ annotations: { a: 'x'.repeat(4_000_000) } })),
    good('escapes in its keys', {}, () => withText(text.replace('"layers"', '"\\u006cayers"'))),
  ],
};

/** Fields of a descriptor, and what they must not be. */
const DESCRIPTOR_LIES: Readonly<Record<string, Json>> = {
  'a size in words': { size: '100' },
  'a negative size': { size: -1 },
  'a size with a fraction': { size: 1.5 },
  'a size above 2^53': { size: 2 ** 60 },
  'no size': { size: null },
  'a digest of sha512': { digest: `sha512:${'a'.repeat(128)}` },
  'a digest that is a path': { digest: 'sha256:../../../../etc/passwd' },
  'a digest in capitals': { digest: `sha256:${'A'.repeat(64)}` },
  'a digest that is a number': { digest: 7 },
  'a media type of a kilobyte': { mediaType: 'x'.repeat(1024) },
  'a media type that is a list': { mediaType: [LAYER] },
};

export const manifests: Family = {
  title: 'Manifests',
  what: 'Header, body and descriptor must name one media type, nothing may be an index and a manifest at once, and no descriptor may lead elsewhere: `urls` and `data` are not read.',
  images: [
    ...Object.entries(DESCRIPTOR_LIES).map(([what, lies]) =>
      bad(`a layer with ${what}`, 'DOCUMENT_MALFORMED', () => withManifest({ layers: [{ ...LAYER_ENTRY, ...lies }] })),
    ),
    ...Object.entries(DESCRIPTOR_LIES).map(([what, lies]) =>
      bad(`a config with ${what}`, 'DOCUMENT_MALFORMED', () =>
        withManifest({ config: { ...described(base.config), ...lies } }),
      ),
    ),
    bad('no config', 'DOCUMENT_MALFORMED', () => withManifest({ config: null })),
    bad('no layers', 'DOCUMENT_MALFORMED', () => withManifest({ layers: null })),
    bad('layers that are an object', 'DOCUMENT_MALFORMED', () =>
      withManifest({ layers: { 0: LAYER_ENTRY, length: 1 } }),
    ),
    bad('128 layers', 'TOO_MANY_LAYERS', () =>
      withManifest({ layers: Array.from({ length: 128 }, () => LAYER_ENTRY) }),
    ),
    bad('ten thousand layers', 'TOO_MANY_LAYERS', () =>
      withManifest({ layers: Array.from({ length: 10_000 }, () => LAYER_ENTRY) }),
    ),
    bad('a layer that the config does not have', 'LAYER_COUNT_MISMATCH', () =>
      withManifest({ layers: [LAYER_ENTRY, LAYER_ENTRY] }),
    ),
    bad('fewer layers than the config has', 'LAYER_COUNT_MISMATCH', () => withManifest({ layers: [] })),
    good('foreign urls of a layer', { layers: { length: 1 } }, () =>
      withManifest({ layers: [{ ...LAYER_ENTRY, urls: ['http://169.254.169.254/', 'file:///etc/passwd'] }] }),
    ),
    good('a foreign layer of Windows', { layers: [{ size: LAYER_ENTRY?.size }] }, () =>
      withManifest({
        layers: [
          {
            ...LAYER_ENTRY,
            mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
            urls: ['http://127.0.0.1:1/'],
          },
        ],
      }),
    ),
    good('other bytes in `data` of the config', { config: { user: '' } }, () =>
      withManifest({
        config: { ...described(base.config), data: Buffer.from('{"config":{"User":"0"}}').toString('base64') },
      }),
    ),
    bad('a config of a chart', 'NOT_AN_IMAGE', () =>
      withManifest({ config: { ...described(base.config), mediaType: 'application/vnd.cncf.helm.config.v1+json' } }),
    ),
    bad('an empty config, as artifacts have', 'NOT_AN_IMAGE', () =>
      withManifest({
        artifactType: 'text/evil',
        config: { mediaType: 'application/vnd.oci.empty.v1+json', digest: sha256(Buffer.from('{}')), size: 2 },
      }),
    ),
    bad('a config of five megabytes', 'DOCUMENT_TOO_LARGE', () =>
      withManifest({ config: { ...described(base.config), size: 5 * 1024 * 1024 } }),
    ),
    bad('a layer of a program', 'MEDIA_TYPE_UNSUPPORTED', () =>
      withManifest({ layers: [{ ...LAYER_ENTRY, mediaType: 'application/vnd.wasm.content.layer.v1+wasm' }] }),
    ),
    bad('an encrypted layer', 'MEDIA_TYPE_UNSUPPORTED', () =>
      withManifest({ layers: [{ ...LAYER_ENTRY, mediaType: `${LAYER}+encrypted` }] }),
    ),
    bad('a config that is a layer', 'NOT_AN_IMAGE', () => withManifest({ config: LAYER_ENTRY })),
    bad('another media type in the body than in the header', 'MEDIA_TYPE_MISMATCH', () =>
      withManifest({ mediaType: INDEX }),
    ),
    bad('a schema version of 3', 'DOCUMENT_MALFORMED', () => withManifest({ schemaVersion: 3 })),
    bad('a schema version in words', 'DOCUMENT_MALFORMED', () => withManifest({ schemaVersion: '2' })),
    bad('schema 1', 'SCHEMA1_UNSUPPORTED', () => withManifest({ schemaVersion: 1 })),
    bad('layers of schema 1 beside its own', 'SCHEMA1_UNSUPPORTED', () => withManifest({ fsLayers: [] })),
    bad('an index in it', 'DOCUMENT_AMBIGUOUS', () => withManifest({ manifests: [] })),
    bad('a media type that nobody knows', 'MEDIA_TYPE_UNSUPPORTED', () =>
      withText(JSON.stringify({ ...MANIFEST, mediaType: 'text/evil' }), 'text/evil'),
    ),
    bad('no media type at all', 'MEDIA_TYPE_UNSUPPORTED', () =>
      withText(JSON.stringify({ ...MANIFEST, mediaType: undefined }), ''),
    ),
    good('parameters behind its media type', {}, () => withText(text, `${OCI}; charset=utf-8; x="y"`)),
    good('itself as its subject', {}, () => withManifest({ subject: described(base.manifest) })),
  ],
};
