/** The few ASN.1 types that a certificate needs, in DER (ITU-T X.690). */
function tlv(tag: number, content: Uint8Array): Buffer {
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.of(tag, ...size), content]);
}

export const der = {
  sequence: (...parts: readonly Uint8Array[]): Buffer => tlv(0x30, Buffer.concat(parts)),
  set: (...parts: readonly Uint8Array[]): Buffer => tlv(0x31, Buffer.concat(parts)),
  /** A small positive integer. */
  integer: (value: number): Buffer => tlv(0x02, Buffer.of(value)),
  boolean: (value: boolean): Buffer => tlv(0x01, Buffer.of(value ? 0xff : 0)),
  octets: (bytes: Uint8Array): Buffer => tlv(0x04, bytes),
  bits: (bytes: Uint8Array): Buffer => tlv(0x03, Buffer.concat([Buffer.of(0), bytes])),
  utf8: (text: string): Buffer => tlv(0x0c, Buffer.from(text)),
  /** Valid for years before 2050. */
  utcTime: (time: Date): Buffer => tlv(0x17, Buffer.from(`${time.toISOString().replace(/[-:T]/g, '').slice(2, 14)}Z`)),
  /** `[number]`, constructed or primitive. */
  context: (number: number, content: Uint8Array, constructed = true): Buffer =>
    tlv((constructed ? 0xa0 : 0x80) | number, content),
  oid: (dotted: string): Buffer => {
    const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
    return tlv(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
  },
} as const;

function base128(value: number): number[] {
  const groups = [value & 0x7f];
  for (let rest = value >> 7; rest > 0; rest >>= 7) {
    groups.unshift((rest & 0x7f) | 0x80);
  }
  return groups;
}
