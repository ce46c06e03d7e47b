import { parseContentLength } from './content-length.ts';
import type { FieldLine } from './field-lines.ts';
import { Field, type FieldId } from './field-names.ts';

/** How the end of a body is found (RFC 9112 6.3). */
export type Framing =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly length: number }
  | { readonly kind: 'chunked' }
  /** Responses only: the body ends with the connection. */
  | { readonly kind: 'until-close' };

export const noBody: Framing = { kind: 'none' };
export const chunkedBody: Framing = { kind: 'chunked' };
export const bodyUntilClose: Framing = { kind: 'until-close' };

export type RequestFramingFault = 'ambiguous-framing' | 'malformed-content-length' | 'unknown-transfer-coding';

/**
 * The framing of a request. Whatever two servers might read differently is a fault, not a guess: both Content-Length and
 * Transfer-Encoding, either of them twice, codings other than exactly `chunked`, and chunked under HTTP/1.0.
 */
export function requestFraming(fields: readonly FieldLine[], minorVersion: 0 | 1): Framing | RequestFramingFault {
  let framing: Framing = noBody;
  for (const field of fields) {
    if (field.id === Field.contentLength) {
      if (framing !== noBody || field.disguised) return 'ambiguous-framing';
      const length = parseContentLength(field.value);
      if (length < 0) return 'malformed-content-length';
      framing = { kind: 'length', length };
    } else if (field.id === Field.transferEncoding) {
      if (framing !== noBody || field.disguised || minorVersion === 0) return 'ambiguous-framing';
      if (!isChunked(field.value)) return 'unknown-transfer-coding';
      framing = chunkedBody;
    }
  }
  return framing;
}

/**
 * The framing of a response with a body. A backend's sloppiness hurts nobody but its own app (its connections are never
 * shared between endpoints), so that equal repeated lengths pass and chunked overrides a length, as Gorouter has it.
 */
export function responseFraming(fields: readonly FieldLine[], minorVersion: 0 | 1): Framing | RequestFramingFault {
  let length = -1;
  let chunked = false;
  for (const field of fields) {
    if (field.id === Field.contentLength && !field.disguised) {
      const value = parseContentLength(field.value);
      if (value < 0) return 'malformed-content-length';
      if (length >= 0 && value !== length) return 'ambiguous-framing';
      length = value;
    } else if (field.id === Field.transferEncoding && !field.disguised) {
      if (chunked || minorVersion === 0) return 'ambiguous-framing';
      if (!isChunked(field.value)) return 'unknown-transfer-coding';
      chunked = true;
    }
  }
  if (chunked) return chunkedBody;
  return length >= 0 ? { kind: 'length', length } : bodyUntilClose;
}

/** True when a message has a field of this kind, other than disguised. */
export function hasField(fields: readonly FieldLine[], id: FieldId): boolean {
  return fields.some((field) => field.id === id && !field.disguised);
}

function isChunked(value: string): boolean {
  return value.length === 7 && value.toLowerCase() === 'chunked';
}
