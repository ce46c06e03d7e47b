import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import { describe, expect, test } from 'vitest';
import { onEachEngine } from '../database.test-support.ts';
import {
  ADMIN_PASSWORD,
  CF_BASIC,
  CLOUD_CONTROLLER_SECRET,
  claimsOf,
  EXTERNAL_URL,
  startUaa,
} from '../identity.test-support.ts';

const MINUTE = 60_000;

onEachEngine(() => {
  test('cloud-controller looks users up, and can do nothing else', async () => {
    const uaa = await startUaa();
    const form = {
      grant_type: 'client_credentials',
      client_id: 'cloud_controller',
      client_secret: CLOUD_CONTROLLER_SECRET,
    };
    const { body } = await uaa.call('POST', '/oauth/token', { form });
    expect(body.scope).toBe('scim.read');
    const token = body.access_token;
    const found = await uaa.call('GET', '/Users?filter=userName%20eq%20%22ADMIN%22', { token });
    expect(found.body.resources).toMatchObject([{ userName: 'admin', origin: 'uaa' }]);
    const json = { userName: 'x', password: 'x', emails: [{ value: 'x' }] };
    expect((await uaa.call('POST', '/Users', { token, json })).status).toBe(403);
    // A new secret takes effect at the next start.
    const again = await startUaa({ from: uaa });
    expect((await again.call('POST', '/oauth/token', { form })).status).toBe(200);
  });

  describe('password grant', () => {
    test('gives what cf reads', async () => {
      const uaa = await startUaa();
      const reply = await uaa.logIn();
      expect(reply.status).toBe(200);
      expect(reply.headers['cache-control']).toBe('no-store');
      expect(reply.body).toEqual({
        access_token: expect.any(String),
        refresh_token: expect.any(String),
        token_type: 'bearer',
        expires_in: 600,
        scope: expect.stringContaining('cloud_controller.admin'),
        jti: expect.any(String),
      });
      const now = uaa.clock.now / 1_000;
      expect(claimsOf(reply)).toEqual({
        jti: reply.body.jti,
        sub: expect.stringMatching(/^[0-9a-f-]{36}$/),
        user_id: claimsOf(reply).sub,
        user_name: 'admin',
        origin: 'uaa',
        email: 'admin',
        client_id: 'cf',
        cid: 'cf',
        azp: 'cf',
        grant_type: 'password',
        scope: reply.body.scope.split(' '),
        aud: ['cf', 'clients', 'cloud_controller', 'doppler', 'openid', 'password', 'scim', 'uaa'],
        iat: now,
        exp: now + 600,
        auth_time: now,
        iss: `${EXTERNAL_URL}/uaa/oauth/token`,
        zid: 'uaa',
        sid: expect.any(String),
        revocable: false,
      });
      expect(decodeProtectedHeader(reply.body.access_token)).toEqual({
        alg: 'RS256',
        kid: expect.any(String),
        typ: 'JWT',
      });
    });

    test('signs with a key that /token_keys serves', async () => {
      const uaa = await startUaa();
      const token = await uaa.adminToken();
      const keys = createLocalJWKSet((await uaa.call('GET', '/uaa/token_keys')).body);
      const { payload } = await jwtVerify(token, keys, { currentDate: new Date(uaa.clock.now) });
      expect(payload.user_name).toBe('admin');
    });

    test('gives an ordinary user no admin scopes', async () => {
      const uaa = await startUaa();
      await uaa.createUser('dev', 'pw');
      const { body } = await uaa.logIn('dev', 'pw');
      expect(body.scope).toBe('cloud_controller.read cloud_controller.write openid password.write scim.me uaa.user');
    });

    test('takes the user name in any case, and nothing else for it', async () => {
      const uaa = await startUaa();
      await uaa.createUser('Dev@Example.com', 'pw');
      expect((await uaa.logIn('dev@example.COM', 'pw')).status).toBe(200);
      expect(claimsOf(await uaa.logIn('dev@example.COM', 'pw')).user_name).toBe('Dev@Example.com');
      expect((await uaa.logIn('dev@example.com ', 'pw')).status).toBe(401);
    });

    test('narrows the scopes to those asked for, and refuses when none is left', async () => {
      const uaa = await startUaa();
      await uaa.createUser('dev', 'pw');
      const narrow = await uaa.logIn('dev', 'pw', { scope: 'openid cloud_controller.admin' });
      expect(narrow.body.scope).toBe('openid');
      const none = await uaa.logIn('dev', 'pw', { scope: 'cloud_controller.admin' });
      expect([none.status, none.body]).toEqual([
        400,
        {
          error: 'invalid_scope',
          error_description:
            '[cloud_controller.admin] is invalid. This user is not allowed any of the requested scopes',
        },
      ]);
    });

    test('reads the login hint from the query, where cf puts it, or the form', async () => {
      const uaa = await startUaa();
      const ask = (hint: string, where: 'query' | 'form') =>
        uaa.call('POST', `/uaa/oauth/token${where === 'query' ? `?login_hint=${encodeURIComponent(hint)}` : ''}`, {
          form: {
            grant_type: 'password',
            username: 'admin',
            password: ADMIN_PASSWORD,
            ...(where === 'form' ? { login_hint: hint } : {}),
          },
          headers: { authorization: CF_BASIC },
        });
      for (const where of ['query', 'form'] as const) {
        expect((await ask('{"origin":"uaa"}', where)).status).toBe(200);
        expect((await ask('%7B%22origin%22%3A%22uaa%22%7D', where)).status).toBe(200);
        const other = await ask('{"origin":"ldap"}', where);
        expect([other.status, other.body.error]).toEqual([401, 'unauthorized']);
        expect(other.body.error_description).toContain('login_hint');
        expect((await ask('ldap', where)).status).toBe(400);
      }
    });

    test.each([
      ['a wrong password', 'admin', 'wrong'],
      ['an unknown user', 'nobody', ADMIN_PASSWORD],
      ['a password that is too long', 'admin', 'x'.repeat(2_000)],
    ])('refuses %s in the same words', async (_what, userName, password) => {
      const uaa = await startUaa();
      const { status, body } = await uaa.logIn(userName, password);
      expect([status, body]).toEqual([401, { error: 'unauthorized', error_description: 'Bad credentials' }]);
    });

    test('a password in Unicode is the same composed or decomposed', async () => {
      const uaa = await startUaa();
      await uaa.createUser('dev', 'p\u00e4ss');
      expect((await uaa.logIn('dev', 'pa\u0308ss')).status).toBe(200);
    });
  });

  describe('lockout', () => {
    test('after five failures not even the right password gets in, for five minutes, whether the user exists or not', async () => {
      const uaa = await startUaa();
      for (const userName of ['admin', 'nobody']) {
        for (let i = 0; i < 5; i++) {
          expect((await uaa.logIn(userName, 'wrong')).body.error_description).toBe('Bad credentials');
        }
        const { status, body } = await uaa.logIn(userName.toUpperCase());
        expect([status, body]).toEqual([
          401,
          {
            error: 'unauthorized',
            error_description: 'Your account has been locked because of too many failed attempts to login.',
          },
        ]);
      }
      uaa.clock.now += 5 * MINUTE + 1;
      expect((await uaa.logIn('nobody')).body.error_description).toBe('Bad credentials');
      expect((await uaa.logIn('nobody')).body.error_description).toContain('locked');
      expect((await uaa.logIn()).status).toBe(200);
    });

    test('a success forgives the failures before it', async () => {
      const uaa = await startUaa();
      for (let round = 0; round < 3; round++) {
        for (let i = 0; i < 4; i++) await uaa.logIn('admin', 'wrong');
        expect((await uaa.logIn()).status).toBe(200);
      }
    });

    test('a restart forgets none of them', async () => {
      const uaa = await startUaa();
      for (let i = 0; i < 5; i++) await uaa.logIn('admin', 'wrong');
      const again = await startUaa({ from: uaa });
      expect((await again.logIn()).body.error_description).toContain('locked');
    });

    test('guesses made side by side are counted one by one', async () => {
      const uaa = await startUaa();
      const replies = await Promise.all(Array.from({ length: 25 }, () => uaa.logIn('admin', 'wrong')));
      const words = replies.map((reply) => reply.body.error_description);
      expect(words.filter((word) => word === 'Bad credentials')).toHaveLength(5);
      expect(words.filter((word) => word.includes('locked'))).toHaveLength(20);
    });

    test('right logins side by side all get in', async () => {
      const uaa = await startUaa();
      const replies = await Promise.all(Array.from({ length: 25 }, () => uaa.logIn()));
      expect(new Set(replies.map((reply) => reply.status))).toEqual(new Set([200]));
      expect(new Set(replies.map((reply) => reply.body.refresh_token)).size).toBe(25);
    });
  });

  describe('client credentials', () => {
    const robot = {
      client_id: 'robot',
      client_secret: 'beep',
      authorized_grant_types: ['client_credentials'],
      authorities: ['cloud_controller.admin', 'scim.read'],
    };

    test('as cf sends them give a token without a user and without a refresh token', async () => {
      const uaa = await startUaa();
      await uaa.call('POST', '/uaa/oauth/clients', { token: await uaa.adminToken(), json: robot });
      const form = { grant_type: 'client_credentials', client_id: 'robot', client_secret: 'beep' };
      const reply = await uaa.call('POST', '/uaa/oauth/token', { form });
      expect(reply.status).toBe(200);
      expect(reply.body.refresh_token).toBeUndefined();
      expect(claimsOf(reply)).toMatchObject({
        sub: 'robot',
        client_id: 'robot',
        scope: ['cloud_controller.admin', 'scim.read'],
        authorities: ['cloud_controller.admin', 'scim.read'],
        aud: ['cloud_controller', 'robot', 'scim'],
        grant_type: 'client_credentials',
      });
      expect(claimsOf(reply).user_id).toBeUndefined();
      expect((await uaa.call('GET', '/Users', { token: reply.body.access_token })).status).toBe(200);
    });

    test('work with Basic too, and only with the right secret and grant', async () => {
      const uaa = await startUaa();
      await uaa.call('POST', '/uaa/oauth/clients', { token: await uaa.adminToken(), json: robot });
      const ask = (basic: string, grant: Record<string, string>) =>
        uaa.call('POST', '/uaa/oauth/token', {
          form: grant,
          headers: { authorization: `Basic ${Buffer.from(basic).toString('base64')}` },
        });
      const credentials = { grant_type: 'client_credentials' };
      expect((await ask('robot:beep', credentials)).status).toBe(200);
      for (const basic of ['robot:wrong', 'robot:', 'nobody:beep', 'cf:beep', 'cf:']) {
        const { status, body, headers } = await ask(basic, credentials);
        expect([basic, status, body.error]).toEqual([basic, 401, 'invalid_client']);
        expect(headers['www-authenticate']).toMatch(/^Basic/);
      }
      const password = { grant_type: 'password', username: 'admin', password: ADMIN_PASSWORD };
      expect((await ask('robot:beep', password)).body).toEqual({
        error: 'invalid_client',
        error_description: 'Unauthorized grant type: password',
      });
    });

    test('a guessed secret locks the client', async () => {
      const uaa = await startUaa();
      await uaa.call('POST', '/uaa/oauth/clients', { token: await uaa.adminToken(), json: robot });
      const ask = (client_secret: string) =>
        uaa.call('POST', '/uaa/oauth/token', {
          form: { grant_type: 'client_credentials', client_id: 'robot', client_secret },
        });
      for (let i = 0; i < 5; i++) await ask('wrong');
      expect((await ask('beep')).status).toBe(401);
      uaa.clock.now += 5 * MINUTE + 1;
      expect((await ask('beep')).status).toBe(200);
    });
  });

  describe('requests that are not well formed', () => {
    const cases: readonly [string, string, number, string][] = [
      ['', CF_BASIC, 400, 'invalid_request'],
      ['grant_type=', CF_BASIC, 400, 'invalid_request'],
      ['grant_type=implicit', CF_BASIC, 400, 'unsupported_grant_type'],
      ['grant_type=password&username=a', CF_BASIC, 400, 'invalid_request'],
      ['grant_type=password&passcode=x', CF_BASIC, 400, 'invalid_request'],
      ['grant_type=password&username=a&username=b&password=c', CF_BASIC, 400, 'invalid_request'],
      ['grant_type=refresh_token', CF_BASIC, 400, 'invalid_request'],
      ['grant_type=client_credentials&client_id=x', CF_BASIC, 400, 'invalid_request'],
      ['grant_type=client_credentials', 'Bearer x', 400, 'invalid_request'],
      ['grant_type=client_credentials', 'Basic !!!', 400, 'invalid_request'],
      ['grant_type=client_credentials', '', 401, 'invalid_client'],
    ];
    test.each(cases)('%j with %j', async (form, authorization, status, error) => {
      const uaa = await startUaa();
      const headers: Record<string, string> = authorization === '' ? {} : { authorization };
      const reply = await uaa.call('POST', '/uaa/oauth/token', { form, headers });
      expect([reply.status, reply.body.error]).toEqual([status, error]);
    });

    test('a body that is no form is refused', async () => {
      const uaa = await startUaa();
      const json = { grant_type: 'password', username: 'admin', password: ADMIN_PASSWORD };
      const reply = await uaa.call('POST', '/uaa/oauth/token', { json, headers: { authorization: CF_BASIC } });
      expect([reply.status, reply.body.error]).toEqual([415, 'invalid_request']);
    });

    test('a body that is too large is refused', async () => {
      const uaa = await startUaa();
      const reply = await uaa.logIn('admin', 'x'.repeat(70_000));
      expect([reply.status, reply.body.error]).toEqual([400, 'invalid_request']);
    });
  });

  test('nothing secret is ever logged', async () => {
    const uaa = await startUaa();
    const { body } = await uaa.logIn();
    await uaa.logIn('admin', 'wrong-password');
    await uaa.logIn('typed-password-as-name', 'x');
    await uaa.refresh(body.refresh_token);
    const malformed = { headers: { 'content-type': 'application/json' }, token: body.access_token };
    await uaa.api.inject({ method: 'POST', url: '/Users', headers: malformed.headers, payload: '{"password":"secret' });
    const log = uaa.log.join('');
    expect(log).toContain('login.refused');
    const secrets = [
      ADMIN_PASSWORD,
      'wrong-password',
      'typed-password-as-name',
      body.access_token,
      body.refresh_token,
      'secret',
    ];
    for (const secret of secrets) expect(log).not.toContain(secret);
  });
});
