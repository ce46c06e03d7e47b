import { expect, test } from 'vitest';
import { onEachEngine } from '../database.test-support.ts';
import { claimsOf, EXTERNAL_URL, type Reply, startUaa, type TestUaa } from '../identity.test-support.ts';

const proxy = {
  client_id: 'ssh-proxy',
  client_secret: 'beep',
  authorized_grant_types: ['authorization_code'],
  scope: ['openid', 'cloud_controller.read', 'cloud_controller.write'],
};

async function start(): Promise<TestUaa> {
  const uaa = await startUaa();
  await uaa.call('POST', '/oauth/clients', { token: await uaa.adminToken(), json: proxy });
  await uaa.createUser('dev', 'pw');
  return uaa;
}

const ask = (uaa: TestUaa, token: string, query = 'client_id=ssh-proxy&response_type=code'): Promise<Reply> =>
  uaa.call('GET', `/uaa/oauth/authorize?${query}`, { token });
const devToken = async (uaa: TestUaa): Promise<string> => (await uaa.logIn('dev', 'pw')).body.access_token;
const codeOf = (reply: Reply): string => new URL(String(reply.headers.location)).searchParams.get('code') ?? '';
const exchange = (uaa: TestUaa, code: string, more: Record<string, string> = {}): Promise<Reply> => {
  const form = { grant_type: 'authorization_code', code, client_id: 'ssh-proxy', client_secret: 'beep', ...more };
  return uaa.call('POST', '/uaa/oauth/token', { form });
};

onEachEngine(() => {
  test('cf ssh-code: a user with a token gets a code, which is good for one token', async () => {
    const uaa = await start();
    const reply = await ask(uaa, await devToken(uaa), 'client_id=ssh-proxy&response_type=code&state=s');
    expect(reply.status).toBe(302);
    const location = new URL(String(reply.headers.location));
    expect(`${location.origin}${location.pathname}`).toBe(`${EXTERNAL_URL}/uaa/login`);
    expect(location.searchParams.get('state')).toBe('s');
    const answer = await exchange(uaa, codeOf(reply));
    expect(answer.status).toBe(200);
    expect(answer.body.refresh_token).toBeUndefined();
    expect(claimsOf(answer)).toMatchObject({
      user_name: 'dev',
      client_id: 'ssh-proxy',
      grant_type: 'authorization_code',
      scope: ['cloud_controller.read', 'cloud_controller.write', 'openid'],
    });
    const again = await exchange(uaa, codeOf(reply));
    expect([again.status, again.body.error]).toEqual([400, 'invalid_grant']);
  });

  test('a code is for one client, for five minutes, and not for a user who is gone', async () => {
    const uaa = await start();
    const token = await uaa.adminToken();
    await uaa.call('POST', '/oauth/clients', { token, json: { ...proxy, client_id: 'other' } });
    const stolen = codeOf(await ask(uaa, await devToken(uaa)));
    expect((await exchange(uaa, stolen, { client_id: 'other' })).status).toBe(400);
    // Whoever tried it has used it up.
    expect((await exchange(uaa, stolen)).status).toBe(400);
    const late = codeOf(await ask(uaa, await devToken(uaa)));
    uaa.clock.now += 300_000;
    expect((await exchange(uaa, late)).status).toBe(400);
    const orphan = codeOf(await ask(uaa, await devToken(uaa)));
    const id = claimsOf(await uaa.logIn('dev', 'pw')).sub;
    await uaa.call('DELETE', `/Users/${id}`, { token: await uaa.adminToken() });
    expect((await exchange(uaa, orphan)).status).toBe(400);
    await uaa.identity.sweep();
  });

  test('a code gives no more than the token that asked for it', async () => {
    const uaa = await start();
    const narrow = (await uaa.logIn('dev', 'pw', { scope: 'uaa.user openid' })).body.access_token;
    expect((await exchange(uaa, codeOf(await ask(uaa, narrow)))).body.scope).toBe('openid');
  });

  test.each([
    ['client_id=cf&response_type=code', 401, 'invalid_client'],
    ['client_id=nobody&response_type=code', 401, 'invalid_client'],
    ['client_id=ssh-proxy&response_type=token', 400, 'invalid_request'],
    ['response_type=code', 400, 'invalid_request'],
    ['client_id=ssh-proxy&response_type=code&redirect_uri=http%3A%2F%2Fevil.test', 400, 'invalid_request'],
  ])('%s is refused', async (query, status, error) => {
    const uaa = await start();
    const reply = await ask(uaa, await devToken(uaa), query);
    expect([reply.status, reply.body.error, reply.headers.location]).toEqual([status, error, undefined]);
  });

  test('without a token there is nothing', async () => {
    const uaa = await start();
    const reply = await uaa.call('GET', '/uaa/oauth/authorize?client_id=ssh-proxy&response_type=code');
    expect(reply.status).toBe(401);
  });
});
