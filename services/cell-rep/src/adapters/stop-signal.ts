import { constants } from 'node:os';

const NAMES = new Map(Object.entries(constants.signals).map(([name, number]) => [number as number, name]));

/**
 * The signal that an image's STOPSIGNAL names (`SIGQUIT`, `quit` or `3`). Undefined for what this machine does not know
 * by name, such as real-time signals.
 */
export function parseStopSignal(text: string): NodeJS.Signals | undefined {
  const upper = text.trim().toUpperCase();
  const name = /^\d+$/.test(upper) ? NAMES.get(Number(upper)) : upper.startsWith('SIG') ? upper : `SIG${upper}`;
  return name !== undefined && Object.hasOwn(constants.signals, name) ? (name as NodeJS.Signals) : undefined;
}
