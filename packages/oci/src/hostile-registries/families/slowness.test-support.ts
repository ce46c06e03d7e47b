import { BLOB, first, HTTPS, lying, PULLED, raw, refused, TIMEOUT } from '../cases.test-support.ts';
import { BEARER, basic, both, drip, exceptFor, IMAGE, LAYER, stall } from '../honest.test-support.ts';
import type { Family } from '../hostile-registry.test-support.ts';
import { basicThat, dribble, flood, interim, onlyFor } from '../raw-answers.test-support.ts';

const { mediaType, digest, size } = IMAGE.manifest;
const CONFIG = IMAGE.config.digest;
const MANIFEST_HEADERS = { 'content-type': mediaType, 'docker-content-digest': digest };

export const slowness: Family = {
  title: 'Slowness',
  what: 'Everything has a deadline: connecting, TLS, headers, the pauses in a body, a document in all, and a least rate for blobs.',
  registries: [
    lying('no answer', TIMEOUT, () => undefined),
    lying(
      'no answer for the config',
      TIMEOUT,
      exceptFor(CONFIG, () => undefined),
    ),
    lying(
      'no answer for the layer',
      TIMEOUT,
      exceptFor(LAYER.digest, () => undefined),
      BLOB,
    ),
    lying(
      'no answer of the token server',
      TIMEOUT,
      both(() => undefined),
    ),
    first('no answer in TLS', TIMEOUT, () => undefined, HTTPS),
    raw('TLS letter by letter', TIMEOUT, dribble('\x16\x03\x03\x40\x00', '\x02'), HTTPS),
    raw('a status line letter by letter', TIMEOUT, dribble('HTTP/1.1 200 ', 'O')),
    raw('headers letter by letter', TIMEOUT, dribble('HTTP/1.1 200 OK\r\nX: ', 'y')),
    raw('a header now and then', TIMEOUT, dribble('HTTP/1.1 200 OK\r\n', 'X: y\r\n')),
    raw(
      'an answer in between, and then none',
      TIMEOUT,
      (socket) => void socket.write('HTTP/1.1 103 Early Hints\r\n\r\n'),
    ),
    raw('answers in between, now and then', TIMEOUT, dribble('', 'HTTP/1.1 103 Early Hints\r\n\r\n')),
    raw('answers in between, without end', TIMEOUT, flood('', 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(100))),
    raw(
      'answers in between for a layer, without end',
      TIMEOUT,
      onlyFor(LAYER.digest, flood('', 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(100))),
      BLOB,
    ),
    raw(
      'answers in between for a layer, now and then',
      TIMEOUT,
      onlyFor(LAYER.digest, dribble('', 'HTTP/1.1 103 Early Hints\r\n\r\n')),
      BLOB,
    ),
    raw(
      'a status line without end for a layer',
      TIMEOUT,
      onlyFor(LAYER.digest, flood('HTTP/1.1 200 ', 'O'.repeat(65_536))),
      BLOB,
    ),
    raw(
      'the extension of a chunk of a layer, without end',
      TIMEOUT,
      onlyFor(LAYER.digest, flood('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5;', 'x'.repeat(65_536))),
      BLOB,
    ),
    raw(
      'the extension of a chunk of a layer, letter by letter',
      TIMEOUT,
      onlyFor(LAYER.digest, dribble('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5;', 'x')),
      BLOB,
    ),
    raw(
      'trailers of a layer, now and then',
      TIMEOUT,
      onlyFor(
        LAYER.digest,
        dribble(`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nxxxxx\r\n0\r\n`, 'x: y\r\n'),
      ),
      BLOB,
    ),
    lying('a manifest letter by letter', TIMEOUT, drip(200, MANIFEST_HEADERS, ' ')),
    lying(
      'a manifest that stops in the middle',
      TIMEOUT,
      stall(200, { ...MANIFEST_HEADERS, 'content-length': size }, '{'),
    ),
    lying('a manifest that never begins', TIMEOUT, stall(200, { ...MANIFEST_HEADERS, 'content-length': size })),
    lying('a config letter by letter', TIMEOUT, exceptFor(CONFIG, drip(200, {}, ' '))),
    lying(
      'a config that stops in the middle',
      TIMEOUT,
      exceptFor(CONFIG, stall(200, { 'content-length': IMAGE.config.size }, '{')),
    ),
    lying('a token letter by letter', TIMEOUT, both(drip(200, {}, ' '))),
    lying('a token that stops in the middle', TIMEOUT, both(stall(200, {}, `{"token":"${BEARER}`))),
    lying(
      'a layer letter by letter',
      TIMEOUT,
      exceptFor(LAYER.digest, drip(200, { 'content-length': String(LAYER.size) }, 'x')),
      BLOB,
    ),
    lying(
      'a layer that stops in the middle',
      TIMEOUT,
      exceptFor(LAYER.digest, stall(200, { 'content-length': LAYER.size }, 'x')),
      BLOB,
    ),
    lying(
      'a layer that never begins',
      TIMEOUT,
      exceptFor(LAYER.digest, stall(200, { 'content-length': LAYER.size })),
      BLOB,
    ),
    lying('a refusal letter by letter', refused('REGISTRY_FORBIDDEN'), drip(403, {}, ' ')),
    lying(
      'a refusal that stops in the middle',
      refused('MANIFEST_NOT_FOUND'),
      stall(404, { 'content-length': 100 }, '{'),
    ),
    lying('a 401 letter by letter', PULLED, basicThat(drip(401, { 'www-authenticate': 'Basic realm="x"' }, ' '))),
    lying(
      'a redirect whose body never ends',
      PULLED,
      basic(exceptFor('/manifests/v1', drip(307, { location: '/v2/moved/manifests/x' }, ' '))),
    ),
    raw('an interim answer before the real one', PULLED, interim('HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n')),
    raw(
      'a hundred interim answers before the real one',
      PULLED,
      interim('HTTP/1.1 102 Processing\r\n\r\n'.repeat(100)),
    ),
  ],
};
