import { expect, test } from 'vitest';
import { parseStopSignal } from './stop-signal.ts';

test.each([
  ['SIGQUIT', 'SIGQUIT'],
  ['quit', 'SIGQUIT'],
  ['3', 'SIGQUIT'],
  [' sigterm ', 'SIGTERM'],
  ['SIGRTMIN+3', 37],
  ['rtmax-1', 63],
  ['SIGRTMIN', 34],
  ['64', 64],
  ['65', undefined],
  ['33', undefined],
  ['SIGRTMIN+31', undefined],
  ['SIGRTMIN-1', undefined],
  ['0', undefined],
  ['', undefined],
  ['constructor', undefined],
])('%j is %s', (text, signal) => {
  expect(parseStopSignal(text)).toBe(signal);
});
