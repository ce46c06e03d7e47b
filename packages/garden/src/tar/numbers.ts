import { TarError } from './tar-error.ts';

const BASE_256_POSITIVE = 0x80;
const BASE_256_NEGATIVE = 0xff;

function invalid(field: string): TarError {
  return new TarError('LAYER_TAR_INVALID', `A tar header has a malformed ${field}`, { field });
}

/**
 * A number of a tar header, from byte `from` to before `to`: octal digits ended by NUL or space, or GNU's base-256 where
 * the first byte's high bit is set. An empty field is 0. Throws when it is neither or too large to be exact.
 */
export function readNumber(block: Uint8Array, from: number, to: number, name: string): number {
  const first = block[from] ?? 0;
  if ((first & 0x80) !== 0) return readBase256(block.subarray(from, to), first, name);
  let i = from;
  let end = to;
  while (i < end && (block[i] === 0 || block[i] === 0x20)) i += 1;
  while (end > i && (block[end - 1] === 0 || block[end - 1] === 0x20)) end -= 1;
  let value = 0;
  for (; i < end; i += 1) {
    const digit = (block[i] ?? 0) - 0x30;
    if (digit < 0 || digit > 7) throw invalid(name);
    value = value * 8 + digit;
  }
  return value;
}

function readBase256(field: Uint8Array, first: number, name: string): number {
  if (first !== BASE_256_POSITIVE && first !== BASE_256_NEGATIVE) throw invalid(name);
  const hex = Buffer.from(field.subarray(1)).toString('hex');
  const width = BigInt((field.length - 1) * 8);
  let value = BigInt(`0x${hex}`);
  if (first === BASE_256_NEGATIVE) value -= 1n << width;
  if (value > BigInt(Number.MAX_SAFE_INTEGER) || value < BigInt(Number.MIN_SAFE_INTEGER)) throw invalid(name);
  return Number(value);
}

/** Decimal digits, nothing else, as pax has sizes and ids. */
export function readDecimal(text: string, name: string): number {
  if (!/^\d{1,16}$/.test(text)) throw invalid(name);
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw invalid(name);
  return value;
}

/** A pax time: seconds, maybe negative, with any number of decimals; more than nine are cut. */
export function readTime(text: string, name: string): { readonly seconds: number; readonly nanoseconds: number } {
  const match = /^(-?)(\d{1,15})(?:\.(\d*))?$/.exec(text);
  if (match === null) throw invalid(name);
  const [, sign, whole = '', decimals = ''] = match;
  const seconds = Number(whole);
  const nanoseconds = Number(decimals.slice(0, 9).padEnd(9, '0'));
  if (sign !== '-') return { seconds, nanoseconds };
  // The kernel counts nanoseconds upwards from the second before.
  if (nanoseconds === 0) return { seconds: 0 - seconds, nanoseconds: 0 };
  return { seconds: -seconds - 1, nanoseconds: 1_000_000_000 - nanoseconds };
}
