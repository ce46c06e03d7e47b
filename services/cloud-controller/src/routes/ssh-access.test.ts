import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { useApi } from '../../testing/api-suite.ts';
import { type Client, errorOf } from '../../testing/client.ts';
import { createApp, createSpace } from '../../testing/fixtures.ts';
import { engines } from '../../testing/test-database.ts';

describe.each(engines)('who may log in to an instance, on $engine', ({ create }) => {
  const suite = useApi(create);
  const path = (app: string, index: number | string = 0): string => `/internal/apps/${app}/ssh_access/${index}`;
  const events = async (app: string, type: string): Promise<{ data: unknown; actor: { guid: string } }[]> => {
    const query = `target_guids=${app}&types=audit.app.${type}`;
    return (await suite.api.admin.get(`/v3/audit_events?${query}`)).body.resources;
  };
  const user = async (spaceGuid: string, role?: string): Promise<Client> => {
    const guid = randomUUID();
    if (role !== undefined) {
      const space = await suite.api.admin.get(`/v3/spaces/${spaceGuid}`);
      const organization = space.body.relationships.organization.data.guid;
      await suite.api.admin.post('/v3/users', { guid });
      const give = async (type: string, relationships: object): Promise<void> => {
        const body = { type, relationships: { user: { data: { guid } }, ...relationships } };
        expect((await suite.api.admin.post('/v3/roles', body)).status).toBe(201);
      };
      await give('organization_user', { organization: { data: { guid: organization } } });
      await give(role, { space: { data: { guid: spaceGuid } } });
    }
    const scopes = ['cloud_controller.read', 'cloud_controller.write'];
    return suite.api.as(await suite.issuer.token({ userGuid: guid, scopes }));
  };

  test('developers of the space, of which an event tells; what does not run has no place', async () => {
    const { spaceGuid } = await createSpace(suite.api.admin);
    const app = await createApp(suite.api.admin, spaceGuid);
    const developer = await user(spaceGuid, 'space_developer');
    const answer = await developer.get(path(app, 3));
    expect(answer.status).toBe(200);
    expect(answer.body.process_guid).toMatch(new RegExp(`^${app}-[0-9a-f-]{36}$`));
    expect(answer.body.instance).toBeNull();
    expect(await events(app, 'ssh-authorized')).toEqual([expect.objectContaining({ data: { index: 3 } })]);
  });

  test('nobody else: other roles are refused, strangers see no app, and an event tells of both', async () => {
    const { spaceGuid } = await createSpace(suite.api.admin);
    const app = await createApp(suite.api.admin, spaceGuid);
    for (const role of ['space_auditor', 'space_manager', 'space_supporter']) {
      expect((await (await user(spaceGuid, role)).get(path(app))).status).toBe(403);
    }
    expect(errorOf(await (await user(spaceGuid)).get(path(app))).detail).toBe('App not found');
    expect(await events(app, 'ssh-unauthorized')).toHaveLength(4);
    expect(await events(app, 'ssh-authorized')).toEqual([]);
    expect((await suite.api.admin.get(path(randomUUID()))).status).toBe(404);
    expect((await suite.api.admin.get(path(app, '-1'))).status).toBe(422);
  });

  test('a role that is taken away counts from the next question on', async () => {
    const { spaceGuid } = await createSpace(suite.api.admin);
    const app = await createApp(suite.api.admin, spaceGuid);
    const developer = await user(spaceGuid, 'space_developer');
    expect((await developer.get(path(app))).status).toBe(200);
    const roles = await suite.api.admin.get(`/v3/roles?space_guids=${spaceGuid}&types=space_developer`);
    await suite.api.admin.delete(`/v3/roles/${roles.body.resources[0].guid}`);
    await expect.poll(async () => (await developer.get(path(app))).status).toBe(404);
  });

  test('nobody where the app or the space has switched it off', async () => {
    const { spaceGuid } = await createSpace(suite.api.admin);
    const app = await createApp(suite.api.admin, spaceGuid);
    await suite.api.admin.patch(`/v3/apps/${app}/features/ssh`, { enabled: false });
    expect(errorOf(await suite.api.admin.get(path(app)))).toMatchObject({
      status: 400,
      detail: 'The request is invalid: Disabled for app',
    });
    await suite.api.admin.patch(`/v3/apps/${app}/features/ssh`, { enabled: true });
    await suite.api.admin.patch(`/v3/spaces/${spaceGuid}/features/ssh`, { enabled: false });
    expect(errorOf(await suite.api.admin.get(path(app))).detail).toContain('Disabled for space');
  });
});
