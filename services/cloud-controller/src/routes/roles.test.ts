import { describe, expect, test } from 'vitest';
import { useApi } from '../../testing/api-suite.ts';
import { errorOf } from '../../testing/client.ts';
import { createSpace } from '../../testing/fixtures.ts';
import { engines } from '../../testing/test-database.ts';

const scopes = ['cloud_controller.read', 'cloud_controller.write'];

describe.each(engines)('on $engine', ({ create }) => {
  const suite = useApi(create);
  const to = (kind: 'organization' | 'space', guid: string) => ({ [kind]: { data: { guid } } });
  const give = (type: string, user: Record<string, string>, place: object) =>
    suite.api.admin.post('/v3/roles', { type, relationships: { user: { data: user }, ...place } });

  describe('roles', () => {
    test('are given by name, listed with their users, and taken', async () => {
      const { organizationGuid, spaceGuid } = await createSpace(suite.api.admin);
      const guid = suite.issuer.addUser('dora');
      const member = await give('organization_user', { username: 'Dora' }, to('organization', organizationGuid));
      expect(member.status).toBe(201);
      expect(member.body.relationships).toEqual({
        user: { data: { guid } },
        organization: { data: { guid: organizationGuid } },
        space: { data: null },
      });
      const developer = await give('space_developer', { username: 'dora', origin: 'uaa' }, to('space', spaceGuid));
      expect(developer.status).toBe(201);
      const listed = await suite.api.admin.get(`/v3/roles?space_guids=${spaceGuid}&include=user`);
      expect(listed.body.resources).toMatchObject([{ type: 'space_developer' }]);
      expect(listed.body.included.users).toMatchObject([{ guid, username: 'dora', presentation_name: 'dora' }]);
      const one = await suite.api.admin.get(`/v3/roles/${member.body.guid}?include=user,organization`);
      expect(one.body.included).toMatchObject({ users: [{ guid }], organizations: [{ guid: organizationGuid }] });

      const token = await suite.issuer.token({ userGuid: guid, userName: 'dora', scopes });
      expect((await suite.api.as(token).get(`/v3/spaces/${spaceGuid}`)).status).toBe(200);
      const early = await suite.api.admin.delete(`/v3/roles/${member.body.guid}`);
      expect(errorOf(early).detail).toBe(
        'Cannot delete organization_user role while user has roles in spaces in that organization.',
      );
      const removed = await suite.api.admin.delete(`/v3/roles/${developer.body.guid}`);
      expect(removed.status).toBe(202);
      expect(removed.headers.location).toMatch(/^http:\/\/localhost:8080\/v3\/jobs\//);
      expect((await suite.api.as(token).get(`/v3/spaces/${spaceGuid}`)).status).toBe(404);
      expect((await suite.api.admin.delete(`/v3/roles/${member.body.guid}`)).status).toBe(202);
      const events = await suite.api.admin.get(`/v3/audit_events?target_guids=${guid}`);
      expect(events.body.resources).toMatchObject([
        { type: 'audit.user.create', target: { name: 'dora' } },
        {
          type: 'audit.user.organization_user_add',
          target: { name: 'dora' },
          organization: { guid: organizationGuid },
        },
        { type: 'audit.user.space_developer_add', space: { guid: spaceGuid }, actor: { name: 'admin' } },
        { type: 'audit.user.space_developer_remove', target: { name: 'dora' } },
        { type: 'audit.user.organization_user_remove' },
      ]);
    });

    test('are refused in the words that the cf CLI looks for', async () => {
      const { organizationGuid, spaceGuid } = await createSpace(suite.api.admin, 'words');
      suite.issuer.addUser('emil');
      const organization = to('organization', organizationGuid);
      const details = async (...role: Parameters<typeof give>) => errorOf(await give(...role)).detail;
      expect(await details('space_developer', { username: 'emil' }, to('space', spaceGuid))).toBe(
        "Users cannot be assigned roles in a space if they do not have a role in that space's organization.",
      );
      await give('organization_user', { username: 'emil' }, organization);
      expect(await details('organization_user', { username: 'emil' }, organization)).toBe(
        "User 'emil' already has 'organization_user' role in organization 'org-of-words'.",
      );
      await give('space_auditor', { username: 'emil' }, to('space', spaceGuid));
      expect(await details('space_auditor', { username: 'emil' }, to('space', spaceGuid))).toBe(
        "User 'emil' already has 'space_auditor' role in space 'words'.",
      );
      expect(await details('organization_user', { username: 'nobody' }, organization)).toBe(
        "No user exists with the username 'nobody'.",
      );
      expect(await details('organization_user', { username: 'emil', origin: 'ldap' }, organization)).toBe(
        "No user exists with the username 'emil' and origin 'ldap'.",
      );
      expect(await details('organization_user', { guid: 'nobody' }, organization)).toBe(
        'Invalid user. Ensure that the user exists and you have access to it.',
      );
      expect(await details('space_developer', { username: 'emil' }, organization)).toBe(
        "Role with type 'space_developer' must be associated with a space.",
      );
      expect(await details('organization_user', { username: 'emil' }, to('space', spaceGuid))).toBe(
        "Role with type 'organization_user' must be associated with an organization.",
      );
    });

    test('are not given by name while that is switched off, but to administrators', async () => {
      const { organizationGuid } = await createSpace(suite.api.admin);
      const manager = suite.issuer.addUser('mona');
      suite.issuer.addUser('nick');
      await give('organization_manager', { username: 'mona' }, to('organization', organizationGuid));
      const mona = suite.api.as(await suite.issuer.token({ userGuid: manager, userName: 'mona', scopes }));
      const body = {
        type: 'organization_user',
        relationships: { user: { data: { username: 'nick' } }, ...to('organization', organizationGuid) },
      };
      const set = (enabled: boolean) => suite.api.admin.patch('/v3/feature_flags/set_roles_by_username', { enabled });
      await set(false);
      try {
        expect(errorOf(await mona.post('/v3/roles', body)).title).toBe('CF-FeatureDisabled');
      } finally {
        await set(true);
      }
      expect((await mona.post('/v3/roles', body)).status).toBe(201);
    });

    test('of other organizations cannot be seen', async () => {
      const { organizationGuid } = await createSpace(suite.api.admin);
      suite.issuer.addUser('olga');
      const { body: role } = await give(
        'organization_user',
        { username: 'olga' },
        to('organization', organizationGuid),
      );
      const stranger = suite.api.as(await suite.issuer.token({ userGuid: 'stranger', scopes }));
      expect((await stranger.get('/v3/roles')).body.resources).toEqual([]);
      expect(errorOf(await stranger.get(`/v3/roles/${role.guid}`)).detail).toBe('Role not found');
      expect(errorOf(await stranger.delete(`/v3/roles/${role.guid}`)).status).toBe(404);
    });
  });
});
