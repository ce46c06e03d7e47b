import { BLOB, lying, PROTOCOL, PULLED, refused, TIMEOUT } from '../cases.test-support.ts';
import { always, basic, both, exceptFor, IMAGE, LAYER, PASSWORD, tokens } from '../honest.test-support.ts';
import type { Family, Handler } from '../hostile-registry.test-support.ts';

const { mediaType, digest, bytes } = IMAGE.manifest;
const CONFIG = IMAGE.config.digest;
const MANIFEST_HEADERS = { 'content-type': mediaType, 'docker-content-digest': digest };

const limited = (status: number, header: string): Handler => always(status, { 'retry-after': header });
const RATE = refused('RATE_LIMITED');
const DOWN = refused('REGISTRY_UNAVAILABLE');

export const patience: Family = {
  title: 'Retry-After and statuses',
  what: 'A pause that is longer than is worth waiting for is reported, with its length; nonsense is no pause.',
  registries: [
    ...(
      ['3600', '99999999', '9999999999', 'Fri, 31 Dec 9999 23:59:59 GMT', 'Thu, 01 Jan 2060 00:00:00 GMT'] as const
    ).flatMap((header) => [
      lying(`429 for ${header}`, RATE, limited(429, header)),
      lying(`503 for ${header}`, DOWN, limited(503, header)),
    ]),
    ...(
      [
        '0',
        '-1',
        '-99999',
        '1e9',
        '0x10',
        'soon',
        '',
        'Infinity',
        'NaN',
        '99999999999999999999',
        '0.0000001',
        'Thu, 01 Jan 1970 00:00:00 GMT',
        '0, 99999',
        'P1Y',
        '١',
      ] as const
    )
      .filter((header) => /^[\x20-\x7e]*$/.test(header))
      .map((header) => lying(`429 for ${JSON.stringify(header)}, which is no pause`, RATE, limited(429, header))),
    lying('429 with two pauses', RATE, always(429, { 'retry-after': ['0', '99999'] })),
    lying(
      'a limit of nothing, on a good answer',
      PULLED,
      withHeaders({ 'ratelimit-limit': '0;w=0', 'ratelimit-remaining': '-5;w=1e9', 'ratelimit-reset': '99999999999' }),
    ),
    lying(
      'a limit of a kilobyte, on a good answer',
      PULLED,
      withHeaders({ 'ratelimit-limit': '9'.repeat(1000), 'x-ratelimit-remaining': 'x'.repeat(1000) }),
    ),
    lying(
      'a limit that is a date of next century, on a 429',
      RATE,
      always(429, { 'ratelimit-remaining': '0', 'ratelimit-reset': '9999999999' }),
    ),
    ...([400, 402, 405, 406, 409, 410, 411, 413, 416, 418, 421, 426, 451] as const).map((status) =>
      lying(`${status}`, PROTOCOL, always(status)),
    ),
    ...([201, 202, 203, 204, 205, 206, 207, 226] as const).map((status) =>
      lying(
        `${status}, a success that is none`,
        PROTOCOL,
        always(status, MANIFEST_HEADERS, status === 204 || status === 205 ? '' : bytes),
      ),
    ),
    ...([500, 501, 502, 504, 505, 511, 599] as const).map((status) => lying(`${status}`, DOWN, always(status))),
    lying('408', TIMEOUT, always(408)),
    lying('403', refused('REGISTRY_FORBIDDEN'), always(403)),
    lying('404', refused('MANIFEST_NOT_FOUND'), always(404)),
    lying('404 of the config', refused('BLOB_NOT_FOUND'), exceptFor(CONFIG, always(404))),
    lying('404 of the layer', refused('BLOB_NOT_FOUND'), exceptFor(LAYER.digest, always(404)), BLOB),
    ...Object.entries({
      'no list': '{"errors":7}',
      null: '{"errors":[null]}',
      'a list in a list': '{"errors":[[[[]]]]}',
      'codes that are objects': '{"errors":[{"code":{},"message":{}}]}',
      'escapes of a terminal': '{"errors":[{"code":"\\u001b[2J","message":"\\u202e\\r\\nX"}]}',
      'a message of fifty kilobytes': `{"errors":[{"message":"${'x'.repeat(50_000)}"}]}`,
      'keys of JavaScript': '{"__proto__":{"errors":[]},"errors":{"__proto__":1}}',
      'a hundred thousand brackets': '['.repeat(60_000),
      'no UTF-8': '\xff\xfe',
    }).map(([what, text]) =>
      lying(
        `403 with ${what} for its reason`,
        refused('REGISTRY_FORBIDDEN'),
        always(403, {}, Buffer.from(text, 'latin1')),
      ),
    ),
    lying(
      '403 with the password for its reason',
      refused('REGISTRY_FORBIDDEN'),
      basic(always(403, {}, JSON.stringify({ errors: [{ message: `${'x'.repeat(280)}${PASSWORD}` }] }))),
    ),
  ],
};

function withHeaders(headers: Readonly<Record<string, string>>): Handler {
  return (request, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    both(tokens)(request, response);
  };
}
