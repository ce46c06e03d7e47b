/** 2^53 has 16 digits; 15 are more than any body and cannot lose precision. */
const MAX_DIGITS = 15;

/** The value of a Content-Length field, or -1: only digits will do (`+5`, `0x5`, `5, 5` and an empty value will not). */
export function parseContentLength(value: string): number {
  if (value.length === 0 || value.length > MAX_DIGITS) return -1;
  let length = 0;
  for (let i = 0; i < value.length; i++) {
    const digit = value.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    length = length * 10 + digit;
  }
  return length;
}
