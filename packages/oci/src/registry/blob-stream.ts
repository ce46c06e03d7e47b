import { Readable } from 'node:stream';
import type { ExpectedContent } from '../verify-stream.ts';
import { ContentVerifier } from '../verify-stream.ts';
import type { Deadlines } from './limits.ts';
import { type Ask, placeError, RegistryError } from './registry-error.ts';
import { type Answer, networkError } from './transport.ts';

/**
 * The body of an answer as a stream that fails when the bytes are not the expected ones, when they stop, or when they
 * come too slowly. The last byte passes before the digest is known: use what was read only after the stream's `end`.
 */
export function blobStream(
  answer: Answer,
  expected: ExpectedContent,
  ask: Ask,
  deadlines: Deadlines,
  signal: AbortSignal | undefined,
): Readable {
  const stream = Readable.from(verifiedChunks(answer, expected, ask, deadlines, signal), { objectMode: false });
  // A reader that gives up while the next chunk is awaited must not keep the socket until that chunk comes.
  stream.once('close', () => answer.body.destroy());
  return stream;
}

async function* verifiedChunks(
  answer: Answer,
  expected: ExpectedContent,
  ask: Ask,
  deadlines: Deadlines,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const verifier = new ContentVerifier(expected);
  const chunks = (answer.body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  // Only the time spent waiting for the registry counts: a slow disk behind this stream is not its fault.
  let waitedMs = 0;
  try {
    for (;;) {
      const asked = performance.now();
      const { done, value } = await chunks.next();
      waitedMs += performance.now() - asked;
      if (done) {
        break;
      }
      verifier.update(value);
      refuseSlow(verifier.received, expected.size, waitedMs, ask, deadlines);
      yield value;
    }
    verifier.finish();
  } catch (error) {
    signal?.throwIfAborted();
    const placed = placeError(error, ask, answer.url);
    throw placed instanceof RegistryError ? placed : networkError(error, ask, answer.url);
  } finally {
    answer.body.destroy();
  }
}

function refuseSlow(received: number, size: number, waitedMs: number, ask: Ask, deadlines: Deadlines): void {
  const rate = received / (waitedMs / 1000);
  if (received < size && waitedMs > deadlines.blobGraceMs && rate < deadlines.minBytesPerSecond) {
    throw new RegistryError(
      'REGISTRY_TIMEOUT',
      ask,
      `it sent ${received} of ${size} bytes in ${Math.round(waitedMs / 1000)} s, which is too slow`,
      { transient: true },
    );
  }
}
