import { createServer, type IncomingMessage, METHODS, type ServerResponse } from 'node:http';
import { Duplex } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { type ClientFacts, requestHeadOut } from '../../domain/forwarding/request-head-out.ts';
import { createBodyScanner } from '../../domain/http/create-body-scanner.ts';
import { parseRequestHead } from '../../domain/http/request-head.ts';
import type { EndpointSpec } from '../../domain/routes/endpoint.ts';
import { HeadReader } from './head-reader.ts';

/*
 * Node's HTTP parser (llhttp) is the oracle. What matters for a router is not that it takes all that others take, but that
 * whatever it takes is read in exactly one way: same method, target, fields, body, and same begin of the next request.
 */

interface Read {
  readonly method: string;
  readonly target: string;
  /** Names in lower case with their values. */
  readonly fields: readonly (readonly [string, string])[];
  readonly body: string;
}

interface Forwarded extends Read {
  readonly host: string;
  readonly head: string;
  /** What a backend is sent. */
  readonly bytes: Buffer;
}

const limits = { maxTrailerBytes: 4_096, maxFields: 100 };
const client: ClientFacts = { ip: '10.0.0.1', proto: 'http', forwardedProto: 'keep', requestId: 'id', receivedAt: 1 };
const spec: EndpointSpec = {
  address: '10.0.0.2:80',
  host: '10.0.0.2',
  port: 80,
  tls: false,
  serverCertDomainSan: '',
  appId: 'app',
  instanceId: 'instance',
  instanceIndex: '0',
  tags: {},
};

/** The requests that our scanners read from a connection's bytes, up to the first one refused. */
function readOurs(bytes: Buffer, portions: readonly number[]): Forwarded[] {
  const requests: Forwarded[] = [];
  const reader = new HeadReader(16_384);
  const queue = cutUp(bytes, portions);
  for (;;) {
    const portion = queue.shift();
    if (portion === undefined) return requests;
    const reading = reader.read(portion);
    if (reading.kind === 'more') continue;
    if (reading.kind !== 'head') return requests;
    const request = parseRequestHead(reading.text, 1_000);
    if (typeof request === 'string') return requests;
    if (reading.rest !== undefined) queue.unshift(reading.rest);
    const payload = createBodyScanner(request.framing, 'payload', limits);
    const passedOn = createBodyScanner(request.framing, 'as-is', limits);
    const payloadPieces: Uint8Array[] = [];
    const pieces: Uint8Array[] = [Buffer.from(requestHeadOut(request, spec, client), 'latin1')];
    while (!payload.done) {
      const next = queue.shift();
      if (next === undefined) return requests;
      const end = payload.scan(next, 0, payloadPieces);
      expect(passedOn.scan(next, 0, pieces)).toBe(end);
      if (end < 0) return requests;
      if (end < next.length) queue.unshift(next.subarray(end));
    }
    requests.push({
      method: request.method,
      // As the client wrote it: an absolute target goes on in origin form.
      target: request.text.split(' ', 2)[1] ?? '',
      fields: request.fields.map(({ name, value }) => [name.toLowerCase(), value] as const),
      body: Buffer.concat(payloadPieces).toString('latin1'),
      host: request.host,
      head: reading.text,
      bytes: Buffer.concat(pieces),
    });
    if (request.connection.close || request.minorVersion === 0 || request.upgrade !== '') return requests;
  }
}

/** Harmless things that Node refuses: methods of others, raw bytes above ASCII in targets, a tab after the coding. */
function isUnknownToNode({ method, target, head }: Forwarded): boolean {
  return !METHODS.includes(method) || /[\x80-\xff]/.test(target) || /^transfer-encoding:.*\t\r$/im.test(head);
}

const asRead = ({ method, target, fields, body }: Read): Read => ({ method, target, fields, body });
const bodyOf = ({ method, body }: Read): string => `${method} ${body}`;

const server = createServer({ maxHeaderSize: 16_384, requireHostHeader: true });
// The end of the bytes is no reason to drop the requests that they held.
Object.assign(server, { httpAllowHalfOpen: true });
server.on('upgrade', (_request, socket) => socket.destroy());
afterAll(() => {
  server.close();
});

/** The whole requests that a node:http server reads from a connection with these bytes. */
async function readTheirs(bytes: Buffer): Promise<Read[]> {
  const requests: { readonly request: IncomingMessage; readonly body: Promise<Buffer> }[] = [];
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    const body = buffer(request);
    requests.push({ request, body });
    body.then(
      () => response.end(),
      () => response.destroy(),
    );
  };
  // Without a listener the server would drop the requests that came before the error as well.
  const onClientError = (_error: Error, socket: Duplex): void => {
    const whole = requests.filter(({ request }) => request.complete).map(({ body }) => body);
    void Promise.allSettled(whole).then(() => socket.destroy());
  };
  server.on('request', onRequest);
  server.on('checkContinue', onRequest);
  server.on('checkExpectation', onRequest);
  server.on('clientError', onClientError);
  // No network between: the server parses what the stream gives it, and closes it at its end or after an error.
  const socket = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  const closed = new Promise((resolve) => socket.once('close', resolve));
  server.emit('connection', socket);
  socket.push(bytes);
  socket.push(null);
  await closed;
  server.off('request', onRequest);
  server.off('checkContinue', onRequest);
  server.off('checkExpectation', onRequest);
  server.off('clientError', onClientError);
  const reads: Read[] = [];
  for (const { request, body } of requests) {
    const [read] = await Promise.allSettled([body]);
    if (read.status === 'rejected') break;
    reads.push({
      method: request.method ?? '',
      target: request.url ?? '',
      fields: request.rawHeaders.flatMap((name, i, all) =>
        i % 2 === 0 ? [[name.toLowerCase(), all[i + 1] ?? ''] as const] : [],
      ),
      body: read.value.toString('latin1'),
    });
  }
  return reads;
}

function cutUp(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const points = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  return [...points, bytes.length].map((to, i, all) => bytes.subarray(i === 0 ? 0 : all[i - 1], to));
}
const cuts = fc.array(fc.nat(), { maxLength: 10 });

const oneOf = (characters: string) => fc.constantFrom(...characters.split(''));
const token = fc.string({ unit: oneOf('abcXYZ019!#$%&*+-.^_`|~'), minLength: 1, maxLength: 12 });
const value = fc
  .string({ unit: oneOf('abc XYZ019:;,"=/\t\xe4'), maxLength: 20 })
  .map((text) => text.replace(/^[ \t]+|[ \t]+$/g, ''));
const reserved =
  /^(host|connection|content-length|transfer-encoding|upgrade|expect|trailer|te|content_length|transfer_encoding)$/i;
const fields = fc.array(
  fc.tuple(
    token.filter((name) => !reserved.test(name)),
    value,
  ),
  { maxLength: 6 },
);
const target = fc.string({ unit: oneOf('abc/?&=%20._-~:@!'), maxLength: 20 }).map((text) => `/${text}`);
const payload = fc.string({
  unit: fc.constantFrom('a', '\r', '\n', '0', '\xff', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'),
  maxLength: 12,
});
const chunkSizes = fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 5 });

/** A request as the standards would have it, with what the standards leave free. */
const request = fc
  .record({
    method: fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'),
    target,
    fields,
    body: fc.oneof(fc.constant(undefined), payload),
    chunks: fc.option(chunkSizes, { nil: undefined }),
    extension: fc.constantFrom('', ';a', ';a=b', ';a="b c"'),
    trailer: fc.constantFrom('', 'X-Sum: 1\r\n'),
    blank: fc.boolean(),
    space: fc.constantFrom('', ' ', '\t', '  '),
  })
  .map(({ method, target: path, fields: extra, body, chunks, extension, trailer, blank, space }) => {
    const lines = [['Host', 'a.test'], ...extra].map(([name, text]) => `${name}:${space}${text}${space}\r\n`).join('');
    const start = `${blank ? '\r\n' : ''}${method} ${path} HTTP/1.1\r\n${lines}`;
    if (body === undefined) return { text: `${start}\r\n`, body: '' };
    if (chunks === undefined) return { text: `${start}Content-Length: ${body.length}\r\n\r\n${body}`, body };
    let rest = body;
    let encoded = '';
    for (const size of chunks) {
      const part = rest.slice(0, size);
      if (part === '') break;
      encoded += `${part.length.toString(16)}${extension}\r\n${part}\r\n`;
      rest = rest.slice(size);
    }
    if (rest !== '') encoded += `${rest.length.toString(16).toUpperCase()}\r\n${rest}\r\n`;
    return { text: `${start}Transfer-Encoding: chunked\r\n\r\n${encoded}0${extension}\r\n${trailer}\r\n`, body };
  });

test('valid requests, one behind the other and cut in any way, are read as Node reads them', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 4 }), cuts, async (requests, at) => {
      const bytes = Buffer.from(requests.map(({ text }) => text).join(''), 'latin1');
      const ours = readOurs(bytes, at);
      expect(ours.map(({ body }) => body)).toEqual(requests.map(({ body }) => body));
      expect(ours.map(asRead)).toEqual(await readTheirs(bytes));
    }),
    { numRuns: 500 },
  );
});

/** What attackers put where a parser may look the other way. */
const oddities = [
  '\r',
  '\n',
  '\r\n',
  '\r\n\r\n',
  '\0',
  ' ',
  '\t',
  '\x0b',
  ':',
  ',',
  ';',
  '+',
  '-',
  '0',
  '0x',
  '5',
  '"',
  '\x7f',
  '\x80',
  'Content-Length: 5',
  'Content-Length: 0',
  'content-length:5\r\n',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding:chunked\r\n',
  'Transfer-Encoding: identity',
  'transfer-encoding',
  'chunked',
  'Host: b',
  'Connection: close',
  'Expect: 100-continue',
  'HTTP/1.0',
  'HTTP/1.1',
  'HTTP/2.0',
  '0\r\n\r\n',
  '5\r\nhello\r\n',
  'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
  'http://b/',
  '//',
  '#',
  '*',
  '@',
];
const edit = fc.record({
  at: fc.nat(),
  remove: fc.integer({ min: 0, max: 3 }),
  insert: fc.constantFrom('', ...oddities),
});

test('whatever we take of deformed requests, Node reads the same way', async () => {
  let taken = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(request, { minLength: 1, maxLength: 2 }),
      fc.array(edit, { minLength: 1, maxLength: 4 }),
      cuts,
      async (requests, edits, at) => {
        let text = requests.map((one) => one.text).join('');
        for (const { at: place, remove, insert } of edits) {
          const index = place % (text.length + 1);
          text = text.slice(0, index) + insert + text.slice(index + remove);
        }
        const bytes = Buffer.from(text, 'latin1');
        const ours = readOurs(bytes, at);
        if (ours.length === 0) return;
        taken++;
        const theirs = await readTheirs(bytes);
        // We may refuse what Node takes, never take what it refuses or reads otherwise.
        const strange = ours.findIndex(isUnknownToNode);
        const known = strange < 0 ? ours : ours.slice(0, strange);
        expect(known.map(asRead)).toEqual(theirs.slice(0, known.length));
        // A backend, too, finds exactly these, one behind the other on a connection that is used again.
        const forwarded = known.filter(({ host }) => host !== '');
        const sent = await readTheirs(Buffer.concat(forwarded.map((one) => one.bytes)));
        expect(sent.map(bodyOf)).toEqual(forwarded.map(bodyOf));
      },
    ),
    { numRuns: 3_000 },
  );
  expect(taken).toBeGreaterThan(300);
});
