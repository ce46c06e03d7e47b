import { CodedError, type ErrorKind } from '@slipway/service-kit';

/** Every error of log-cache: its kind, and what it means for the one who reads it. */
export const logCacheErrors = {
  ENVELOPE_TIMESTAMP_INVALID: {
    kind: 'invalid',
    means: 'A log envelope has a timestamp that no client could read: it is left out and counted.',
  },
  LOG_ACCESS_UNAVAILABLE: { kind: 'unavailable', means: 'cloud-controller did not say who may read the logs.' },
} as const satisfies Record<string, { readonly kind: ErrorKind; readonly means: string }>;

export type LogCacheErrorCode = keyof typeof logCacheErrors;

/** A fault of log-cache, or of what it depends on. */
export class LogCacheError extends CodedError {
  constructor(
    code: LogCacheErrorCode,
    message: string,
    options: { readonly cause?: unknown; readonly details?: Readonly<Record<string, unknown>> } = {},
  ) {
    super(code, logCacheErrors[code].kind, message, options);
  }
}
