import { constants } from 'node:os';

/** The kernel's real-time signals (signal(7)); glibc keeps the first two for itself. */
const REAL_TIME_MIN = 34;
const REAL_TIME_MAX = 64;

const NAMES = new Map(Object.entries(constants.signals).map(([name, number]) => [number as number, name]));

/**
 * The signal that an image's STOPSIGNAL names (`SIGQUIT`, `quit`, `3`, `SIGRTMIN+3`): by its name, or by its number where
 * it has none. Undefined for what is no signal.
 */
export function parseStopSignal(text: string): NodeJS.Signals | number | undefined {
  const upper = text.trim().toUpperCase();
  if (/^\d+$/.test(upper)) return byNumber(Number(upper));
  const name = upper.startsWith('SIG') ? upper : `SIG${upper}`;
  const [, from, offset = '0'] = /^SIGRT(MIN(?=$|\+)|MAX(?=$|-))(?:[+-](\d{1,2}))?$/.exec(name) ?? [];
  if (from === 'MIN') return byNumber(REAL_TIME_MIN + Number(offset));
  if (from === 'MAX') return byNumber(REAL_TIME_MAX - Number(offset));
  return Object.hasOwn(constants.signals, name) ? (name as NodeJS.Signals) : undefined;
}

function byNumber(number: number): NodeJS.Signals | number | undefined {
  return number >= REAL_TIME_MIN && number <= REAL_TIME_MAX
    ? number
    : (NAMES.get(number) as NodeJS.Signals | undefined);
}
