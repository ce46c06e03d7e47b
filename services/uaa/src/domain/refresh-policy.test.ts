import { expect, test } from 'vitest';
import { renewsRefreshToken } from './refresh-policy.ts';

test('a refresh token is renewed in the second half of its life', () => {
  expect(renewsRefreshToken(100, 200, 100)).toBe(false);
  expect(renewsRefreshToken(100, 200, 150)).toBe(false);
  expect(renewsRefreshToken(100, 200, 151)).toBe(true);
  expect(renewsRefreshToken(100, 200, 199)).toBe(true);
});
