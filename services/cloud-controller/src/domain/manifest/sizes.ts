const KIB = 1024;
const UNITS: Readonly<Record<string, number>> = { B: 1, K: KIB, M: KIB ** 2, G: KIB ** 3, T: KIB ** 4 };
const MEGABYTE = KIB ** 2;

export const SIZE_UNITS = 'B, K, KB, M, MB, G, GB, T, or TB';

/** Bytes of a size with a unit, as `1.5G` or `512 mb`; undefined when it is none. Fractions of a byte are dropped. */
export function parseBytes(text: string): number | undefined {
  const match = /^\s*(\d+(?:\.\d+)?)\s*(?:([KMGT])B?|B)\s*$/i.exec(text);
  if (match?.[1] === undefined) return undefined;
  const bytes = Math.floor(Number(match[1]) * (UNITS[(match[2] ?? 'B').toUpperCase()] ?? 1));
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** The same in whole megabytes, rounded down. */
export function parseMegabytes(text: string): number | undefined {
  const bytes = parseBytes(text);
  return bytes === undefined ? undefined : Math.floor(bytes / MEGABYTE);
}

export function formatMegabytes(megabytes: number): string {
  return `${megabytes}M`;
}

/** In the largest unit that loses nothing. -1, which is no limit, stays a number. */
export function formatLogRate(bytesPerSecond: number): string | number {
  if (bytesPerSecond < 0) return -1;
  if (bytesPerSecond === 0) return '0B';
  const unit = ['T', 'G', 'M', 'K'].find((name) => bytesPerSecond % (UNITS[name] ?? 1) === 0) ?? 'B';
  return `${bytesPerSecond / (UNITS[unit] ?? 1)}${unit}`;
}
