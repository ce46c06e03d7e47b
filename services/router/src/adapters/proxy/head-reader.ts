const CRLF_CRLF = Buffer.from('\r\n\r\n');
const CR = 0x0d;
const LF = 0x0a;
const FIRST_HOLD_BYTES = 2048;

/** What came of some bytes: a whole head, the need for more, or the end of the matter. */
export type HeadReading =
  | {
      readonly kind: 'head';
      /** In Latin-1, every line with its CRLF, without the empty line. */
      readonly text: string;
      /** The bytes after the head; undefined: none. */
      readonly rest: Buffer | undefined;
    }
  | { readonly kind: 'more' }
  | { readonly kind: 'too-large' }
  /** A line that ends with LF alone; waiting for the head's end would be waiting for ever. */
  | { readonly kind: 'bare-lf' };

const MORE: HeadReading = { kind: 'more' };
const TOO_LARGE: HeadReading = { kind: 'too-large' };
const BARE_LF: HeadReading = { kind: 'bare-lf' };

/** Finds the end of a head in bytes that come in any portions. Nearly always the first portion is the whole head. */
export class HeadReader {
  readonly #maxBytes: number;
  /** What came so far of a head that came in portions; doubles as it grows, so that a dripping client costs little. */
  #held: Buffer | undefined;
  #length = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** True in the middle of a head. */
  get started(): boolean {
    return this.#length > 0;
  }

  read(bytes: Buffer): HeadReading {
    if (this.#held === undefined) return this.#scan(bytes, 0, 0, bytes);
    const before = this.#length;
    // Bytes beyond the limit are not kept, but for one by which the limit is seen to be passed.
    this.#hold(bytes, Math.min(bytes.length, this.#maxBytes + 1 - before));
    // The end may have begun in the portions before.
    return this.#scan(this.#held.subarray(0, this.#length), Math.max(0, before - 3), before, bytes);
  }

  /** @param all every byte so far, of which those from index `before` are the first of `latest` */
  #scan(all: Buffer, searchFrom: number, before: number, latest: Buffer): HeadReading {
    // RFC 9112 2.2: one empty line before a request is ignored; some clients send it after a body.
    const start = all[0] === CR && all[1] === LF ? 2 : 0;
    const end = all.indexOf(CRLF_CRLF, Math.max(start, searchFrom));
    if (end < 0) {
      if (all.length > this.#maxBytes) return TOO_LARGE;
      if (hasBareLf(all, searchFrom)) return BARE_LF;
      if (this.#held === undefined) this.#hold(all, all.length);
      return MORE;
    }
    const next = end + CRLF_CRLF.length;
    if (next > this.#maxBytes) return TOO_LARGE;
    const text = all.toString('latin1', start, end + 2);
    this.#held = undefined;
    this.#length = 0;
    return { kind: 'head', text, rest: next - before < latest.length ? latest.subarray(next - before) : undefined };
  }

  #hold(bytes: Buffer, count: number): void {
    const needed = this.#length + count;
    let held = this.#held;
    if (held === undefined || held.length < needed) {
      const grown = Buffer.allocUnsafeSlow(Math.max(FIRST_HOLD_BYTES, needed, 2 * (held?.length ?? 0)));
      held?.copy(grown, 0, 0, this.#length);
      held = grown;
      this.#held = held;
    }
    bytes.copy(held, this.#length, 0, count);
    this.#length = needed;
  }
}

function hasBareLf(bytes: Buffer, from: number): boolean {
  for (let at = bytes.indexOf(LF, from); at >= 0; at = bytes.indexOf(LF, at + 1)) {
    if (at === 0 || bytes[at - 1] !== CR) return true;
  }
  return false;
}
