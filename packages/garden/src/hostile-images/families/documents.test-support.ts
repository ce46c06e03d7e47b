import { type BuiltContent, buildImage, buildLayer, jsonContent } from '@slipway/testing';
import { sha256 } from '../../layers/digest.test-support.ts';
import type { Documents, Family, HostileDocuments, Outcome } from '../hostile-image.test-support.ts';

const OCI = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const LIST = 'application/vnd.docker.distribution.manifest.list.v2+json';
const CONFIG = 'application/vnd.oci.image.config.v1+json';
const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';

type Json = Record<string, unknown>;
type Refusal = Extract<Outcome, { refused: unknown }>['refused'];

const base = buildImage({ layers: [buildLayer([{ name: 'f', content: 'x' }])] });
const parsed = (content: BuiltContent): Json => JSON.parse(content.bytes.toString()) as Json;
const MANIFEST = parsed(base.manifest);
const CONFIG_JSON = parsed(base.config);
const [LAYER_ENTRY] = MANIFEST.layers as readonly Json[];

const content = (mediaType: string, bytes: Uint8Array | string): BuiltContent => {
  const buffer = Buffer.from(bytes as string);
  return { mediaType, bytes: buffer, size: buffer.length, digest: sha256(buffer) as BuiltContent['digest'] };
};
const described = ({ mediaType, digest, size }: BuiltContent): Json => ({ mediaType, digest, size });

/** What is asked for as `v1`, and what else there is. */
function registry(top: BuiltContent, others: readonly BuiltContent[], blobs: readonly BuiltContent[]): Documents {
  const named = Object.fromEntries(others.map((each) => [each.digest, each]));
  return {
    manifests: { v1: top, [top.digest]: top, ...named },
    blobs: Object.fromEntries(blobs.map(({ digest, bytes }) => [digest, bytes])),
  };
}

/** An image with another config: an object, or the text itself. */
function withConfig(config: Json | string | Uint8Array): Documents {
  const made =
    typeof config === 'string' || config instanceof Uint8Array ? content(CONFIG, config) : jsonContent(CONFIG, config);
  return registry(jsonContent(OCI, { ...MANIFEST, config: described(made) }), [], [made]);
}

const withFields = (fields: Json): Documents => withConfig({ ...CONFIG_JSON, config: fields });
const withManifest = (changes: Json): Documents =>
  registry(jsonContent(OCI, { ...MANIFEST, ...changes }), [], [base.config]);
const withText = (text: string | Uint8Array, mediaType = OCI): Documents =>
  registry(content(mediaType, text), [], [base.config]);

function bad(name: string, code: Refusal, documents: () => Documents): HostileDocuments {
  return { kind: 'documents', name, expect: { refused: code }, documents };
}

function good(name: string, read: unknown, documents: () => Documents): HostileDocuments {
  return { kind: 'documents', name, expect: { read }, documents };
}

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

const FIELD_LIES: Readonly<Record<string, readonly unknown[]>> = {
  Env: ['A=b', { A: 'b' }, [1]],
  Entrypoint: [7, { 0: 'sh' }, [['sh']]],
  Cmd: [true, { 0: 'sh' }, [null]],
  WorkingDir: [['/'], 7, { a: 1 }],
  User: [0, ['root'], { uid: 0 }],
  ExposedPorts: [['80/tcp'], '80/tcp', 80],
  StopSignal: [9, ['SIGKILL'], {}],
  Healthcheck: ['CMD true', ['CMD', 'true'], { Test: 'CMD true' }],
  Volumes: [['/'], '/', 1],
};

const NUL = '\0';
export const configs: Family = {
  title: 'Image configs',
  what: 'Only the fields that are used are read, each of its own type and bounded; labels never leave the parser.',
  images: [
    ...Object.entries(FIELD_LIES).flatMap(([field, lies]) =>
      lies.map((lie) =>
        bad(`${field}: ${JSON.stringify(lie)}`, 'DOCUMENT_MALFORMED', () => withFields({ [field]: lie })),
      ),
    ),
    bad('a config that is a text', 'DOCUMENT_MALFORMED', () => withConfig({ ...CONFIG_JSON, config: 'x' })),
    bad('no root file system', 'DOCUMENT_MALFORMED', () => withConfig({ ...CONFIG_JSON, rootfs: undefined })),
    bad('a root file system that is not of layers', 'DOCUMENT_MALFORMED', () =>
      withConfig({ ...CONFIG_JSON, rootfs: { type: 'path', path: '/' } }),
    ),
    bad('diffIDs that are one text', 'DOCUMENT_MALFORMED', () =>
      withConfig({ ...CONFIG_JSON, rootfs: { diff_ids: 'sha256:x' } }),
    ),
    bad('a diffID that is a path', 'DOCUMENT_MALFORMED', () =>
      withConfig({ ...CONFIG_JSON, rootfs: { diff_ids: ['sha256:../../x'] } }),
    ),
    bad('a diffID of sha512', 'DOCUMENT_MALFORMED', () =>
      withConfig({ ...CONFIG_JSON, rootfs: { diff_ids: [`sha512:${'a'.repeat(128)}`] } }),
    ),
    bad('more diffIDs than layers', 'LAYER_COUNT_MISMATCH', () =>
      withConfig({ ...CONFIG_JSON, rootfs: { diff_ids: [sha256(Buffer.of(1)), sha256(Buffer.of(2))] } }),
    ),
    bad('no diffIDs', 'LAYER_COUNT_MISMATCH', () => withConfig({ ...CONFIG_JSON, rootfs: {} })),
    bad('ten thousand diffIDs', 'LAYER_COUNT_MISMATCH', () =>
      withConfig({ ...CONFIG_JSON, rootfs: { diff_ids: Array.from({ length: 10_000 }, () => sha256(Buffer.of(1))) } }),
    ),
    bad('another architecture', 'PLATFORM_UNAVAILABLE', () => withConfig({ ...CONFIG_JSON, architecture: 'riscv64' })),
    bad('an architecture that is a number', 'DOCUMENT_MALFORMED', () =>
      withConfig({ ...CONFIG_JSON, architecture: 64 }),
    ),
    bad('JSON in UTF-16', 'DOCUMENT_MALFORMED', () => withConfig(Buffer.from(JSON.stringify(CONFIG_JSON), 'utf16le'))),
    bad('a list', 'DOCUMENT_MALFORMED', () => withConfig('[]')),
    bad('a NUL in a variable', 'DOCUMENT_MALFORMED', () => withFields({ Env: [`A=b${NUL}c`] })),
    bad('a NUL in the command', 'DOCUMENT_MALFORMED', () => withFields({ Cmd: [`sh${NUL}`] })),
    bad('a NUL in the entrypoint', 'DOCUMENT_MALFORMED', () => withFields({ Entrypoint: [`/bin/sh${NUL}`] })),
    bad('a NUL in the directory', 'DOCUMENT_MALFORMED', () => withFields({ WorkingDir: `/${NUL}` })),
    bad('a NUL in the user', 'DOCUMENT_MALFORMED', () => withFields({ User: `root${NUL}x` })),
    bad('a NUL in a volume', 'DOCUMENT_MALFORMED', () => withFields({ Volumes: { [`/${NUL}`]: {} } })),
    bad('a NUL in the signal', 'DOCUMENT_MALFORMED', () => withFields({ StopSignal: `9${NUL}` })),
    bad('a directory of 5,000 bytes', 'DOCUMENT_MALFORMED', () => withFields({ WorkingDir: '/'.repeat(5000) })),
    bad('a user of 300 bytes', 'DOCUMENT_MALFORMED', () => withFields({ User: 'u'.repeat(300) })),
    bad('a signal of 300 bytes', 'DOCUMENT_MALFORMED', () => withFields({ StopSignal: 'S'.repeat(300) })),
    bad('two megabytes of variables', 'DOCUMENT_TOO_LARGE', () =>
      withFields({ Env: Array.from({ length: 20_000 }, (_, i) => `V${i}=${'x'.repeat(100)}`) }),
    ),
    bad('a megabyte of arguments', 'DOCUMENT_TOO_LARGE', () => withFields({ Cmd: ['x'.repeat(1024 * 1024)] })),
    bad('a million empty arguments', 'DOCUMENT_TOO_LARGE', () =>
      withFields({ Cmd: Array.from({ length: 1_000_000 }, () => '') }),
    ),
    bad('a check of a megabyte', 'DOCUMENT_TOO_LARGE', () =>
      withFields({ Healthcheck: { Test: ['CMD', 'x'.repeat(1024 * 1024)] } }),
    ),
    bad('a check with a negative interval', 'DOCUMENT_MALFORMED', () =>
      withFields({ Healthcheck: { Test: ['CMD', 'x'], Interval: -1 } }),
    ),
    bad('a check with half a retry', 'DOCUMENT_MALFORMED', () =>
      withFields({ Healthcheck: { Test: ['CMD', 'x'], Retries: 0.5 } }),
    ),
    ...[
      '0/tcp',
      '65536/tcp',
      '-1/tcp',
      '80/icmp',
      '80-70/tcp',
      '1-70000/tcp',
      '0x50/tcp',
      '٨٠/tcp',
      '80/tcp/udp',
      '80 /tcp',
      '$PORT/tcp',
      '',
      '80/',
      '1e2/tcp',
      '99999999999999999999/tcp',
      '80\n81/tcp',
    ].map((port) =>
      bad(`the port ${JSON.stringify(port)}`, 'EXPOSED_PORT_INVALID', () =>
        withFields({ ExposedPorts: { [port]: {} } }),
      ),
    ),
    bad('all ports of all three protocols', 'DOCUMENT_TOO_LARGE', () =>
      withFields({ ExposedPorts: { '1-65535/tcp': {}, '1-65535/udp': {}, '1-65535/sctp': {} } }),
    ),
    good('labels that are orders to others', { config: {} }, () =>
      withFields({
        Labels: { 'io.containerd.runtime': 'evil', 'com.docker.compose.project': '$(reboot)', __proto__: 'x' },
      }),
    ),
    good('labels that are no labels', { config: {} }, () => withFields({ Labels: 7 })),
    good('a history and orders of builders', { config: {} }, () =>
      withConfig({ ...CONFIG_JSON, history: 'evil', container_config: { User: 0 }, OnBuild: ['RUN evil'] }),
    ),
    good('keys in other letters, which Go would take', { config: { user: '', env: [] } }, () =>
      withFields({ user: '0', env: ['LD_PRELOAD=/evil'], ENTRYPOINT: ['/evil'] }),
    ),
    good('the user twice, of which the last counts', { config: { user: '1000' } }, () =>
      withConfig(
        JSON.stringify({ ...CONFIG_JSON, config: { User: 'X' } }).replace('"User":"X"', '"User":"0","User":"1000"'),
      ),
    ),
    good('variables without a name', { config: { env: ['GOOD=1'] } }, () =>
      withFields({ Env: ['=x', 'NOTHING', '', 'GOOD=1'] }),
    ),
    good('a lone text as its command', { config: { cmd: ['echo'] } }, () => withFields({ Cmd: 'echo' })),
  ],
};
