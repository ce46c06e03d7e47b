import { expect, test } from 'vitest';
import { LineBudget } from './line-budget.ts';

test('each app may write so many lines a second', () => {
  const budget = new LineBudget(2);
  const ask = (app: string, now: number): boolean => budget.allows(app, now);
  expect([ask('a', 0), ask('a', 1), ask('a', 999), ask('b', 999)]).toEqual([true, true, false, true]);
  expect(ask('a', 1_000)).toBe(true);
});

test('what was left out is told once', () => {
  const budget = new LineBudget(1);
  for (let i = 0; i < 3; i++) if (!budget.allows('a', i)) budget.suppress('a', 10);
  expect(budget.takeSuppressed(5)).toEqual([{ appId: 'a', lines: 2, bytes: 20 }]);
  expect(budget.takeSuppressed(5_000)).toEqual([]);
});
