import type { OciErrorCode } from '../errors.ts';
import type { ExpectedContent } from '../verify-stream.ts';
import { parseContentRange } from './content-range.ts';
import { type Ask, RegistryError } from './registry-error.ts';
import type { RepositorySession } from './repository-session.ts';
import type { Answer } from './transport.ts';

/** An answer with a blob's bytes from some place on. */
export interface OpenedBlob {
  readonly answer: Answer;
  /** Bytes at the beginning of the body that were had before: the server does not know of ranges. */
  readonly skip: number;
  /** Where the body ends, as the answer says; undefined: it does not. */
  readonly end: number | undefined;
}

/**
 * Asks for a blob from byte `offset` on, once. What is answered must be what was asked for: the whole (200), of the size
 * that the manifest gives, or the range (206) from exactly there. No If-Range: the digest tells whether the pieces are of
 * one blob.
 *
 * @throws RegistryError
 */
export async function openBlob(
  session: RepositorySession,
  ask: Ask,
  { digest, size }: ExpectedContent,
  offset: number,
  signal: AbortSignal | undefined,
): Promise<OpenedBlob> {
  const request = { path: `blobs/${digest}` };
  if (offset === 0) {
    const answer = await session.send(ask, request, signal);
    return whole(answer, ask, size, 0);
  }
  const headers = { range: `bytes=${offset}-` };
  const answer = await session.send(ask, { ...request, headers, accept: [200, 206] }, signal);
  return answer.status === 206 ? rest(answer, ask, size, offset) : whole(answer, ask, size, offset);
}

function whole(answer: Answer, ask: Ask, size: number, skip: number): OpenedBlob {
  const announced = answer.header('content-length');
  if (announced !== undefined && announced !== String(size)) {
    throw refuse(answer, ask, 'SIZE_MISMATCH', `it has ${announced} bytes of it; the manifest says ${size}`, {
      expected: size,
      received: Number(announced),
    });
  }
  return { answer, skip, end: announced === undefined ? undefined : size };
}

/** A server may give less than was asked for (RFC 9110, 15.3.7), but not another piece, nor one of something else. */
function rest(answer: Answer, ask: Ask, size: number, offset: number): OpenedBlob {
  const header = answer.header('content-range');
  const range = parseContentRange(header);
  const wrong = (what: string): RegistryError =>
    refuse(answer, ask, 'RANGE_MISMATCH', `asked for bytes ${offset} to ${size - 1}, it answered 206 with ${what}`, {
      offset,
      size,
    });
  if (range === undefined) throw wrong(`the Content-Range ${JSON.stringify(header?.slice(0, 100) ?? 'none')}`);
  if (range.first !== offset) throw wrong(`bytes from ${range.first} on`);
  if (range.last >= size || (range.total ?? size) !== size) {
    throw wrong(`bytes up to ${range.last} of ${range.total ?? 'an unknown number'}`);
  }
  const announced = answer.header('content-length');
  const length = range.last - range.first + 1;
  if (announced !== undefined && announced !== String(length)) {
    throw wrong(`a Content-Range of ${length} bytes and a Content-Length of ${announced.slice(0, 20)}`);
  }
  return { answer, skip: 0, end: range.last + 1 };
}

function refuse(
  answer: Answer,
  ask: Ask,
  code: OciErrorCode,
  detail: string,
  details: Readonly<Record<string, number>>,
): RegistryError {
  answer.discard();
  return new RegistryError(code, ask, detail, { url: answer.url, status: answer.status, details });
}
