import { stagingPhaseSchema } from '@slipway/contracts';
import { expect, test } from 'vitest';
import { dropletImageText } from './image-text.ts';
import { buildErrorText, stagingExpired, stagingFailure } from './staging-failure.ts';

test.each(stagingPhaseSchema.options)('a failure in phase %s says where and why', (phase) => {
  const { errorId, description } = stagingFailure({ phase, code: 'X', message: 'the very cause' });
  const text = buildErrorText(errorId, description);
  expect(text).toMatch(/^Staging(Error|TimeExpired) - Staging .+: .+: the very cause$/);
  expect(text).not.toContain('staging failed');
});

test('a build that nobody answered says for how long', () => {
  const { errorId, description } = stagingExpired(900);
  expect(buildErrorText(errorId, description)).toBe(
    'StagingTimeExpired - Staging time expired: no stager had a result within 900 s',
  );
});

test('a build without an error has none', () => {
  expect(buildErrorText(null, null)).toBeNull();
});

test("a droplet's image is the user's reference and the digest that runs", () => {
  const manifestDigest = `sha256:${'a'.repeat(64)}`;
  const other = `sha256:${'b'.repeat(64)}`;
  expect(dropletImageText({ reference: 'docker.io/library/nginx:1', manifestDigest })).toBe(
    `docker.io/library/nginx:1@${manifestDigest}`,
  );
  expect(dropletImageText({ reference: `reg:5000/a@${other}`, manifestDigest, indexDigest: other })).toBe(
    `reg:5000/a@${manifestDigest}`,
  );
});
