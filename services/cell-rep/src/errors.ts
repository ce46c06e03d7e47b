import { CodedError, type ErrorKind } from '@slipway/service-kit';

/** The rep's own errors; those of layers and containers are in packages/garden. */
export const repErrors = {
  REP_NOT_ROOT: { kind: 'forbidden', means: 'Containers need root, and this process is not.' },
  REP_STEP_TIMEOUT: { kind: 'timeout', means: 'A step of starting or stopping an instance did not end in its time.' },
} as const satisfies Record<string, { readonly kind: ErrorKind; readonly means: string }>;

export type RepErrorCode = keyof typeof repErrors;

/** A fault of the rep, by its code. */
export class RepError extends CodedError {
  constructor(code: RepErrorCode, message: string, options: { readonly cause?: unknown } = {}) {
    super(code, repErrors[code].kind, message, options);
  }
}
