const PATTERN = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** The bytes of standard base64 with padding (RFC 4648, 4); undefined for anything else, which Node would take. */
export function decodeBase64(text: string, maxBytes: number): Buffer | undefined {
  return text.length <= Math.ceil(maxBytes / 3) * 4 && PATTERN.test(text) ? Buffer.from(text, 'base64') : undefined;
}
