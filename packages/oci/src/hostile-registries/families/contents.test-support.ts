import { jsonContent } from '@slipway/testing';
import { mediaTypes } from '../../media-types.ts';
import { lying, PULLED, refused } from '../cases.test-support.ts';
import { always, basic, endless, exceptFor, honest, IMAGE, LAYER } from '../honest.test-support.ts';
import type { Family, Handler, Play } from '../hostile-registry.test-support.ts';

const BLOB: Partial<Play> = { action: 'blob' };
const { mediaType, digest, size, bytes } = IMAGE.manifest;
const OTHER = `sha256:${'0'.repeat(64)}`;
const DIGEST = refused('DIGEST_MISMATCH');
const SIZE = refused('SIZE_MISMATCH');
const TYPE = refused('MEDIA_TYPE_MISMATCH');

const manifest = (headers: Readonly<Record<string, string>>, body: string | Uint8Array = bytes): Handler =>
  exceptFor('/manifests/', always(200, { 'content-type': mediaType, ...headers }, body));
const config = (body: string | Uint8Array): Handler => exceptFor(IMAGE.config.digest, always(200, {}, body));
const layer = (handler: Handler): Handler => exceptFor(LAYER.digest, handler);
const changed = (content: Uint8Array): Buffer => {
  const copy = Buffer.from(content);
  copy[copy.length - 2] = (copy[copy.length - 2] ?? 0) ^ 1;
  return copy;
};

/** An index that says this of the image's manifest. */
function index(entry: object, inner: Handler = honest): Handler {
  const platform = { os: 'linux', architecture: 'amd64' };
  const made = jsonContent(mediaTypes.ociIndex, {
    schemaVersion: 2,
    mediaType: mediaTypes.ociIndex,
    manifests: [{ digest, mediaType, size, platform, ...entry }],
  });
  return (request, response) =>
    (request.url?.endsWith('/manifests/v1') ? always(200, { 'content-type': made.mediaType }, made.bytes) : inner)(
      request,
      response,
    );
}

export const lies: Family = {
  title: 'Contents that are not what they are said to be',
  what: 'The digest is that of the bytes; headers can only contradict it, and what contradicts anything else is refused.',
  registries: [
    lying('a digest in the header that is another', DIGEST, manifest({ 'docker-content-digest': OTHER })),
    lying(
      'a digest in the header that is no digest',
      DIGEST,
      manifest({ 'docker-content-digest': 'sha256:../../evil' }),
    ),
    lying(
      'a digest in the header in capitals',
      DIGEST,
      manifest({ 'docker-content-digest': digest.toUpperCase().replace('SHA', 'sha') }),
    ),
    lying(
      'a digest in the header of another kind',
      PULLED,
      manifest({ 'docker-content-digest': `sha512:${'0'.repeat(128)}` }),
    ),
    lying('no digest in the header', PULLED, manifest({})),
    lying('a type in the header of an index', TYPE, manifest({ 'content-type': mediaTypes.ociIndex })),
    lying('a type in the header of Docker', TYPE, manifest({ 'content-type': mediaTypes.dockerManifest })),
    lying('a type in the header of a page', TYPE, manifest({ 'content-type': 'text/html' })),
    lying('a type in the header of JSON', TYPE, manifest({ 'content-type': 'application/json' })),
    lying('a type in the header in capitals', PULLED, manifest({ 'content-type': mediaType.toUpperCase() })),
    lying(
      'a type in the header of schema 1',
      refused('SCHEMA1_UNSUPPORTED'),
      manifest({ 'content-type': mediaTypes.dockerSchema1 }),
    ),
    lying(
      'a page in place of a manifest',
      refused('DOCUMENT_MALFORMED'),
      always(200, { 'content-type': 'text/html' }, '<html>login</html>'),
    ),
    lying('nothing in place of a manifest', refused('DOCUMENT_MALFORMED'), always(200, { 'content-type': mediaType })),
    lying(
      'a layer in place of a manifest',
      refused('DOCUMENT_MALFORMED'),
      always(200, { 'content-type': mediaType }, LAYER.bytes),
    ),
    lying(
      'the config in place of a manifest',
      refused('DOCUMENT_MALFORMED'),
      always(200, { 'content-type': mediaType }, IMAGE.config.bytes),
    ),
    lying(
      'another manifest behind an index',
      DIGEST,
      index({}, exceptFor(digest, always(200, { 'content-type': mediaType }, changed(bytes)))),
    ),
    lying(
      'a blank more behind an index',
      DIGEST,
      index({}, exceptFor(digest, always(200, { 'content-type': mediaType }, `${bytes} `))),
    ),
    lying('an index that says a larger size', SIZE, index({ size: size + 1 })),
    lying('an index that says a smaller size', SIZE, index({ size: size - 1 })),
    lying('an index that says another type', TYPE, index({ mediaType: mediaTypes.dockerManifest })),
    lying(
      'an index whose manifest has another type in its header',
      TYPE,
      index({}, exceptFor(digest, always(200, { 'content-type': mediaTypes.dockerManifest }, bytes))),
    ),
    lying(
      'an index of another platform',
      refused('PLATFORM_UNAVAILABLE'),
      index({ platform: { os: 'linux', architecture: 's390x' } }),
    ),
    lying(
      'an index that leads to itself',
      DIGEST,
      index({}, (request, response) => index({})(Object.assign(request, { url: '/manifests/v1' }), response)),
      {},
    ),
    lying(
      'an index that is not there for its digest',
      refused('MANIFEST_NOT_FOUND'),
      index({}, exceptFor(digest, always(404))),
    ),
    lying('an index that says foreign urls', PULLED, index({ urls: ['http://169.254.169.254/'] })),
    lying('another config', DIGEST, config(changed(IMAGE.config.bytes))),
    lying('a config that is longer', SIZE, config(`${IMAGE.config.bytes} `)),
    lying('a config that is shorter', SIZE, config(IMAGE.config.bytes.subarray(1))),
    lying('a config that is empty', SIZE, config('')),
    lying('a config of the size of a layer', refused('SIZE_MISMATCH'), config(LAYER.bytes)),
    lying('another layer', DIGEST, layer(always(200, {}, changed(LAYER.bytes))), BLOB),
    lying('a layer that is longer', SIZE, layer(always(200, {}, Buffer.concat([LAYER.bytes, Buffer.of(0)]))), BLOB),
    lying('a layer that is shorter', SIZE, layer(always(200, {}, LAYER.bytes.subarray(1))), BLOB),
    lying(
      'a layer that is longer, without saying so',
      SIZE,
      layer(chunked(Buffer.concat([LAYER.bytes, Buffer.of(0)]))),
      BLOB,
    ),
    lying('a layer that is shorter, without saying so', SIZE, layer(chunked(LAYER.bytes.subarray(1))), BLOB),
    lying('a layer that is empty', SIZE, layer(always(200, {}, '')), BLOB),
    lying('a layer of zeros', DIGEST, layer(always(200, {}, Buffer.alloc(LAYER.size))), BLOB),
    lying('a page in place of a layer', SIZE, layer(always(200, { 'content-type': 'text/html' }, '<html>')), BLOB),
    lying(
      'a layer with a digest in its header that is another',
      PULLED,
      layer(always(200, { 'docker-content-digest': OTHER }, LAYER.bytes)),
      BLOB,
    ),
    lying(
      'a layer with a type in its header that is another',
      PULLED,
      layer(always(200, { 'content-type': 'text/html' }, LAYER.bytes)),
      BLOB,
    ),
  ],
};

function chunked(body: Uint8Array): Handler {
  return (_request, response) => {
    response.writeHead(200);
    response.write(body.subarray(0, 10));
    response.end(body.subarray(10));
  };
}

const HALF = 20_000;
const range = (from: number, to = LAYER.size - 1, total: number | string = LAYER.size): Record<string, string> => ({
  'content-range': `bytes ${from}-${to}/${total}`,
});

/** Breaks off in the middle of the layer, and answers the request for the rest. */
function resumed(rest: Handler): Handler {
  return layer((request, response) => {
    if (request.headers.range !== undefined) return rest(request, response);
    response.writeHead(200, { 'content-length': LAYER.size });
    response.write(LAYER.bytes.subarray(0, HALF), () => response.socket?.destroy());
  });
}

/** The rest that was asked for, wherever it begins. */
const restOf =
  (
    make: (from: number) => {
      readonly status?: number;
      readonly headers: Record<string, string>;
      readonly body: Uint8Array;
    },
  ): Handler =>
  (request, response) => {
    const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const { status = 206, headers, body } = make(from);
    response.writeHead(status, headers).end(body);
  };
const tail = (from: number): Buffer => LAYER.bytes.subarray(from);
const RANGE = refused('RANGE_MISMATCH');

export const ranges: Family = {
  title: 'Downloads gone on with',
  what: 'A range must be the one that was asked for, of a blob of the size that the manifest says; the digest of the whole tells whether the pieces belong together.',
  registries: [
    lying('as it should be', PULLED, resumed(restOf((from) => ({ headers: range(from), body: tail(from) }))), BLOB),
    lying('the whole again', PULLED, resumed(restOf(() => ({ status: 200, headers: {}, body: LAYER.bytes }))), BLOB),
    lying(
      'the whole again, of another blob',
      DIGEST,
      resumed(restOf(() => ({ status: 200, headers: {}, body: changed(LAYER.bytes) }))),
      BLOB,
    ),
    lying(
      'the whole again, of another size',
      SIZE,
      resumed(restOf(() => ({ status: 200, headers: {}, body: LAYER.bytes.subarray(5) }))),
      BLOB,
    ),
    lying(
      'a range that begins earlier',
      RANGE,
      resumed(restOf((from) => ({ headers: range(from - 1), body: tail(from - 1) }))),
      BLOB,
    ),
    lying(
      'a range that begins later',
      RANGE,
      resumed(restOf((from) => ({ headers: range(from + 1), body: tail(from + 1) }))),
      BLOB,
    ),
    lying('a range from the beginning', RANGE, resumed(restOf(() => ({ headers: range(0), body: LAYER.bytes }))), BLOB),
    lying(
      'a range of a larger blob',
      RANGE,
      resumed(
        restOf((from) => ({
          headers: range(from, LAYER.size + 4, LAYER.size + 5),
          body: Buffer.concat([tail(from), Buffer.alloc(5)]),
        })),
      ),
      BLOB,
    ),
    lying(
      'a range of a smaller blob',
      RANGE,
      resumed(
        restOf((from) => ({ headers: range(from, LAYER.size - 6, LAYER.size - 5), body: tail(from).subarray(0, -5) })),
      ),
      BLOB,
    ),
    lying(
      'a range that is of something else',
      RANGE,
      resumed(
        restOf((from) => ({
          headers: { 'content-range': `items ${from}-${LAYER.size - 1}/${LAYER.size}` },
          body: tail(from),
        })),
      ),
      BLOB,
    ),
    lying(
      'a range of negative numbers',
      RANGE,
      resumed(restOf((from) => ({ headers: { 'content-range': 'bytes -5--1/5' }, body: tail(from) }))),
      BLOB,
    ),
    lying(
      'a range of huge numbers',
      RANGE,
      resumed(
        restOf((from) => ({
          headers: { 'content-range': `bytes ${from}-99999999999999999999/99999999999999999999` },
          body: tail(from),
        })),
      ),
      BLOB,
    ),
    lying(
      'a range the wrong way round',
      RANGE,
      resumed(restOf((from) => ({ headers: range(LAYER.size - 1, from), body: tail(from) }))),
      BLOB,
    ),
    lying(
      'a range in words',
      RANGE,
      resumed(restOf((from) => ({ headers: { 'content-range': 'all of it' }, body: tail(from) }))),
      BLOB,
    ),
    lying('no range', RANGE, resumed(restOf((from) => ({ headers: {}, body: tail(from) }))), BLOB),
    lying(
      'a range that cannot be',
      RANGE,
      resumed(restOf(() => ({ headers: { 'content-range': `bytes */${LAYER.size}` }, body: Buffer.alloc(0) }))),
      BLOB,
    ),
    lying(
      'several ranges',
      RANGE,
      resumed(
        restOf((from) => ({ headers: { 'content-type': 'multipart/byteranges; boundary=x' }, body: tail(from) })),
      ),
      BLOB,
    ),
    lying(
      'a total that is not known',
      PULLED,
      resumed(restOf((from) => ({ headers: range(from, LAYER.size - 1, '*'), body: tail(from) }))),
      BLOB,
    ),
    lying(
      'a range of other bytes',
      DIGEST,
      resumed(restOf((from) => ({ headers: range(from), body: changed(tail(from)) }))),
      BLOB,
    ),
    lying(
      'a range that is longer than it says',
      SIZE,
      resumed(restOf((from) => ({ headers: range(from), body: Buffer.concat([tail(from), Buffer.alloc(10)]) }))),
      BLOB,
    ),
    lying(
      'a range without end',
      SIZE,
      resumed((request, response) =>
        endless(
          206,
          range(Number(/\d+/.exec(request.headers.range ?? '')?.[0])),
          ' '.repeat(65_536),
        )(request, response),
      ),
      BLOB,
    ),
    lying(
      '416',
      refused('REGISTRY_PROTOCOL'),
      resumed(always(416, { 'content-range': `bytes */${LAYER.size}` })),
      BLOB,
    ),
    lying('404', refused('BLOB_NOT_FOUND'), resumed(always(404)), BLOB),
    lying(
      'another registry',
      refused('ADDRESS_REFUSED'),
      resumed(always(307, { location: 'http://169.254.169.254/' })),
      BLOB,
    ),
    lying(
      'a part that nobody asked for',
      refused('REGISTRY_PROTOCOL'),
      layer(always(206, range(0), LAYER.bytes)),
      BLOB,
    ),
    lying(
      'one byte at a time',
      refused('REGISTRY_UNREACHABLE'),
      layer((request, response) => {
        const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
        response.writeHead(
          from === 0 ? 200 : 206,
          from === 0
            ? { 'content-length': LAYER.size }
            : { ...range(from), 'content-length': String(LAYER.size - from) },
        );
        response.write(LAYER.bytes.subarray(from, from + 1), () => response.socket?.destroy());
      }),
      BLOB,
    ),
    lying(
      'the password on the way',
      PULLED,
      basic(resumed(restOf((from) => ({ headers: range(from), body: tail(from) })))),
      BLOB,
    ),
  ],
};
