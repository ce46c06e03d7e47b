import { CodedError, type ErrorKind } from '@slipway/service-kit';

/** The rep's own errors; those of layers and containers are in packages/garden. */
export const repErrors = {
  REP_NOT_ROOT: { kind: 'forbidden', means: 'Containers need root, and this process is not.' },
  REP_STEP_TIMEOUT: { kind: 'timeout', means: 'A step of starting or stopping an instance did not end in its time.' },
  REP_VOLUME_REFUSED: {
    kind: 'forbidden',
    means: 'The operator does not let apps of this space have the directory of a volume on this cell.',
  },
  REP_LAYER_UNAVAILABLE: {
    kind: 'unavailable',
    means: 'None of the places that may have a layer gave it; the message says what each of them answered.',
  },
} as const satisfies Record<string, { readonly kind: ErrorKind; readonly means: string }>;

export type RepErrorCode = keyof typeof repErrors;

/** A fault of the rep, by its code. */
export class RepError extends CodedError {
  constructor(
    code: RepErrorCode,
    message: string,
    { kind = repErrors[code].kind, cause }: { readonly kind?: ErrorKind; readonly cause?: unknown } = {},
  ) {
    super(code, kind, message, { cause });
  }
}
