import { expect, test } from 'vitest';
import { ApiError, errorTable, notFound, unprocessable } from './errors.ts';

test("an error has Cloud Foundry's body", () => {
  expect(notFound('App')).toMatchObject({
    status: 404,
    kind: 'not-found',
    code: 'CF-ResourceNotFound',
    body: { code: 10010, title: 'CF-ResourceNotFound', detail: 'App not found' },
  });
  expect(unprocessable('one', 'two').body.detail).toBe('one, two');
});

test('what a user typed is put in as it is', () => {
  expect(new ApiError('FeatureDisabled', "$& %s $'").body.detail).toBe("Feature Disabled: $& %s $'");
});

test('no two errors share a number', () => {
  const codes = Object.values(errorTable).flatMap((entry) => ('code' in entry ? [entry.code] : []));
  expect(new Set(codes).size).toBe(codes.length);
});
