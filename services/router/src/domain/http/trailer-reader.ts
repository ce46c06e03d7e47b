import { parseFieldLines } from './field-lines.ts';
import { Field } from './field-names.ts';
import { hasField } from './framing.ts';

const CR = 0x0d;
const LF = 0x0a;
const END = Uint8Array.of(CR, LF);

/**
 * Collects the trailer section of a chunked body, up to its empty line. Fields that the router knows are left out of
 * what goes on: framing, routing, credentials and the router's own fields have no business there (RFC 9110 6.5.1).
 */
export class TrailerReader {
  /** The section to send on, with its empty line; undefined until it is complete. */
  section: Uint8Array | undefined;
  readonly #maxBytes: number;
  readonly #maxFields: number;
  readonly #codes: number[] = [];

  constructor(maxBytes: number, maxFields: number) {
    this.#maxBytes = maxBytes;
    this.#maxFields = maxFields;
  }

  /** Returns the index after what belongs to the section, or -1 when it is malformed or too long. */
  read(bytes: Uint8Array, from: number): number {
    const codes = this.#codes;
    let at = from;
    while (at < bytes.length) {
      const code = bytes[at++] as number;
      const afterCr = codes.at(-1) === CR;
      if ((code === LF) !== afterCr || codes.length === this.#maxBytes) return -1;
      codes.push(code);
      if (code !== LF) continue;
      if (codes.length === 2) {
        this.section = END;
        return at;
      }
      if (codes.at(-3) === LF) return this.#complete() ? at : -1;
    }
    return at;
  }

  #complete(): boolean {
    const text = this.#codes
      .slice(0, -2)
      .map((code) => String.fromCharCode(code))
      .join('');
    const fields = parseFieldLines(text, 0, this.#maxFields);
    if (typeof fields === 'string') return false;
    // Framing was said before; who says it again here hopes for somebody who listens.
    if (hasField(fields, Field.contentLength) || hasField(fields, Field.transferEncoding)) return false;
    const kept = fields.filter((field) => field.id === Field.other).map((field) => text.slice(field.start, field.end));
    this.section = Uint8Array.from(`${kept.join('')}\r\n`, (char) => char.charCodeAt(0));
    return true;
  }
}
