import { expect, test } from 'vitest';
import { decideStart } from './start-gate.ts';

const settings = { quietMs: 250, maxWaitMs: 5_000 };
const state = { startedAt: 1_000, lastNewAt: 1_100, hasRequiredRoutes: true };

test('the listener opens when nothing new has come for a while', () => {
  expect(decideStart(state, 1_349, settings)).toEqual({ lookAt: 1_350 });
  expect(decideStart(state, 1_350, settings)).toBe('open');
});

test('it waits while nothing has come, or not yet what must', () => {
  expect(decideStart({ ...state, lastNewAt: undefined }, 5_999, settings)).toEqual({ lookAt: 6_000 });
  expect(decideStart({ ...state, hasRequiredRoutes: false }, 5_999, settings)).toEqual({ lookAt: 6_000 });
});

test('it does not wait for ever', () => {
  expect(decideStart({ ...state, lastNewAt: undefined }, 6_000, settings)).toBe('open');
  expect(decideStart({ ...state, lastNewAt: 5_990 }, 5_995, settings)).toEqual({ lookAt: 6_000 });
});
