import { createLogger } from '@slipway/service-kit';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { EXTERNAL_URL, startTokenIssuer, type TokenIssuer } from '../../../testing/token-issuer.ts';
import { createTokenVerifier, type TokenVerifier } from './token-verifier.ts';

let issuer: TokenIssuer;
let verifier: TokenVerifier;
beforeEach(async () => {
  issuer = await startTokenIssuer();
  verifier = createTokenVerifier({
    uaaUrl: issuer.uaaUrl,
    issuer: `${EXTERNAL_URL}/uaa/oauth/token`,
    logger: createLogger('cloud-controller', 'silent'),
  });
});
afterEach(() => issuer.stop());

test('a token says who calls and what for', async () => {
  const token = await issuer.token({ userGuid: 'guid', userName: 'jo', scopes: ['cloud_controller.read'] });
  await expect(verifier.verify(token)).resolves.toEqual({
    userGuid: 'guid',
    userName: 'jo',
    email: 'jo@example.com',
    scopes: new Set(['cloud_controller.read']),
  });
});

test('keys are fetched once', async () => {
  for (let i = 0; i < 3; i++) await verifier.verify(await issuer.token());
  expect(issuer.requests()).toBe(1);
});

test('the word bearer may be written in any case', async () => {
  await verifier.verify((await issuer.token()).replace('bearer', 'Bearer'));
});

test('while uaa cannot give its keys, nobody is told that the token is at fault', async () => {
  issuer.fail(true);
  const token = await issuer.token();
  await expect(verifier.verify(token)).rejects.toMatchObject({ code: 'CF-UaaUnavailable', status: 503 });
  await issuer.stop();
  await expect(verifier.verify(token)).rejects.toMatchObject({ code: 'CF-UaaUnavailable' });
  issuer = await startTokenIssuer();
});

test('a key that is new is found, the old one stays good', async () => {
  const old = await issuer.token();
  // Not asked before the rotation, for then it would wait until asking again is allowed.
  await issuer.rotate();
  await verifier.verify(await issuer.token());
  await verifier.verify(old);
});

test('a key that is new is found although the keys were fetched before', async () => {
  await verifier.verify(await issuer.token());
  await issuer.rotate();
  const token = await issuer.token();
  await expect
    .poll(
      () =>
        verifier.verify(token).then(
          () => 'known',
          () => 'unknown',
        ),
      { timeout: 20_000 },
    )
    .toBe('known');
});
