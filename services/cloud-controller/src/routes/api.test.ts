import { describe, expect, test } from 'vitest';
import { useApi } from '../../testing/api-suite.ts';
import { errorOf } from '../../testing/client.ts';
import { createApp, createSpace } from '../../testing/fixtures.ts';
import { engines } from '../../testing/test-database.ts';

describe.each(engines)('on $engine', ({ create }) => {
  const suite = useApi(create);

  describe('the root', () => {
    test('tells the cf CLI where everything is, without a token', async () => {
      const { status, body } = await suite.api.as('').get('/');
      expect(status).toBe(200);
      expect(body.links.cloud_controller_v3.meta.version).toMatch(/^3\.\d+\.\d+$/);
      expect(body.links.uaa.href).toBe('http://localhost:8080/uaa');
      expect(body.links.login.href).toBe('http://localhost:8080/uaa');
      expect(body.links.log_cache.href).toBe('http://localhost:8080');
      expect((await suite.api.as('').get('/v3')).body.links.apps.href).toBe('http://localhost:8080/v3/apps');
      expect((await suite.api.as('').get('/v3/info')).status).toBe(200);
    });

    test('links only to collections that there are', async () => {
      const { links } = (await suite.api.as('').get('/v3')).body;
      for (const link of Object.values(links) as { href: string }[]) {
        const { pathname } = new URL(link.href);
        expect([pathname, (await suite.api.admin.get(pathname)).status]).toEqual([pathname, 200]);
      }
    });

    test('does not know what is not there', async () => {
      const answer = await suite.api.admin.get('/v3/nothing');
      expect(errorOf(answer)).toEqual({ status: 404, code: 10000, title: 'CF-NotFound', detail: 'Unknown request' });
    });
  });

  describe('tokens', () => {
    const statusOf = async (authorization: string) => errorOf(await suite.api.as(authorization).get('/v3/apps'));

    test('no token is 401 NotAuthenticated', async () => {
      expect(await statusOf('')).toMatchObject({ status: 401, code: 10002, title: 'CF-NotAuthenticated' });
    });

    test.each([
      ['garbage', async () => 'bearer garbage'],
      ['another scheme', async () => (await suite.issuer.token()).replace('bearer', 'basic')],
      ['expired', () => suite.issuer.token({ expiresIn: -3600 })],
      ['meant for another service', () => suite.issuer.token({ audience: ['uaa'] })],
      ['of another issuer', () => suite.issuer.token({ issuer: 'http://elsewhere/uaa/oauth/token' })],
      ['changed after signing', async () => `${(await suite.issuer.token()).slice(0, -8)}AAAAAAAA`],
      [
        'unsigned',
        async () => (await suite.issuer.token()).replace(/^bearer [^.]+\./, `bearer ${btoa('{"alg":"none"}')}.`),
      ],
    ])('%s is 401 InvalidAuthToken', async (_, authorization) => {
      expect(await statusOf(await authorization())).toMatchObject({
        status: 401,
        code: 1000,
        title: 'CF-InvalidAuthToken',
      });
    });

    test('without the scope for writing it may read only', async () => {
      const reader = suite.api.as(await suite.issuer.token({ scopes: ['cloud_controller.read'] }));
      expect((await reader.get('/v3/apps')).status).toBe(200);
      expect(errorOf(await reader.post('/v3/apps', {}))).toMatchObject({ status: 403, code: 10003 });
    });
  });

  describe('bodies', () => {
    test('that are not JSON', async () => {
      expect(errorOf(await suite.api.admin.send('POST', '/v3/apps', '{"name":'))).toMatchObject({
        status: 400,
        code: 1001,
      });
    });
    test('that are too large', async () => {
      const body = JSON.stringify({ name: 'x'.repeat(2 * 1024 * 1024) });
      expect(errorOf(await suite.api.admin.send('POST', '/v3/apps', body)).detail).toContain(
        'larger than 1048576 bytes',
      );
    });
    test('with unknown fields and wrong types name each of them', async () => {
      const answer = await suite.api.admin.post('/v3/organizations', { name: 7, color: 'red', suspended: 'no' });
      expect(errorOf(answer)).toMatchObject({ status: 422, code: 10008, title: 'CF-UnprocessableEntity' });
      expect(errorOf(answer).detail).toBe(
        "Name must be a string, Suspended must be a boolean, Unknown field(s): 'color'",
      );
    });
    test('that are missing name what is needed', async () => {
      const answer = await suite.api.admin.post('/v3/organizations');
      expect(errorOf(answer).detail).toBe("Name can't be blank");
    });
    test('whatever their type says', async () => {
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      const body = JSON.stringify({ name: 'sent-by-curl' });
      expect((await suite.api.admin.send('POST', '/v3/organizations', body, headers)).status).toBe(201);
    });
  });

  describe('lists', () => {
    test('are cut into pages that lead to each other', async () => {
      const { spaceGuid: space } = await createSpace(suite.api.admin);
      for (const name of ['c', 'a', 'b']) await createApp(suite.api.admin, space, name);
      const path = `/v3/apps?space_guids=${space}&order_by=-name&per_page=2`;
      const first = await suite.api.admin.get(path);
      expect(first.body.resources.map((app: { name: string }) => app.name)).toEqual(['c', 'b']);
      expect(first.body.pagination).toMatchObject({ total_results: 3, total_pages: 2, previous: null });
      const { pathname, search } = new URL(first.body.pagination.next.href);
      const second = await suite.api.admin.get(pathname + search);
      expect(second.body.resources.map((app: { name: string }) => app.name)).toEqual(['a']);
      expect(second.body.pagination.next).toBeNull();
    });

    test('take values with commas in them', async () => {
      const { spaceGuid: space } = await createSpace(suite.api.admin);
      await createApp(suite.api.admin, space, 'one, two');
      const { body } = await suite.api.admin.get(
        `/v3/apps?names=${encodeURIComponent('one%2C two')},other&space_guids=${space}`,
      );
      expect(body.resources).toHaveLength(1);
    });

    test('refuse what they do not know', async () => {
      const answer = await suite.api.admin.get('/v3/apps?color=red&per_page=0&order_by=size');
      expect(errorOf(answer)).toMatchObject({ status: 400, code: 10005, title: 'CF-BadQueryParameter' });
      expect(errorOf(answer).detail).toContain("Unknown query parameter(s): 'color'");
      expect(errorOf(answer).detail).toContain('Per page must be between 1 and 5000');
      expect(errorOf(answer).detail).toContain('Order by can only be');
    });
  });
});
