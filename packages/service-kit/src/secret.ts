import { inspect } from 'node:util';
import { z } from 'zod';

const REDACTED = '[redacted]';

/** A value that prints as `[redacted]` wherever it is printed, logged or serialised. */
export class Secret<T = string> {
  readonly #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  /** The only way to the value; call it where it is used, not earlier. */
  reveal(): T {
    return this.#value;
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  [inspect.custom](): string {
    return REDACTED;
  }
}

/** For config schemas: a non-empty text that becomes a Secret. */
export const secretSchema = z
  .string()
  .min(1)
  .transform((value) => new Secret(value));
