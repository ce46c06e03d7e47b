/** Argon2's parameters (RFC 9106). */
export interface Argon2Parameters {
  readonly memoryKib: number;
  readonly passes: number;
  readonly parallelism: number;
}

export interface PasswordHash extends Argon2Parameters {
  readonly salt: Uint8Array;
  readonly hash: Uint8Array;
}

const ARGON2_VERSION = 19;
/** A hash from the database must not make us allocate without bounds. */
const MAX_MEMORY_KIB = 1_048_576;
const MAX_PASSES = 100;
const MAX_PARALLELISM = 16;
const MIN_BYTES = 8;
const PHC =
  /^\$argon2id\$v=(\d{1,3})\$m=(\d{1,8}),t=(\d{1,3}),p=(\d{1,3})\$([A-Za-z0-9+/]{11,128})\$([A-Za-z0-9+/]{11,128})$/;

/** The PHC string format, as every Argon2 library writes it. */
export function formatPasswordHash({ memoryKib, passes, parallelism, salt, hash }: PasswordHash): string {
  const encode = (bytes: Uint8Array): string => bytes.toBase64({ omitPadding: true });
  return `$argon2id$v=${ARGON2_VERSION}$m=${memoryKib},t=${passes},p=${parallelism}$${encode(salt)}$${encode(hash)}`;
}

/** Undefined when the text is no Argon2id hash that we would compute. */
export function parsePasswordHash(text: string): PasswordHash | undefined {
  const match = PHC.exec(text);
  if (match === null) return undefined;
  const [version, memoryKib, passes, parallelism] = match.slice(1, 5).map(Number) as [number, number, number, number];
  const salt = decode(match[5] ?? '');
  const hash = decode(match[6] ?? '');
  const sane =
    version === ARGON2_VERSION &&
    passes >= 1 &&
    passes <= MAX_PASSES &&
    parallelism >= 1 &&
    parallelism <= MAX_PARALLELISM &&
    memoryKib >= 8 * parallelism &&
    memoryKib <= MAX_MEMORY_KIB;
  if (!sane || salt === undefined || hash === undefined) return undefined;
  if (salt.length < MIN_BYTES || hash.length < MIN_BYTES) return undefined;
  return { memoryKib, passes, parallelism, salt, hash };
}

function decode(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.fromBase64(text, { lastChunkHandling: 'loose' });
  } catch {
    // Not base64: the hash is then not one of ours.
    return undefined;
  }
}
