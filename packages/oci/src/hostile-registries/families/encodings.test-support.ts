import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { BLOB, lying, PROTOCOL, PULLED, refused } from '../cases.test-support.ts';
import { always, exceptFor, IMAGE, LAYER } from '../honest.test-support.ts';
import type { Family } from '../hostile-registry.test-support.ts';

const { mediaType, digest, bytes } = IMAGE.manifest;
const CONFIG = IMAGE.config.digest;
const MANIFEST_HEADERS = { 'content-type': mediaType, 'docker-content-digest': digest };

export const encodings: Family = {
  title: 'Content-Encoding',
  what: 'None is asked for, and none is taken: digests and sizes are those of the bytes as they are stored.',
  registries: [
    lying(
      'gzip, packed so',
      PROTOCOL,
      always(200, { ...MANIFEST_HEADERS, 'content-encoding': 'gzip' }, gzipSync(bytes)),
    ),
    lying('gzip, not packed so', PROTOCOL, always(200, { ...MANIFEST_HEADERS, 'content-encoding': 'gzip' }, bytes)),
    lying(
      'gzip, a bomb',
      PROTOCOL,
      always(200, { ...MANIFEST_HEADERS, 'content-encoding': 'gzip' }, gzipSync(Buffer.alloc(50_000_000))),
    ),
    lying('x-gzip', PROTOCOL, always(200, { ...MANIFEST_HEADERS, 'content-encoding': 'x-gzip' }, gzipSync(bytes))),
    lying(
      'GZIP in capitals',
      PROTOCOL,
      always(200, { ...MANIFEST_HEADERS, 'content-encoding': 'GZIP' }, gzipSync(bytes)),
    ),
    lying('deflate', PROTOCOL, always(200, { ...MANIFEST_HEADERS, 'content-encoding': 'deflate' }, deflateSync(bytes))),
    lying(
      'brotli',
      PROTOCOL,
      always(200, { ...MANIFEST_HEADERS, 'content-encoding': 'br' }, brotliCompressSync(bytes)),
    ),
    lying(
      'several',
      PROTOCOL,
      always(200, { ...MANIFEST_HEADERS, 'content-encoding': 'identity, gzip' }, gzipSync(bytes)),
    ),
    lying('one that there is not', PROTOCOL, always(200, { ...MANIFEST_HEADERS, 'content-encoding': 'evil' }, bytes)),
    lying(
      'of the config',
      PROTOCOL,
      exceptFor(CONFIG, always(200, { 'content-encoding': 'gzip' }, gzipSync(IMAGE.config.bytes))),
    ),
    lying(
      'of the layer',
      PROTOCOL,
      exceptFor(LAYER.digest, always(200, { 'content-encoding': 'gzip' }, gzipSync(LAYER.bytes))),
      BLOB,
    ),
    lying(
      'identity, which is none',
      PULLED,
      exceptFor('/manifests/', always(200, { ...MANIFEST_HEADERS, 'content-encoding': 'identity' }, bytes)),
    ),
    lying('gzip without saying so', refused('DIGEST_MISMATCH'), always(200, MANIFEST_HEADERS, gzipSync(bytes))),
  ],
};
