import { createPublicKey } from 'node:crypto';
import { importJWK } from 'jose';
import { expect, test } from 'vitest';
import { onEachEngine } from '../database.test-support.ts';
import { EXTERNAL_URL, startUaa } from '../identity.test-support.ts';

onEachEngine(() => {
  test.each(['/uaa', ''])('everything public is under %j', async (prefix) => {
    const uaa = await startUaa();
    for (const path of [
      '/login',
      '/info',
      '/token_keys',
      '/token_key',
      '/.well-known/openid-configuration',
      '/oauth/token/.well-known/openid-configuration',
    ]) {
      const reply = await uaa.call('GET', `${prefix}${path}`);
      expect([path, reply.status]).toEqual([path, 200]);
      expect(reply.headers['content-type']).toMatch(/^application\/json/);
    }
  });

  test('the prompts are those that cf should ask, and what it asks for with --sso', async () => {
    const uaa = await startUaa();
    const { body } = await uaa.call('GET', '/uaa/login', { headers: { accept: 'application/json' } });
    expect(body.prompts).toEqual({
      username: ['text', 'Email'],
      password: ['password', 'Password'],
      passcode: ['password', expect.stringContaining('There is no single sign-on here')],
    });
    expect(body.app.version).toMatch(/^\d+\.\d+\.\d+$/);
    expect(body.links).toEqual({ uaa: `${EXTERNAL_URL}/uaa`, login: `${EXTERNAL_URL}/uaa` });
  });

  test('a key is a JWK and the same key in PEM', async () => {
    const uaa = await startUaa();
    const { keys } = (await uaa.call('GET', '/uaa/token_keys')).body;
    expect(keys).toHaveLength(1);
    expect(Object.keys(keys[0]).toSorted()).toEqual(['alg', 'e', 'kid', 'kty', 'n', 'use', 'value']);
    expect(keys[0]).toMatchObject({ kty: 'RSA', alg: 'RS256', use: 'sig' });
    expect(createPublicKey(keys[0].value).export({ format: 'jwk' }).n).toBe(keys[0].n);
    await importJWK(keys[0], 'RS256');
    expect((await uaa.call('GET', '/uaa/token_key')).body).toEqual(keys[0]);
  });

  test('OpenID configuration names what is there', async () => {
    const uaa = await startUaa();
    const { body } = await uaa.call('GET', '/uaa/.well-known/openid-configuration');
    expect(body).toMatchObject({
      issuer: `${EXTERNAL_URL}/uaa/oauth/token`,
      token_endpoint: `${EXTERNAL_URL}/uaa/oauth/token`,
      jwks_uri: `${EXTERNAL_URL}/uaa/token_keys`,
    });
  });

  test('what is not there is a 404 in JSON', async () => {
    const uaa = await startUaa();
    const { status, body } = await uaa.call('GET', '/uaa/oauth/nothing?client_id=x');
    expect([status, body]).toEqual([
      404,
      { error: 'not_found', error_description: 'there is no GET /uaa/oauth/nothing' },
    ]);
  });

  test('a fault tells the log what it was, and the client that there was one', async () => {
    const uaa = await startUaa();
    await uaa.identity.db.schema.dropTable('login_failures').execute();
    const { status, body } = await uaa.logIn();
    expect([status, body]).toEqual([500, { error: 'server_error', error_description: 'an internal error' }]);
    expect(uaa.log.find((line) => line.includes('api.failed'))).toContain('login_failures');
  });
});
