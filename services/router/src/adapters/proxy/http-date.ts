let second = -1;
let text = '';

/** RFC 9110 5.6.7, made once a second. */
export function httpDate(wallClockMs: number): string {
  const current = Math.floor(wallClockMs / 1000);
  if (current !== second) {
    second = current;
    text = new Date(wallClockMs).toUTCString();
  }
  return text;
}
