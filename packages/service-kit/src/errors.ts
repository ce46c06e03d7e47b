/** The kinds every error is one of; edges map them to HTTP statuses or log levels in one table. */
export type ErrorKind =
  | 'not-found'
  | 'conflict'
  | 'invalid'
  | 'unauthenticated'
  | 'forbidden'
  | 'unavailable'
  | 'timeout'
  | 'exhausted'
  | 'internal';

/** An error with a stable code. Services extend it once each, with the codes they document. */
export class CodedError extends Error {
  readonly code: string;
  readonly kind: ErrorKind;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: string,
    kind: ErrorKind,
    message: string,
    options: { readonly cause?: unknown; readonly details?: Readonly<Record<string, unknown>> } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.kind = kind;
    this.details = options.details ?? {};
  }
}

const MAX_CAUSES = 8;

/** One line for a human: the message and those of its causes. */
export function describeError(error: unknown): string {
  const parts: string[] = [];
  let current: unknown = error;
  // Bounded, for causes may lead in a circle.
  for (let depth = 0; current !== undefined && current !== null && depth < MAX_CAUSES; depth++) {
    if (!(current instanceof Error)) {
      parts.push(String(current));
      break;
    }
    const code =
      'code' in current && typeof current.code === 'string' && !(current instanceof CodedError)
        ? ` (${current.code})`
        : '';
    const message = current.message || current.name;
    // Many a message ends with that of its cause.
    if (!parts.some((part) => part.includes(message))) parts.push(`${message}${code}`);
    current = current.cause;
  }
  return parts.join(': ');
}

/** Every error of this package, and what it means for the one who reads it. */
export const kitErrors = {
  CONFIG_INVALID: { kind: 'invalid', means: 'Settings are missing or wrong; the message names all of them.' },
  TOKEN_KEYS_UNAVAILABLE: { kind: 'unavailable', means: 'uaa gave no token keys, so no token can be checked.' },
  SEAL_BROKEN: { kind: 'invalid', means: 'Sealed credentials were made for another key, or were changed.' },
} as const satisfies Record<string, { readonly kind: ErrorKind; readonly means: string }>;
