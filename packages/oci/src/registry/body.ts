import { OciError } from '../errors.ts';
import { printable } from '../printable.ts';
import { MAX_ERROR_BYTES } from './limits.ts';
import { type Ask, RegistryError } from './registry-error.ts';
import { type Answer, networkError } from './transport.ts';

/**
 * Reads a whole body that may have `limit` bytes at most. The announced length is checked before a byte is read.
 *
 * @throws RegistryError, or the signal's reason
 */
export async function readDocument(answer: Answer, ask: Ask, limit: number, signal?: AbortSignal): Promise<Buffer> {
  try {
    return await readAtMost(answer, limit);
  } catch (error) {
    answer.discard();
    signal?.throwIfAborted();
    if (error instanceof OciError) {
      throw new RegistryError(error.code, ask, error.message, { url: answer.url, status: answer.status });
    }
    throw networkError(error, ask, answer.url);
  }
}

async function readAtMost(answer: Answer, limit: number): Promise<Buffer> {
  const tooLarge = (size: string): OciError =>
    new OciError('DOCUMENT_TOO_LARGE', `its answer has ${size} bytes; at most ${limit} are read`);
  const announced = Number(answer.header('content-length') ?? 0);
  if (announced > limit) {
    throw tooLarge(`${announced}`);
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of answer.body as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > limit) {
      throw tooLarge(`more than ${limit}`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

/**
 * What a registry says of its refusal, in the distribution-spec's form `{"errors":[{"code","message"}]}`, as one
 * printable line; empty when it says nothing in that form. Reads a bounded part of the body, and fails never: the
 * status tells enough. `redact` sees the whole text: a secret that is cut in the middle would not be found any more.
 */
export async function readRefusal(answer: Answer, redact: (text: string) => string): Promise<string> {
  const timer = setTimeout(() => answer.discard(), REFUSAL_MS);
  try {
    const body = JSON.parse((await readAtMost(answer, MAX_ERROR_BYTES)).toString('utf8')) as unknown;
    const errors = (body as { errors?: unknown } | null)?.errors;
    const [first] = Array.isArray(errors) ? (errors as unknown[]) : [];
    const { code, message } = (first ?? {}) as { code?: unknown; message?: unknown };
    return printable(redact([code, message].filter((part) => typeof part === 'string' && part !== '').join(': ')));
  } catch {
    // Not JSON, too long, or the connection broke: there is no message then.
    answer.discard();
    return '';
  } finally {
    clearTimeout(timer);
  }
}

/** An error message that takes longer is not worth the wait. */
const REFUSAL_MS = 5_000;
