import { describe, expect, test } from 'vitest';
import { onEachEngine } from '../database.test-support.ts';
import { ADMIN_PASSWORD, claimsOf, startUaa } from '../identity.test-support.ts';

const dev = {
  userName: 'dev',
  password: 'pw',
  origin: '',
  name: { familyName: 'dev', givenName: 'dev' },
  emails: [{ value: 'dev', primary: true }],
};

onEachEngine(() => {
  test('cf create-user: nobody of that name, then the user with id and origin', async () => {
    const uaa = await startUaa();
    const token = await uaa.adminToken();
    const filter = encodeURIComponent('userName eq "dev"');
    const before = await uaa.call('GET', `/uaa/Users?filter=${filter}`, { token });
    expect([before.status, before.body.resources, before.body.totalResults]).toEqual([200, [], 0]);

    const created = await uaa.call('POST', '/uaa/Users', { token, json: dev });
    expect(created.status).toBe(201);
    expect(created.headers.etag).toBe('"0"');
    expect(created.body).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      meta: { version: 0, created: '2026-01-01T00:00:00.000Z', lastModified: '2026-01-01T00:00:00.000Z' },
      userName: 'dev',
      name: { familyName: 'dev', givenName: 'dev' },
      emails: [{ value: 'dev', primary: true }],
      groups: expect.arrayContaining([{ value: 'openid', display: 'openid', type: 'DIRECT' }]),
      active: true,
      verified: true,
      origin: 'uaa',
      zoneId: 'uaa',
      passwordLastModified: '2026-01-01T00:00:00.000Z',
      schemas: ['urn:scim:schemas:core:1.0'],
    });

    const after = await uaa.call('GET', `/uaa/Users?filter=${filter}`, { token });
    expect(after.body).toEqual({
      resources: [created.body],
      startIndex: 1,
      itemsPerPage: 100,
      totalResults: 1,
      schemas: ['urn:scim:schemas:core:1.0'],
    });
    expect((await uaa.call('GET', `/uaa/Users/${created.body.id}`, { token })).body).toEqual(created.body);
  });

  test('a name that is taken is 409, in any case of letters', async () => {
    const uaa = await startUaa();
    const token = await uaa.adminToken();
    await uaa.call('POST', '/Users', { token, json: dev });
    const { status, body } = await uaa.call('POST', '/Users', { token, json: { ...dev, userName: 'DEV' } });
    expect([status, body]).toEqual([
      409,
      { error: 'scim_resource_already_exists', error_description: 'Username already in use: DEV' },
    ]);
  });

  test('of two who make the same user at once one wins', async () => {
    const uaa = await startUaa();
    const token = await uaa.adminToken();
    const replies = await Promise.all([1, 2, 3].map(() => uaa.call('POST', '/Users', { token, json: dev })));
    expect(replies.map((reply) => reply.status).toSorted((a, b) => a - b)).toEqual([201, 409, 409]);
  });

  test('what cannot be is refused in UAA words', async () => {
    const uaa = await startUaa();
    const token = await uaa.adminToken();
    const create = async (json: unknown) => {
      const { status, body } = await uaa.call('POST', '/Users', { token, json });
      return [status, body.error];
    };
    expect(await create({ ...dev, userName: 'a b' })).toEqual([400, 'invalid_scim_resource']);
    expect(await create({ ...dev, origin: 'ldap' })).toEqual([400, 'invalid_scim_resource']);
    expect(await create({ ...dev, password: '' })).toEqual([422, 'invalid_password']);
    expect(await create(null)).toEqual([400, 'invalid_scim_resource']);
    const broken = await uaa.api.inject({
      method: 'POST',
      url: '/Users',
      headers: { authorization: `bearer ${token}`, 'content-type': 'application/json' },
      payload: '{',
    });
    expect([broken.statusCode, broken.json()]).toEqual([
      400,
      { error: 'invalid_request', error_description: 'the body is not JSON' },
    ]);
  });

  test('cf delete-user gets JSON back, although it says JSON and sends none', async () => {
    const uaa = await startUaa();
    const token = await uaa.adminToken();
    const id = await uaa.createUser('dev', 'pw');
    const remove = () =>
      uaa.call('DELETE', `/uaa/Users/${id}`, { token, headers: { 'content-type': 'application/json' } });
    const deleted = await remove();
    expect([deleted.status, deleted.body.id]).toEqual([200, id]);
    const again = await remove();
    expect([again.status, again.body.error]).toEqual([404, 'scim_resource_not_found']);
    expect((await uaa.logIn('dev', 'pw')).status).toBe(401);
    expect((await uaa.call('POST', '/Users', { token, json: dev })).status).toBe(201);
  });

  describe('listing', () => {
    test('filters, sorts and pages', async () => {
      const uaa = await startUaa();
      for (const name of ['carl', 'anna', 'bob']) await uaa.createUser(name, 'pw');
      const token = await uaa.adminToken();
      const names = async (query: string) => {
        const { body } = await uaa.call('GET', `/Users?${query}`, { token });
        return body.resources.map((user: { userName: string }) => user.userName);
      };
      expect(await names('sortBy=userName')).toEqual(['admin', 'anna', 'bob', 'carl']);
      expect(await names('sortBy=userName&sortOrder=descending&count=2&startIndex=2')).toEqual(['bob', 'anna']);
      expect(await names(`filter=${encodeURIComponent('userName sw "a" and not (userName eq "ADMIN")')}`)).toEqual([
        'anna',
      ]);
      expect(await names(`filter=${encodeURIComponent('userName eq "bob" and origin eq "ldap"')}`)).toEqual([]);
      expect(await names('count=0')).toEqual([]);
    });

    test.each([
      ['filter=userName', 'scim'],
      ['filter=password_hash%20pr', 'scim'],
      ['sortBy=password_hash', 'scim'],
      ['count=x', 'invalid_request'],
      ['filter=id%20pr&filter=id%20pr', 'invalid_request'],
    ])('%s is refused', async (query, error) => {
      const uaa = await startUaa();
      const { status, body } = await uaa.call('GET', `/Users?${query}`, { token: await uaa.adminToken() });
      expect([status, body.error]).toEqual([400, error]);
    });
  });

  describe('who may', () => {
    test('an ordinary user sees itself alone and changes nobody', async () => {
      const uaa = await startUaa();
      const id = await uaa.createUser('dev', 'pw');
      const adminId = String(claimsOf(await uaa.logIn()).sub);
      const token = (await uaa.logIn('dev', 'pw')).body.access_token;
      expect((await uaa.call('GET', `/Users/${id}`, { token })).status).toBe(200);
      const refused = [
        await uaa.call('GET', '/Users', { token }),
        await uaa.call('GET', `/Users/${adminId}`, { token }),
        await uaa.call('POST', '/Users', { token, json: dev }),
        await uaa.call('DELETE', `/Users/${id}`, { token }),
        await uaa.call('PUT', `/Users/${adminId}/password`, { token, json: { oldPassword: 'x', password: 'y' } }),
        await uaa.call('POST', '/oauth/clients', { token, json: {} }),
        await uaa.call('GET', '/oauth/clients/cf', { token }),
      ];
      for (const { status, body } of refused) expect([status, body.error]).toEqual([403, 'insufficient_scope']);
    });

    test('without a good token everything is 401 invalid_token', async () => {
      const uaa = await startUaa();
      const token = await uaa.adminToken();
      const [head = '', body = '', signature = ''] = token.split('.');
      const none = Buffer.from(JSON.stringify({ alg: 'none' })).toString('base64url');
      const bad = [undefined, 'garbage', `${head}.${body}.`, `${none}.${body}.`, `${head}.${body}x.${signature}`];
      for (const one of bad) {
        const reply = await uaa.call('GET', '/Users', { token: one });
        expect([one, reply.status, reply.body.error]).toEqual([one, 401, 'invalid_token']);
        expect(reply.headers['www-authenticate']).toMatch(/^Bearer/);
      }
      uaa.clock.now += 600_000;
      expect((await uaa.call('GET', '/Users', { token })).body.error).toBe('invalid_token');
    });

    test('a token of another uaa with the same user is no token here', async () => {
      const [uaa, other] = [await startUaa(), await startUaa()];
      expect((await uaa.call('GET', '/Users', { token: await other.adminToken() })).status).toBe(401);
    });
  });

  describe('cf passwd', () => {
    test('changes the password with the old one', async () => {
      const uaa = await startUaa();
      const id = await uaa.createUser('dev', 'old');
      const token = (await uaa.logIn('dev', 'old')).body.access_token;
      const json = { oldPassword: 'old', password: 'new' };
      const reply = await uaa.call('PUT', `/uaa/Users/${id}/password`, { token, json });
      expect([reply.status, reply.body]).toEqual([200, { status: 'ok', message: 'password updated' }]);
      expect((await uaa.logIn('dev', 'old')).status).toBe(401);
      expect((await uaa.logIn('dev', 'new')).status).toBe(200);
      const user = await uaa.call('GET', `/Users/${id}`, { token });
      expect(user.body.meta.version).toBe(1);
    });

    test.each([
      [{ oldPassword: 'wrong', password: 'new' }, 401, 'unauthorized', 'Old password is incorrect'],
      [{ password: 'new' }, 422, 'invalid_password', 'Previous password is required'],
      [{ oldPassword: 'old', password: 'old' }, 422, 'invalid_password', 'cannot be the same'],
      [{ oldPassword: 'old', password: '' }, 422, 'invalid_password', 'at least 1'],
      [{ oldPassword: 'old' }, 400, 'invalid_request', 'expected'],
    ])('%j is refused', async (json, status, error, words) => {
      const uaa = await startUaa();
      const id = await uaa.createUser('dev', 'old');
      const token = (await uaa.logIn('dev', 'old')).body.access_token;
      const reply = await uaa.call('PUT', `/Users/${id}/password`, { token, json });
      expect([reply.status, reply.body.error]).toEqual([status, error]);
      expect(reply.body.error_description).toContain(words);
      expect((await uaa.logIn('dev', 'old')).status).toBe(200);
    });

    test('an old password cannot be guessed here either', async () => {
      const uaa = await startUaa();
      const id = await uaa.createUser('dev', 'old');
      const token = (await uaa.logIn('dev', 'old')).body.access_token;
      const change = (oldPassword: string) =>
        uaa.call('PUT', `/Users/${id}/password`, { token, json: { oldPassword, password: 'new' } });
      for (let i = 0; i < 5; i++) await change('guess');
      expect((await change('old')).body.error_description).toContain('locked');
    });

    test('an admin sets that of others without the old one, but not its own', async () => {
      const uaa = await startUaa();
      const id = await uaa.createUser('dev', 'old');
      const admin = await uaa.logIn();
      const token = admin.body.access_token;
      const set = (guid: string, json: unknown) => uaa.call('PUT', `/Users/${guid}/password`, { token, json });
      expect((await set(id, { password: 'new' })).status).toBe(200);
      expect((await uaa.logIn('dev', 'new')).status).toBe(200);
      const own = String(claimsOf(admin).sub);
      expect((await set(own, { password: 'new' })).status).toBe(422);
      expect((await set(own, { oldPassword: ADMIN_PASSWORD, password: 'new' })).status).toBe(200);
      expect((await set('nobody', { password: 'new' })).status).toBe(404);
    });
  });
});
