import type { FieldLine } from '../http/field-lines.ts';
import { Field, type FieldId } from '../http/field-names.ts';

/** Fields that a sender may not have stripped on the way by naming them in Connection (an old trick to blind backends). */
const UNSTRIPPABLE = /^(x-forwarded-|x-cf-|x-vcap-|x-b3|b3$|trace(parent|state)$)/;

/** Says for each known field whether it goes on; fields that the router sets itself are left out and written anew. */
export class FieldFilter {
  readonly #dropped: Uint8Array;

  constructor(dropped: readonly FieldId[]) {
    this.#dropped = new Uint8Array(64);
    for (const id of dropped) this.#dropped[id] = 1;
  }

  /**
   * The lines of `text` that go on, as they were written.
   *
   * @param named lower-case names that Connection declares to be for this hop only
   * @param alsoDrop decides about known fields that the filter itself would keep
   */
  keep(
    text: string,
    fields: readonly FieldLine[],
    named: ReadonlySet<string>,
    alsoDrop: (field: FieldLine) => boolean,
  ): string {
    let kept = '';
    // text[from, ...) is kept and was not copied yet; -1: nothing. Neighbours are copied as one piece.
    let from = -1;
    for (const field of fields) {
      if (this.#isKept(field, named) && (field.id === Field.other || !alsoDrop(field))) {
        if (from < 0) from = field.start;
      } else if (from >= 0) {
        kept += text.slice(from, field.start);
        from = -1;
      }
    }
    return from < 0 ? kept : kept + text.slice(from, fields.at(-1)?.end);
  }

  #isKept(field: FieldLine, named: ReadonlySet<string>): boolean {
    if (field.disguised) return false;
    if (field.id !== Field.other) return this.#dropped[field.id] === 0;
    if (named.size === 0) return true;
    const name = field.name.toLowerCase();
    return !named.has(name) || UNSTRIPPABLE.test(name);
  }
}

/** Of this hop only, whatever Connection says (RFC 9110 7.6.1 and Go's reverse proxy). */
export const hopByHopFields: readonly FieldId[] = [
  Field.connection,
  Field.keepAlive,
  Field.proxyConnection,
  Field.proxyAuthenticate,
  Field.proxyAuthorization,
  Field.te,
  Field.upgrade,
  Field.http2Settings,
];
