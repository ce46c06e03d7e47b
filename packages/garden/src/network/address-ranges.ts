/** Two ends of numbers in a row, both included. */
export type NumberRange = readonly [first: number, last: number];

/** The same numbers in as few ranges as can be, in order. */
export function mergeRanges(ranges: readonly NumberRange[]): NumberRange[] {
  const merged: [number, number][] = [];
  for (const [first, last] of ranges.toSorted((a, b) => a[0] - b[0])) {
    if (first > last) continue;
    const before = merged.at(-1);
    if (before !== undefined && first <= before[1] + 1) before[1] = Math.max(before[1], last);
    else merged.push([first, last]);
  }
  return merged;
}

/** `5` or `5-8`. */
export function parseNumbers(text: string): NumberRange {
  const [first = Number.NaN, last = first] = text.split('-').map(Number);
  return [first, last];
}

function toNumber(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

/** An address, a CIDR with whatever host bits, or a range `a-b`. */
export function parseAddresses(text: string): NumberRange {
  const [from = '', to] = text.split('-');
  if (to !== undefined) return [toNumber(from), toNumber(to)];
  const [host = '', bits = '32'] = text.split('/');
  const size = 2 ** (32 - Number(bits));
  const first = Math.floor(toNumber(host) / size) * size;
  return [first, first + size - 1];
}

function toAddress(number: number): string {
  return [24, 16, 8, 0].map((shift) => (number >>> shift) & 0xff).join('.');
}

const written = (value: (number: number) => string, [first, last]: NumberRange): string =>
  first === last ? value(first) : `${value(first)}-${value(last)}`;

/** As nft writes them. */
export const addressText = (range: NumberRange): string => written(toAddress, range);
export const numberText = (range: NumberRange): string => written(String, range);
