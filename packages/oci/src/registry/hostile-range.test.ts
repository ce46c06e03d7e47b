import type { IncomingMessage, ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { buildLayer } from '@slipway/testing';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseContentRange } from './content-range.ts';
import { failure, repositoryAt, retries, SHORT, serve } from './hostile-pull.test-support.ts';
import { MIN_RESUME_BYTES } from './limits.ts';

/** Three megabytes that do not pack: broken off where a test wants it. */
const content = Array.from({ length: 3 * MIN_RESUME_BYTES }, (_, i) => String.fromCharCode(97 + ((i * i) % 23))).join(
  '',
);
const blob = buildLayer([{ name: 'a', content }], 'none');

const asked = (request: IncomingMessage): number | undefined => {
  const first = /^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1];
  return first === undefined ? undefined : Number(first);
};

/** A server whose n-th answer `answer` gives; it must be told the range that was asked for. */
async function blobServer(
  answer: (n: number, from: number, response: ServerResponse, request: IncomingMessage) => void,
) {
  const ranges: (number | undefined)[] = [];
  const server = await serve((request, response) => {
    ranges.push(asked(request));
    answer(ranges.length, asked(request) ?? 0, response, request);
  });
  return { server, ranges };
}

const { length } = blob.bytes;
const range = (from: number, last = length - 1): Record<string, string> => ({
  'content-range': `bytes ${from}-${last}/${length}`,
  'content-length': String(last - from + 1),
});

/** Announces all that is left, sends up to `end` and hangs up. */
function breakOff(response: ServerResponse, from: number, end: number): void {
  response.writeHead(from === 0 ? 200 : 206, from === 0 ? { 'content-length': length } : range(from));
  response.write(blob.bytes.subarray(from, end), () => response.socket?.destroy());
}

test('a download that breaks goes on where it ended, as often as it gets further, and no byte comes twice', async () => {
  const MIB = MIN_RESUME_BYTES;
  const { server, ranges } = await blobServer((n, from, response) => {
    if (n <= 2) breakOff(response, from, n * MIB + 10);
    else response.writeHead(206, range(from)).end(blob.bytes.subarray(from));
  });
  const steps: string[] = [];
  const { repository } = repositoryAt(server, { steps });
  expect(await buffer(await repository.openBlob(blob))).toEqual(blob.bytes);
  expect(ranges).toEqual([undefined, MIB + 10, 2 * MIB + 10]);
  expect(steps.filter((step) => step.includes(`going on at byte ${MIB + 10} of ${length}`)).length).toBe(1);
});

test('a download that stalls goes on where it ended', async () => {
  const { server, ranges } = await blobServer((n, from, response) => {
    if (n > 1) response.writeHead(206, range(from)).end(blob.bytes.subarray(from));
    else response.writeHead(200, { 'content-length': length }).write(blob.bytes.subarray(0, 1000));
  });
  const { repository } = repositoryAt(server, { deadlines: { ...SHORT, blobGraceMs: 60_000 } });
  expect(await buffer(await repository.openBlob(blob))).toEqual(blob.bytes);
  expect(ranges).toEqual([undefined, 1000]);
});

test('a server that does not know of ranges sends all again, and what was had is passed over', async () => {
  const { server, ranges } = await blobServer((n, _from, response) => {
    if (n === 1) breakOff(response, 0, 5000);
    else response.writeHead(200, { 'content-length': length }).end(blob.bytes);
  });
  const { repository } = repositoryAt(server);
  expect(await buffer(await repository.openBlob(blob))).toEqual(blob.bytes);
  expect(ranges).toEqual([undefined, 5000]);
});

test('a server without ranges that always breaks is not asked for ever, although each time brings more', async () => {
  const { server, ranges } = await blobServer((n, _from, response) =>
    breakOff(response, 0, Math.min(n * 0.5 * MIN_RESUME_BYTES, length - 1)),
  );
  const { repository } = repositoryAt(server);
  const error = await failure(repository.openBlob(blob).then(buffer));
  expect(error.code).toBe('REGISTRY_UNREACHABLE');
  expect(ranges.length).toBeLessThanOrEqual(5);
});

test('a server may give a part of what was asked for, if that is of some use', async () => {
  const { server, ranges } = await blobServer((n, from, response) => {
    if (n === 1) return breakOff(response, 0, 10);
    const last = Math.min(from + 2 * MIN_RESUME_BYTES, length) - 1;
    response.writeHead(206, range(from, last)).end(blob.bytes.subarray(from, last + 1));
  });
  const { repository } = repositoryAt(server);
  expect(await buffer(await repository.openBlob(blob))).toEqual(blob.bytes);
  expect(ranges).toEqual([undefined, 10, 10 + 2 * MIN_RESUME_BYTES]);

  const miser = await blobServer((n, from, response) => {
    if (n === 1) breakOff(response, 0, 10);
    else response.writeHead(206, range(from, from)).end(blob.bytes.subarray(from, from + 1));
  });
  const error = await failure(repositoryAt(miser.server).repository.openBlob(blob).then(buffer));
  expect(error).toMatchObject({ code: 'RANGE_MISMATCH', phase: 'blob' });
  expect(miser.ranges).toEqual([undefined, 10, 11, 12]);
});

test('a server that breaks off again and again with nothing is asked four times', async () => {
  const { server, ranges } = await blobServer((_n, from, response) => breakOff(response, from, from));
  const error = await failure(repositoryAt(server).repository.openBlob(blob).then(buffer));
  expect(error.code).toBe('REGISTRY_UNREACHABLE');
  expect(ranges.length).toBe(4);
});

test.each<[lie: string, status: number, headers: Record<string, string>, words: RegExp]>([
  ['no Content-Range', 206, {}, /Content-Range "none"/],
  ['another beginning', 206, range(4999), /bytes from 4999 on/],
  ['a later beginning', 206, range(5001), /bytes from 5001 on/],
  ['the beginning', 206, range(0), /bytes from 0 on/],
  ['another total', 206, { 'content-range': `bytes 5000-${length - 1}/${length + 1}` }, /of 3\d+/],
  ['an end beyond the blob', 206, { 'content-range': `bytes 5000-${length}/*` }, /up to \d+/],
  ['an unsatisfied range', 206, { 'content-range': `bytes */${length}` }, /Content-Range "bytes/],
  ['a range of lines', 206, { 'content-range': `lines 5000-${length - 1}/${length}` }, /"lines 5000/],
  ['two ranges', 206, { 'content-range': `bytes 5000-6000,7000-${length - 1}/${length}` }, /"bytes 5000-6000,/],
  ['a length that is not the range', 206, { ...range(5000), 'content-length': '7' }, /Content-Length of 7/],
  ['a blob of another size', 200, { 'content-length': '7' }, /it has 7 bytes of it/],
  ['no such range', 416, { 'content-range': `bytes */${length}` }, /answered 416/],
  ['no content', 204, {}, /answered 204/],
])('a resumed download that is answered with %s is refused', async (_lie, status, headers, words) => {
  const { server, ranges } = await blobServer((n, _from, response) => {
    if (n === 1) breakOff(response, 0, 5000);
    else response.writeHead(status, headers).end(status === 206 ? blob.bytes.subarray(5000, 5007) : '1234567');
  });
  const error = await failure(repositoryAt(server, { retries }).repository.openBlob(blob).then(buffer));
  expect(error.message).toMatch(words);
  expect(['RANGE_MISMATCH', 'SIZE_MISMATCH', 'REGISTRY_PROTOCOL']).toContain(error.code);
  expect(ranges.length).toBe(2);
});

test('pieces of two blobs do not pass for one', async () => {
  const { server } = await blobServer((n, from, response) => {
    if (n === 1) breakOff(response, 0, 5000);
    else response.writeHead(206, range(from)).end(Buffer.alloc(length - from, 'x'));
  });
  const error = await failure(repositoryAt(server).repository.openBlob(blob).then(buffer));
  expect(error).toMatchObject({ code: 'DIGEST_MISMATCH', phase: 'blob' });
});

test('a reader that gives up while the download is resumed lets go of it', async () => {
  const resumed = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<void>();
  const { server } = await blobServer((n, _from, response, request) => {
    if (n === 1) return breakOff(response, 0, 5000);
    request.socket.once('close', () => gone.resolve());
    resumed.resolve();
  });
  const stream = await repositoryAt(server).repository.openBlob(blob);
  stream.resume();
  await resumed.promise;
  stream.destroy();
  await gone.promise;
});

test('a Content-Range that is read is one of bytes within its total, and reads back', () => {
  const size = fc.nat(2 ** 40);
  fc.assert(
    fc.property(size, size, fc.option(size, { nil: undefined }), (first, last, total) => {
      const parsed = parseContentRange(`bytes ${first}-${last}/${total ?? '*'}`);
      const sound = first <= last && (total === undefined || last < total);
      expect(parsed).toEqual(sound ? { first, last, total } : undefined);
    }),
  );
  fc.assert(
    fc.property(fc.stringMatching(/^[bytes0-9 */=,-]{0,40}$/), (text) => {
      const parsed = parseContentRange(text);
      if (parsed === undefined) return;
      expect(parsed.first).toBeLessThanOrEqual(parsed.last);
      expect(text.trim().toLowerCase()).toContain('bytes');
    }),
  );
});
