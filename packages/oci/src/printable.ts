const MAX_FOREIGN_TEXT = 300;

/** Text from a stranger, made safe for a log line: one line, bounded, no control or direction characters. */
export function printable(text: string, limit: number = MAX_FOREIGN_TEXT): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').trim();
  return line.length > limit ? `${line.slice(0, limit)}...` : line;
}
