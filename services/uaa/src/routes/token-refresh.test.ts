import { describe, expect, test } from 'vitest';
import { onEachEngine } from '../database.test-support.ts';
import { ADMIN_PASSWORD, claimsOf, startUaa } from '../identity.test-support.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

onEachEngine(() => {
  describe('refresh', () => {
    test('gives a new access token and again the refresh token', async () => {
      const uaa = await startUaa();
      const first = await uaa.logIn();
      uaa.clock.now += 20 * MINUTE;
      const second = await uaa.refresh(first.body.refresh_token);
      expect(second.status).toBe(200);
      expect(second.body.token_type).toBe('bearer');
      expect(second.body.refresh_token).toBe(first.body.refresh_token);
      expect(second.body.jti).not.toBe(first.body.jti);
      const { iat, exp, auth_time, sid, user_id, grant_type } = claimsOf(second);
      expect([iat, exp]).toEqual([uaa.clock.now / 1_000, uaa.clock.now / 1_000 + 600]);
      expect(auth_time).toBe(claimsOf(first).auth_time);
      expect([sid, user_id, grant_type]).toEqual([claimsOf(first).sid, claimsOf(first).user_id, 'refresh_token']);
    });

    test('past half its life it is renewed, and the old one holds until its own end', async () => {
      const uaa = await startUaa();
      const first = (await uaa.logIn()).body.refresh_token;
      uaa.clock.now += 16 * DAY;
      const second = (await uaa.refresh(first)).body.refresh_token;
      expect(second).not.toBe(first);
      uaa.clock.now += 13 * DAY;
      expect((await uaa.refresh(first)).status).toBe(200);
      uaa.clock.now += 2 * DAY;
      const expired = await uaa.refresh(first);
      expect([expired.status, expired.body.error]).toEqual([401, 'invalid_token']);
      expect((await uaa.refresh(second)).status).toBe(200);
    });

    test('survives a restart', async () => {
      const uaa = await startUaa();
      const token = (await uaa.logIn()).body.refresh_token;
      const again = await startUaa({ from: uaa });
      expect((await again.refresh(token)).status).toBe(200);
    });

    test('ends when the password changes, and when the user is deleted', async () => {
      const uaa = await startUaa();
      const id = await uaa.createUser('dev', 'pw');
      const first = (await uaa.logIn('dev', 'pw')).body;
      const json = { oldPassword: 'pw', password: 'new' };
      const changed = await uaa.call('PUT', `/uaa/Users/${id}/password`, { token: first.access_token, json });
      expect(changed.status).toBe(200);
      expect((await uaa.refresh(first.refresh_token)).status).toBe(401);

      const second = (await uaa.logIn('dev', 'new')).body;
      await uaa.call('DELETE', `/uaa/Users/${id}`, { token: await uaa.adminToken() });
      expect((await uaa.refresh(second.refresh_token)).status).toBe(401);
    });

    test('is for the client that the token was given to', async () => {
      const uaa = await startUaa();
      const json = { client_id: 'other', authorized_grant_types: ['password', 'refresh_token'], scope: ['openid'] };
      expect((await uaa.call('POST', '/oauth/clients', { token: await uaa.adminToken(), json })).status).toBe(201);
      const token = (await uaa.logIn()).body.refresh_token;
      const form = { grant_type: 'refresh_token', refresh_token: token, client_id: 'other' };
      expect((await uaa.call('POST', '/oauth/token', { form })).body.error).toBe('invalid_token');
    });

    test('cannot widen the scopes of the login', async () => {
      const uaa = await startUaa();
      const token = (await uaa.logIn('admin', ADMIN_PASSWORD, { scope: 'openid' })).body.refresh_token;
      expect((await uaa.refresh(token, { scope: 'openid cloud_controller.admin' })).body.scope).toBe('openid');
      expect((await uaa.refresh(token)).body.scope).toBe('openid');
    });

    test.each(['garbage', `${'A'.repeat(43)}-r`])('an unknown token (%s) is invalid_token', async (token) => {
      const uaa = await startUaa();
      const { status, body } = await uaa.refresh(token);
      expect([status, body.error]).toEqual([401, 'invalid_token']);
    });
  });

  describe('revoking', () => {
    test("one's own access token by its jti ends the login, and says so with 200", async () => {
      const uaa = await startUaa();
      const { access_token, refresh_token, jti } = (await uaa.logIn()).body;
      const reply = await uaa.call('DELETE', `/uaa/oauth/token/revoke/${jti}`, {
        token: access_token,
        headers: { 'content-type': 'application/json' },
      });
      expect([reply.status, reply.body]).toEqual([200, undefined]);
      expect((await uaa.refresh(refresh_token)).status).toBe(401);
      expect((await uaa.call('DELETE', `/uaa/oauth/token/revoke/${jti}`, { token: access_token })).status).toBe(404);
    });

    test("another's login is for who may revoke tokens", async () => {
      const uaa = await startUaa();
      await uaa.createUser('dev', 'pw');
      const dev = await uaa.logIn('dev', 'pw');
      const admin = await uaa.logIn();
      const revoke = (session: unknown, token: string) =>
        uaa.call('DELETE', `/uaa/oauth/token/revoke/${String(session)}`, { token });
      expect((await revoke(claimsOf(admin).sid, dev.body.access_token)).status).toBe(403);
      expect((await uaa.refresh(admin.body.refresh_token)).status).toBe(200);
      expect((await revoke(claimsOf(dev).sid, admin.body.access_token)).status).toBe(200);
      expect((await uaa.refresh(dev.body.refresh_token)).status).toBe(401);
    });
  });
});
