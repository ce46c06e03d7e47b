const MIN = -(2n ** 63n);
const MAX = 2n ** 63n - 1n;
/** `-?` and as many digits as the longest int64 has; what is longer is not worth parsing. */
const DECIMAL = /^[+-]?\d{1,19}$/;

/** A decimal int64, as protobuf's JSON and query strings write it. Undefined for anything else. */
export function parseInt64(text: string): bigint | undefined {
  if (!DECIMAL.test(text)) return undefined;
  const value = BigInt(text.startsWith('+') ? text.slice(1) : text);
  return value < MIN || value > MAX ? undefined : value;
}
