/** A Content-Range header of bytes (RFC 9110, 14.4): which of how many an answer holds. */
export interface ContentRange {
  readonly first: number;
  readonly last: number;
  /** Undefined when the sender does not know (`*`). */
  readonly total: number | undefined;
}

/** Fifteen digits are a petabyte, and exact as a number. */
const RANGE = /^bytes[ \t]+(\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/i;

/** Undefined for anything that is not one satisfied range of bytes within its total. */
export function parseContentRange(header: string | undefined): ContentRange | undefined {
  const match = RANGE.exec(header?.trim() ?? '');
  if (match === null) return undefined;
  const [first, last] = [Number(match[1]), Number(match[2])];
  const total = match[3] === '*' ? undefined : Number(match[3]);
  return first > last || (total !== undefined && last >= total) ? undefined : { first, last, total };
}
