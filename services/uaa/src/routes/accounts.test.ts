import { decodeProtectedHeader } from 'jose';
import { expect, test } from 'vitest';
import { onEachEngine } from '../database.test-support.ts';
import { startUaa } from '../identity.test-support.ts';

onEachEngine(() => {
  test('a user is renamed, and another one’s name is not to be had', async () => {
    const uaa = await startUaa();
    const token = await uaa.adminToken();
    const id = await uaa.createUser('dev', 'pw');
    await uaa.createUser('ops', 'pw');
    const json = { userName: 'dora', name: { familyName: 'D' }, emails: [{ value: 'dora@example.com' }] };
    const headers = { 'if-match': '0' };
    const changed = await uaa.call('PUT', `/uaa/Users/${id}`, { token, json, headers });
    expect([changed.status, changed.headers.etag]).toEqual([200, '"1"']);
    expect(changed.body).toMatchObject({ ...json, active: true, meta: { version: 1 } });
    expect((await uaa.logIn('dora', 'pw')).status).toBe(200);
    const stale = await uaa.call('PUT', `/uaa/Users/${id}`, { token, json, headers });
    expect([stale.status, stale.body.error]).toEqual([409, 'scim']);
    expect((await uaa.call('PUT', `/uaa/Users/${id}`, { token, json: { userName: 'OPS' } })).status).toBe(409);
    expect((await uaa.call('PUT', `/uaa/Users/${id}`, { token, json: { userName: 'a b' } })).status).toBe(400);
    expect((await uaa.call('PUT', '/uaa/Users/none', { token, json: {} })).status).toBe(404);
    const own = (await uaa.logIn('dora', 'pw')).body.access_token;
    expect((await uaa.call('PUT', `/uaa/Users/${id}`, { token: own, json: { active: false } })).status).toBe(403);
  });

  test('who is made inactive is logged out, and cannot log in until made active again', async () => {
    const uaa = await startUaa();
    const token = await uaa.adminToken();
    const id = await uaa.createUser('dev', 'pw');
    const session = (await uaa.logIn('dev', 'pw')).body;
    const set = (active: boolean) => uaa.call('PUT', `/uaa/Users/${id}`, { token, json: { active } });
    expect((await set(false)).body.active).toBe(false);
    expect((await uaa.refresh(session.refresh_token)).status).toBe(401);
    expect((await uaa.logIn('dev', 'pw')).status).toBe(401);
    await set(true);
    expect((await uaa.logIn('dev', 'pw')).status).toBe(200);
  });

  test('an administrator opens a locked account', async () => {
    const uaa = await startUaa();
    const token = await uaa.adminToken();
    const id = await uaa.createUser('dev', 'pw');
    for (let i = 0; i < 5; i++) await uaa.logIn('dev', 'wrong');
    expect((await uaa.logIn('dev', 'pw')).body.error_description).toContain('locked');
    const unlock = (json: unknown) => uaa.call('PATCH', `/uaa/Users/${id}/status`, { token, json });
    expect((await unlock({ locked: true })).status).toBe(400);
    expect((await unlock({ locked: false })).body).toEqual({ locked: false });
    expect((await uaa.logIn('dev', 'pw')).status).toBe(200);
  });

  test('a token says whose it is', async () => {
    const uaa = await startUaa();
    const id = await uaa.createUser('dev', 'pw');
    const token = (await uaa.logIn('dev', 'pw')).body.access_token;
    expect((await uaa.call('GET', '/uaa/userinfo', { token })).body).toEqual({
      sub: id,
      user_id: id,
      user_name: 'dev',
      origin: 'uaa',
      email: 'dev',
      email_verified: true,
    });
    expect((await uaa.call('GET', '/uaa/userinfo')).status).toBe(401);
  });

  test('the signing key is rotated while tokens are in use', async () => {
    const uaa = await startUaa();
    const before = (await uaa.logIn()).body.access_token;
    const rotated = await uaa.call('POST', '/uaa/token_keys', { token: before });
    expect([rotated.status, rotated.body.keys.length]).toEqual([201, 2]);
    expect((await uaa.call('GET', '/uaa/token_keys')).body.keys).toEqual(rotated.body.keys);
    const kidNow = async () => decodeProtectedHeader((await uaa.logIn()).body.access_token).kid;
    expect(await kidNow()).not.toBe(rotated.body.kid);
    uaa.clock.now += 61_000;
    expect(await kidNow()).toBe(rotated.body.kid);
    expect((await uaa.call('GET', '/uaa/Users', { token: before })).status).toBe(200);
    await uaa.createUser('dev', 'pw');
    const token = (await uaa.logIn('dev', 'pw')).body.access_token;
    expect((await uaa.call('POST', '/uaa/token_keys', { token })).status).toBe(403);
  });
});
