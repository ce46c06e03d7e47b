/** One flag for each byte value: 1 when the byte belongs to the class. */
type CharClass = Uint8Array;

function classOf(accepts: (code: number) => boolean): CharClass {
  return Uint8Array.from({ length: 256 }, (_, code) => (accepts(code) ? 1 : 0));
}

const isAlphanumeric = (code: number): boolean =>
  (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);

const oneOf = (text: string): ((code: number) => boolean) => {
  const codes = new Set(Array.from(text, (char) => char.charCodeAt(0)));
  return (code) => codes.has(code);
};

const isTokenMark = oneOf("!#$%&'*+-.^_`|~");
const isHostMark = oneOf("-._~%!$&'()*+,;=:[]");

/** RFC 9110 5.6.2: methods and field names. */
export const tokenChars: CharClass = classOf((code) => isAlphanumeric(code) || isTokenMark(code));

/** RFC 9110 5.5: visible ASCII, obs-text, space and tab. No other control character may be in a field value. */
export const fieldValueChars: CharClass = classOf(
  (code) => code === 0x09 || (code >= 0x20 && code <= 0x7e) || code >= 0x80,
);

/**
 * Request targets: visible ASCII but `#`, which no request may carry (RFC 9112 3.2) and which servers read in different
 * ways. Raw bytes above ASCII are passed on as browsers of old send them.
 */
export const targetChars: CharClass = classOf((code) => (code > 0x20 && code !== 0x23 && code < 0x7f) || code >= 0x80);

/** RFC 3986 3.2.2 and 3.2.3: what a host with an optional port may be written with. */
export const hostChars: CharClass = classOf((code) => isAlphanumeric(code) || isHostMark(code));

/** True when `text` is not empty and each of its characters belongs to the class. */
export function consistsOf(text: string, chars: CharClass): boolean {
  for (let i = 0; i < text.length; i++) {
    if (chars[text.charCodeAt(i)] !== 1) return false;
  }
  return text.length > 0;
}
