import { expect, test } from 'vitest';
import { advise } from './advice.ts';

test('a failure says what to do about it where the answer does not', () => {
  expect(advise('MANIFEST_NOT_FOUND', 'it answered 404')).toMatch(/^it answered 404 \(check the image's name and tag/);
  expect(advise('REGISTRY_FORBIDDEN', 'it answered 403')).toMatch(/^it answered 403 \(check that the account/);
  expect(advise('RATE_LIMITED', 'it answered 429; it asks to wait 30 s')).toBe('it answered 429; it asks to wait 30 s');
});
