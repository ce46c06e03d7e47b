import { fieldValueChars, tokenChars } from './char-classes.ts';
import { Field, type FieldId, fieldIdOf } from './field-names.ts';

/** One field line of a head or of a trailer section. */
export interface FieldLine {
  readonly id: FieldId;
  readonly name: string;
  /** Without the white space around it. */
  readonly value: string;
  /** Where the line begins in the text it was read from, and where the next one begins. */
  readonly start: number;
  readonly end: number;
  /** Known by an `_` for `-` only: never passed on, see `fieldIdOf`. */
  readonly disguised: boolean;
}

/** Why field lines were refused. */
export type FieldLinesFault = 'malformed-field' | 'too-many-fields';

const CR = 0x0d;
const LF = 0x0a;
const TAB = 0x09;
const SPACE = 0x20;
const COLON = 0x3a;

/**
 * Reads field lines (RFC 9112 5) from `text[from]` to the end of `text`, each ending with CRLF. Strict: line folding,
 * space before the colon, an empty name, a bare CR or LF, and control characters are all `malformed-field`, because
 * servers disagree about each of them and a request that is read in two ways can smuggle another.
 */
export function parseFieldLines(text: string, from: number, maxFields: number): FieldLine[] | FieldLinesFault {
  const lines: FieldLine[] = [];
  let at = from;
  while (at < text.length) {
    if (lines.length === maxFields) return 'too-many-fields';
    const start = at;
    let code = text.charCodeAt(at);
    while (tokenChars[code] === 1) code = text.charCodeAt(++at);
    if (at === start || code !== COLON) return 'malformed-field';
    const nameEnd = at;
    do code = text.charCodeAt(++at);
    while (code === SPACE || code === TAB);
    const valueStart = at;
    let valueEnd = at;
    while (fieldValueChars[code] === 1) {
      at++;
      if (code !== SPACE && code !== TAB) valueEnd = at;
      code = text.charCodeAt(at);
    }
    if (code !== CR || text.charCodeAt(at + 1) !== LF) return 'malformed-field';
    at += 2;
    const id = fieldIdOf(text, start, nameEnd);
    const name = text.slice(start, nameEnd);
    const disguised = id !== Field.other && name.includes('_');
    lines.push({ id, name, value: text.slice(valueStart, valueEnd), start, end: at, disguised });
  }
  return lines;
}
