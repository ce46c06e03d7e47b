import { lying, PULLED, raw, refused, UNAUTHORIZED } from '../cases.test-support.ts';
import { always, BEARER, both, decoded } from '../honest.test-support.ts';
import type { Family, Handler } from '../hostile-registry.test-support.ts';

const INVALID = refused('TOKEN_INVALID');
const answers = (text: string | Uint8Array): Handler => both(always(200, {}, text));
const json = (value: unknown): Handler => answers(JSON.stringify(value));
/** JSON with the token in it, so that an error which quotes what it could not read would give it away. */
const spoilt = (text: string): Handler => answers(text.replaceAll('TOKEN', BEARER));

export const tokenAnswers: Family = {
  title: 'Token servers that answer amiss',
  what: 'A token is printable text of at most 64 KiB in a JSON object of at most a megabyte. What is not is refused, and not repeated in the error.',
  registries: [
    ...Object.entries({
      nothing: '',
      'a web page': '<html>TOKEN</html>',
      'the bare token': 'TOKEN',
      'a token without quotes': '{"token":TOKEN}',
      'a list': '["TOKEN"]',
      null: 'null',
      'a text': '"TOKEN"',
      'an object that is cut off': '{"token":"TOKEN"',
      'garbage behind it': '{"token":"TOKEN"}x',
      'a comment before it': '/* */{"token":"TOKEN"}',
      'a hundred thousand brackets': `{"token":${'['.repeat(100_000)}`,
      'a life of 1e999 in words': '{"token":"TOKEN","expires_in":"1e999"}',
      'a token in __proto__': '{"__proto__":{"token":"TOKEN"}}',
      'a byte order mark': '\ufeff{"token":"TOKEN"}',
    }).map(([what, text]) => lying(what, INVALID, spoilt(text))),
    lying('bytes that are no UTF-8', INVALID, answers(Buffer.from(`{"token":"${BEARER}\xff"}`, 'latin1'))),
    lying('UTF-16', INVALID, answers(Buffer.from(`{"token":"${BEARER}"}`, 'utf16le'))),
    lying('no token', INVALID, json({})),
    lying('an empty token', INVALID, json({ token: '' })),
    lying('a token that splits the header', INVALID, json({ token: `${BEARER}\r\nX-Evil: 1` })),
    lying('a token with a newline', INVALID, json({ token: `${BEARER}\n` })),
    lying('a token with a NUL', INVALID, json({ token: `${BEARER}\0` })),
    lying('a token with a blank', INVALID, json({ token: `${BEARER} x` })),
    lying('a token of other letters', INVALID, json({ token: `${BEARER}é` })),
    lying('a token of a hundred kilobytes', INVALID, json({ token: BEARER.padEnd(100_000, 'x') })),
    lying('a token that is a number', INVALID, json({ token: 7 })),
    lying('a token that is a list', INVALID, json({ token: [BEARER] })),
    lying('a life in words', INVALID, json({ token: BEARER, expires_in: 'soon' })),
    lying('a life of no time', PULLED, json({ token: BEARER, expires_in: 0 })),
    lying('a negative life', PULLED, json({ token: BEARER, expires_in: -1 })),
    lying('a life of ages', PULLED, json({ token: BEARER, expires_in: 1e300 })),
    lying('a life that is infinite', INVALID, spoilt('{"token":"TOKEN","expires_in":1e999}')),
    lying('two tokens, of which the last counts', PULLED, spoilt('{"token":"x","token":"TOKEN"}')),
    lying(
      'keys of JavaScript beside it',
      PULLED,
      spoilt('{"token":"TOKEN","__proto__":{"expires_in":"x"},"constructor":1}'),
    ),
    lying('a megabyte and more', refused('DOCUMENT_TOO_LARGE'), json({ token: BEARER, pad: 'x'.repeat(1024 * 1024) })),
    lying('401', UNAUTHORIZED, both(always(401))),
    lying('403', UNAUTHORIZED, both(always(403))),
    lying('404', INVALID, both(always(404))),
    lying('204', INVALID, both(always(204))),
    lying('206', INVALID, both(always(206, {}, JSON.stringify({ token: BEARER })))),
    lying('500', refused('REGISTRY_UNAVAILABLE'), both(always(500))),
    lying('429 for an hour', refused('RATE_LIMITED'), both(always(429, { 'retry-after': '3600' }))),
    lying(
      'a refusal that repeats the password',
      UNAUTHORIZED,
      both((request, response) =>
        always(
          401,
          {},
          JSON.stringify({
            errors: [
              {
                code: 'DENIED',
                message: `no: ${request.headers.authorization} ${decoded(request.headers.authorization)}`,
              },
            ],
          }),
        )(request, response),
      ),
    ),
    raw('a token in an answer that breaks off as HTTP', refused('REGISTRY_PROTOCOL'), (socket, first) => {
      const asked = first.toString('latin1');
      const host = /^host: (.*)\r$/im.exec(asked)?.[1];
      socket.end(
        asked.startsWith('GET /token')
          ? `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nno size {"token":"${BEARER}"}\r\n`
          : `HTTP/1.1 401 x\r\nwww-authenticate: Bearer realm="http://${host}/token"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`,
      );
    }),
  ],
};
