import type { OciErrorCode } from '../errors.ts';
import { readRefusal } from './body.ts';
import { type Ask, RegistryError } from './registry-error.ts';
import { isTransientStatus, parseRetryAfter } from './retry.ts';
import type { Answer } from './transport.ts';

/** The error for an answer that is neither a success nor a 401. Reads what the registry has to say about it. */
export async function refusalError(
  answer: Answer,
  ask: Ask,
  redact: (text: string) => string,
  /** What it says of its rate limit, in words. */
  limit = '',
): Promise<RegistryError> {
  const { status, url } = answer;
  const words = await readRefusal(answer, redact);
  const retryAfterMs = parseRetryAfter(answer.header('retry-after'), Date.now());
  const wait = retryAfterMs === undefined ? '' : `; it asks to wait ${Math.ceil(retryAfterMs / 1000)} s`;
  const left = status === 429 && limit !== '' ? `, ${limit}` : '';
  const where = url.host === ask.registry ? '' : ` at ${url.host}`;
  return new RegistryError(
    refusalCode(status, ask),
    ask,
    `it answered ${status}${where}${words === '' ? '' : ` (${words})`}${meaning(status)}${left}${wait}`,
    { url, status, retryAfterMs, transient: isTransientStatus(status) },
  );
}

function refusalCode(status: number, ask: Ask): OciErrorCode {
  switch (status) {
    case 401:
      return 'REGISTRY_UNAUTHORIZED';
    case 403:
      return 'REGISTRY_FORBIDDEN';
    case 404:
      return ask.phase === 'config' || ask.phase === 'blob' ? 'BLOB_NOT_FOUND' : 'MANIFEST_NOT_FOUND';
    case 408:
      return 'REGISTRY_TIMEOUT';
    case 429:
      return 'RATE_LIMITED';
    default:
      return status >= 500 ? 'REGISTRY_UNAVAILABLE' : 'REGISTRY_PROTOCOL';
  }
}

function meaning(status: number): string {
  switch (status) {
    case 403:
      return ': access is denied';
    case 404:
      return ': there is no such thing';
    case 429:
      return ': too many requests';
    default:
      return '';
  }
}
