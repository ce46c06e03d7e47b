import { CodedError, type ErrorKind } from '@slipway/service-kit';

/** Every error of the bus, and what it means for the one who reads it. */
export const busErrors = {
  BUS_CLOSED: { kind: 'unavailable', means: 'The service is stopping, and its connection to NATS with it.' },
  BUS_PUBLISH_FAILED: { kind: 'unavailable', means: 'NATS did not take a message; it will be published again.' },
  BUS_RECORD_INVALID: { kind: 'invalid', means: 'A record of a KV bucket is not what its schema says.' },
} as const satisfies Record<string, { readonly kind: ErrorKind; readonly means: string }>;

export type BusErrorCode = keyof typeof busErrors;

/** What was attempted on NATS and why it failed. */
export class BusError extends CodedError {
  constructor(code: BusErrorCode, message: string, options: { readonly cause?: unknown } = {}) {
    super(code, busErrors[code].kind, message, options);
  }
}
