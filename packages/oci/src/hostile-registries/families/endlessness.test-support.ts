import { BLOB, lying, PROTOCOL, PULLED, raw, refused, TIMEOUT, TOO_LARGE } from '../cases.test-support.ts';
import { always, basic, both, endless, exceptFor, IMAGE, LAYER } from '../honest.test-support.ts';
import type { Family } from '../hostile-registry.test-support.ts';
import { basicThat, flood } from '../raw-answers.test-support.ts';

const { mediaType, digest } = IMAGE.manifest;
const CONFIG = IMAGE.config.digest;
const MANIFEST_HEADERS = { 'content-type': mediaType, 'docker-content-digest': digest };

const SPACES = ' '.repeat(65_536);

export const endlessness: Family = {
  title: 'Bodies without end',
  what: 'Read up to a limit and no further; what has a length that is above it is not begun.',
  registries: [
    lying('a manifest', TOO_LARGE, endless(200, MANIFEST_HEADERS, SPACES)),
    lying(
      'a manifest that says how long it is',
      TOO_LARGE,
      endless(200, { ...MANIFEST_HEADERS, 'content-length': '1000000000000' }, SPACES),
    ),
    lying('a manifest of five megabytes', TOO_LARGE, always(200, MANIFEST_HEADERS, SPACES.repeat(80))),
    lying('a config', TOO_LARGE, exceptFor(CONFIG, endless(200, {}, SPACES))),
    lying('a token', TOO_LARGE, both(endless(200, {}, SPACES))),
    lying('a token of zeros', TOO_LARGE, both(endless(200, {}, Buffer.alloc(65_536)))),
    lying('a layer', refused('SIZE_MISMATCH'), exceptFor(LAYER.digest, endless(200, {}, SPACES)), BLOB),
    lying('a refusal', refused('REGISTRY_FORBIDDEN'), endless(403, {}, SPACES)),
    lying(
      'a refusal with a message first',
      refused('REGISTRY_FORBIDDEN'),
      endless(403, {}, `{"errors":[{"message":"${'x'.repeat(65_536)}`),
    ),
    lying('a "not found"', refused('MANIFEST_NOT_FOUND'), endless(404, {}, SPACES)),
    lying('a server error', refused('REGISTRY_UNAVAILABLE'), endless(500, {}, SPACES)),
    lying('a 401', PULLED, basicThat(endless(401, { 'www-authenticate': 'Basic realm="x"' }, SPACES))),
    lying(
      'a redirect',
      PULLED,
      basic(exceptFor('/manifests/v1', endless(307, { location: '/v2/moved/manifests/x' }, SPACES))),
    ),
    lying("a token server's refusal", refused('REGISTRY_UNAUTHORIZED'), both(endless(401, {}, SPACES))),
    raw('a status line', TIMEOUT, flood('HTTP/1.1 200 ', 'O'.repeat(65_536))),
    raw('the name of a header', PROTOCOL, flood('HTTP/1.1 200 OK\r\n', 'x'.repeat(65_536))),
    raw('the value of a header', PROTOCOL, flood('HTTP/1.1 200 OK\r\nx: ', 'x'.repeat(65_536))),
    raw('headers', PROTOCOL, flood('HTTP/1.1 200 OK\r\n', 'x: y\r\n'.repeat(10_000))),
    raw(
      'the extension of a chunk',
      TIMEOUT,
      flood('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5;', 'x'.repeat(65_536)),
    ),
    raw(
      'trailers',
      PROTOCOL,
      flood('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n', 'x: y\r\n'.repeat(10_000)),
    ),
    raw(
      'chunks of a hundred bytes',
      TOO_LARGE,
      flood('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n', `64\r\n${' '.repeat(100)}\r\n`.repeat(1000)),
    ),
  ],
};
