import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { digestHex, digestOf, isDigest, parseDigest } from './digest.ts';
import { OciError } from './errors.ts';
import { VerifyingStream } from './verify-stream.ts';

test('digestOf gives what sha256sum gives', () => {
  expect(digestOf('')).toBe('sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const hex = createHash('sha256').update(bytes).digest('hex');
      expect(parseDigest(digestOf(bytes))).toBe(`sha256:${hex}`);
      expect(digestHex(digestOf(bytes))).toBe(hex);
    }),
  );
});

test.each([
  '',
  'sha256:',
  'sha256:../../etc/passwd',
  `sha256:${'a'.repeat(63)}`,
  `sha256:${'a'.repeat(65)}`,
  `sha256:${'A'.repeat(64)}`,
  `sha256:${'g'.repeat(64)}`,
  `sha512:${'a'.repeat(64)}`,
  `SHA256:${'a'.repeat(64)}`,
  ` sha256:${'a'.repeat(64)}`,
  `sha256:${'a'.repeat(64)}\n`,
  'a'.repeat(64),
])('%j is no digest', (text) => {
  expect(isDigest(text)).toBe(false);
  expect(() => parseDigest(text)).toThrow(OciError);
});

/** Cuts bytes into pieces at random places, as a network would. */
const pieces = fc
  .tuple(fc.uint8Array({ maxLength: 300 }), fc.array(fc.nat(300), { maxLength: 6 }))
  .map(([bytes, cuts]) => {
    const at = [0, ...cuts.filter((cut) => cut <= bytes.length).sort((a, b) => a - b), bytes.length];
    return at.slice(1).map((end, i) => Buffer.from(bytes.subarray(at[i], end)));
  });

async function verify(chunks: readonly Buffer[], digest: string, size: number): Promise<Buffer> {
  const stream = new VerifyingStream({ digest: parseDigest(digest), size });
  const [, bytes] = await Promise.all([pipeline(Readable.from(chunks), stream), buffer(stream)]);
  return bytes;
}

test('the right bytes pass unchanged, however they are cut', async () => {
  await fc.assert(
    fc.asyncProperty(pieces, async (chunks) => {
      const bytes = Buffer.concat(chunks);
      expect(await verify(chunks, digestOf(bytes), bytes.length)).toEqual(bytes);
    }),
  );
});

test('one changed bit, one byte more and one byte less all fail, each with its own error', async () => {
  await fc.assert(
    fc.asyncProperty(pieces, fc.nat(), async (chunks, position) => {
      const bytes = Buffer.concat(chunks);
      fc.pre(bytes.length > 0);
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(position % bytes.length) ^ 1, position % bytes.length);
      const digest = digestOf(bytes);
      await expect(verify([changed], digest, bytes.length)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
      await expect(verify([bytes, Buffer.of(0)], digest, bytes.length)).rejects.toMatchObject({
        code: 'SIZE_MISMATCH',
      });
      await expect(verify([bytes.subarray(1)], digest, bytes.length)).rejects.toMatchObject({ code: 'SIZE_MISMATCH' });
    }),
    { numRuns: 50 },
  );
});

test('a mismatch names both values', async () => {
  const wanted = digestOf('right');
  await expect(verify([Buffer.from('wrong')], wanted, 5)).rejects.toThrow(
    `expected ${wanted}, the bytes received are ${digestOf('wrong')}`,
  );
  await expect(verify([Buffer.from('wron')], wanted, 5)).rejects.toThrow('expected 5 bytes, received 4');
});

test('an endless stream ends at the first byte too many', async () => {
  let sent = 0;
  const endless = Readable.from(
    (function* () {
      for (;;) {
        sent += 10;
        yield Buffer.alloc(10);
      }
    })(),
  );
  const stream = new VerifyingStream({ digest: digestOf('x'), size: 25 });
  stream.resume();
  await expect(pipeline(endless, stream)).rejects.toMatchObject({ code: 'SIZE_MISMATCH' });
  // Buffers between the stages may hold a few more chunks, but not many.
  expect(sent).toBeLessThan(1_000_000);
});
