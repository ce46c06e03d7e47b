import { describe, expect, test } from 'vitest';
import { useApi } from '../../testing/api-suite.ts';
import { errorOf } from '../../testing/client.ts';
import { createSpace } from '../../testing/fixtures.ts';
import { engines } from '../../testing/test-database.ts';

const scopes = ['cloud_controller.read', 'cloud_controller.write'];

describe.each(engines)('on $engine', ({ create }) => {
  const suite = useApi(create);

  describe('users', () => {
    test('are made by the guid that uaa gave, found by name, and deleted with their roles', async () => {
      const guid = suite.issuer.addUser('Pia');
      const created = await suite.api.admin.post('/v3/users', { guid, metadata: { labels: { team: 'a' } } });
      expect(created.status).toBe(201);
      expect(created.body).toMatchObject({
        guid,
        username: 'Pia',
        presentation_name: 'Pia',
        origin: 'uaa',
        metadata: { labels: { team: 'a' } },
      });
      const again = await suite.api.admin.post('/v3/users', { guid });
      expect(errorOf(again)).toMatchObject({ status: 422, detail: `User with guid '${guid}' already exists.` });
      const find = async (query: string): Promise<string[]> =>
        (await suite.api.admin.get(`/v3/users?${query}`)).body.resources.map((user: { guid: string }) => user.guid);
      expect(await find('usernames=pia')).toEqual([guid]);
      expect(await find('usernames=pia&origins=uaa')).toEqual([guid]);
      expect(await find('usernames=pia&origins=ldap')).toEqual([]);
      expect(await find('partial_usernames=pi')).toEqual([guid]);
      expect(await find('usernames=nobody')).toEqual([]);
      expect(await find(`guids=${guid}&label_selector=team%3Da`)).toEqual([guid]);
      expect((await suite.api.admin.get('/v3/users?origins=uaa')).status).toBe(400);

      const { organizationGuid } = await createSpace(suite.api.admin);
      await suite.api.admin.post('/v3/roles', {
        type: 'organization_user',
        relationships: { user: { data: { guid } }, organization: { data: { guid: organizationGuid } } },
      });
      const members = await suite.api.admin.get(`/v3/organizations/${organizationGuid}/users`);
      expect(members.body.resources).toMatchObject([{ guid, username: 'Pia' }]);
      suite.issuer.removeUser(guid);
      const nameless = await suite.api.admin.get(`/v3/users/${guid}`);
      expect(nameless.body).toMatchObject({ username: null, presentation_name: guid, origin: null });
      expect((await suite.api.admin.delete(`/v3/users/${guid}`)).status).toBe(202);
      expect((await suite.api.admin.get(`/v3/roles?user_guids=${guid}`)).body.resources).toEqual([]);
      expect(errorOf(await suite.api.admin.delete(`/v3/users/${guid}`))).toMatchObject({
        status: 404,
        detail: 'User not found',
      });
    });

    test('see themselves and those of their organizations', async () => {
      const { organizationGuid, spaceGuid } = await createSpace(suite.api.admin);
      const [one, two, three] = ['ute', 'vera', 'wim'].map((name) => suite.issuer.addUser(name));
      await suite.api.admin.post('/v3/users', { guid: three });
      for (const guid of [one, two]) {
        await suite.api.admin.post('/v3/roles', {
          type: 'organization_user',
          relationships: { user: { data: { guid } }, organization: { data: { guid: organizationGuid } } },
        });
      }
      const names = async (userGuid: string | undefined): Promise<string[]> => {
        const client = suite.api.as(await suite.issuer.token({ userGuid: userGuid ?? '', scopes }));
        return (await client.get('/v3/users')).body.resources.map((user: { username: string }) => user.username);
      };
      expect(await names(one)).toEqual([]);
      for (const username of ['ute', 'vera']) {
        const relationships = { user: { data: { username } }, organization: { data: { guid: organizationGuid } } };
        await suite.api.admin.post('/v3/roles', { type: 'organization_user', relationships });
      }
      expect((await names(one)).toSorted()).toEqual(['ute', 'vera']);
      expect(await names(three)).toEqual(['wim']);
      const ute = suite.api.as(await suite.issuer.token({ userGuid: one ?? '', scopes }));
      expect((await ute.delete(`/v3/users/${two}`)).status).toBe(403);
      expect((await ute.delete(`/v3/users/${three}`)).status).toBe(404);
      expect((await ute.post('/v3/users', { guid: 'x' })).status).toBe(403);
      expect((await suite.api.admin.get(`/v3/spaces/${spaceGuid}/users`)).body.resources).toEqual([]);
    });

    test('have no names while uaa is away, and that is said', async () => {
      const guid = suite.issuer.addUser('xaver');
      await suite.api.admin.post('/v3/users', { guid });
      suite.issuer.fail(true);
      try {
        expect(errorOf(await suite.api.admin.get(`/v3/users/${guid}`))).toMatchObject({ status: 503, code: 20004 });
      } finally {
        suite.issuer.fail(false);
      }
    });
  });
});
