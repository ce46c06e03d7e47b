import { expect, test } from 'vitest';
import { parseStopSignal } from './stop-signal.ts';

test.each([
  ['SIGQUIT', 'SIGQUIT'],
  ['quit', 'SIGQUIT'],
  ['3', 'SIGQUIT'],
  [' sigterm ', 'SIGTERM'],
  ['SIGRTMIN+3', undefined],
  ['0', undefined],
  ['', undefined],
  ['constructor', undefined],
])('%j is %s', (text, signal) => {
  expect(parseStopSignal(text)).toBe(signal);
});
