import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ChunkedScanner } from './chunked-scanner.ts';

const bytesOf = (text: string): Uint8Array => Uint8Array.from(text, (char) => char.charCodeAt(0));
const textOf = (pieces: readonly Uint8Array[]): string =>
  pieces.map((piece) => Array.from(piece, (code) => String.fromCharCode(code)).join('')).join('');

interface Scanned {
  readonly text: string;
  readonly after: string;
  readonly done: boolean;
  readonly payloadBytes: number;
}

/** Scans text in portions; undefined when it is refused. */
function scan(text: string, decode: boolean, cuts: readonly number[] = []): Scanned | undefined {
  const scanner = new ChunkedScanner({ decode, maxTrailerBytes: 200, maxFields: 5 });
  const pieces: Uint8Array[] = [];
  const points = [...new Set(cuts.map((cut) => cut % (text.length + 1)))].sort((a, b) => a - b);
  let from = 0;
  for (const to of [...points, text.length]) {
    // Scanners also start in the midst of bytes, after a head.
    const portion = bytesOf(`head${text.slice(from, to)}`);
    const end = scanner.scan(portion, 4, pieces);
    if (end < 0) return undefined;
    from += end - 4;
    if (scanner.done) break;
  }
  const { done, payloadBytes } = scanner;
  return { text: textOf(pieces), after: text.slice(from), done, payloadBytes };
}

const data = fc.string({ unit: fc.constantFrom('a', '\r', '\n', '0', ';', '\xff'), minLength: 1, maxLength: 20 });
const extension = fc.constantFrom('', ';a', ';a=b', ';a="b; \\" c"', ';a;b=c');
const trailer = fc.constantFrom('', 'X-A: b\r\n', 'X-A: b\r\nX-C:\r\n');
const cuts = fc.array(fc.nat(), { maxLength: 15 });

test('a body is found, decoded and passed on wherever the bytes are cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(data, extension)),
      extension,
      trailer,
      data,
      cuts,
      (chunks, last, trailers, after, at) => {
        const encode = (withExtensions: boolean): string => {
          const sized = (part: string, ext: string): string =>
            `${part.length.toString(16)}${withExtensions ? ext : ''}\r\n${part}`;
          return [...chunks.map(([part, ext]) => sized(part, ext)), `${sized('', last)}${trailers}\r\n`].join('\r\n');
        };
        const payload = chunks.map(([part]) => part).join('');
        const whole = { after, done: true, payloadBytes: payload.length };
        expect(scan(encode(true) + after, true, at)).toEqual({ text: payload, ...whole });
        expect(scan(encode(true) + after, false, at)).toEqual({ text: encode(false), ...whole });
      },
    ),
  );
});

test('whatever bytes come, the portions they come in do not matter', () => {
  const noise = fc.string({
    unit: fc.constantFrom('\r\n', '\r', '\n', '0', '2', 'a', ';', '=', '"', 'X: y', ' '),
    maxLength: 30,
  });
  fc.assert(
    fc.property(noise, fc.boolean(), cuts, (text, decode, at) => {
      expect(scan(text, decode, at)).toEqual(scan(text, decode));
    }),
    { numRuns: 5_000 },
  );
});

test('an unfinished body is not done, and its end by the connection’s end is no end', () => {
  const scanner = new ChunkedScanner({ decode: false, maxTrailerBytes: 100, maxFields: 5 });
  scanner.scan(bytesOf('5\r\nab'), 0, []);
  expect(scanner.done).toBe(false);
  expect(scanner.finish()).toBe(false);
});

test.each([
  '',
  ' ',
  'g',
  '-1',
  '+1',
  '0x1',
  '1 ',
  '11111111111111111',
  'ffffffffffffffff',
  '1;',
  '1;=b',
  '1;a=',
  '1;a="b',
  '1;a b',
  '1; a',
])('the size line %j is refused', (line) => {
  expect(scan(`${line}\r\na\r\n0\r\n\r\n`, false)).toBeUndefined();
});

test('sizes may have zeros in front and letters of either case', () => {
  const body = `00A\r\n0123456789\r\n000a\r\n0123456789\r\n00\r\n\r\n`;
  expect(scan(body, true)).toMatchObject({ done: true, payloadBytes: 20 });
});

test('trailers that the router knows are left out, framing among them is refused', () => {
  expect(scan('0\r\nX-A: b\r\nX-Forwarded-For: c\r\nx_cf_instanceid: d\r\n\r\n', false)?.text).toBe(
    '0\r\nX-A: b\r\n\r\n',
  );
  expect(scan('0\r\nContent-Length: 1\r\n\r\n', false)).toBeUndefined();
  expect(scan('0\r\nTransfer-Encoding: chunked\r\n\r\n', false)).toBeUndefined();
});

test('a trailer section beyond its limits is refused', () => {
  expect(scan(`0\r\nX-A: ${'b'.repeat(300)}\r\n\r\n`, false)).toBeUndefined();
  expect(scan(`0\r\n${'A: b\r\n'.repeat(6)}\r\n`, false)).toBeUndefined();
});

test.each(['2\r\nabX\n0\r\n\r\n', '2\r\nab\rX0\r\n\r\n', '2\r\nabc\r\n0\r\n\r\n'])(
  'data must end where its size says: %j',
  (body) => {
    expect(scan(body, false)).toBeUndefined();
  },
);
