import { describe, expect, test } from 'vitest';
import { useApi } from '../../testing/api-suite.ts';
import { errorOf } from '../../testing/client.ts';
import { createApp, createSpace } from '../../testing/fixtures.ts';
import { engines } from '../../testing/test-database.ts';

describe.each(engines)('on $engine', ({ create }) => {
  const suite = useApi(create);

  test('a suspended organization is changed by administrators alone, and seen as before', async () => {
    const { organizationGuid, spaceGuid } = await createSpace(suite.api.admin);
    const app = await createApp(suite.api.admin, spaceGuid);
    const guid = suite.issuer.addUser('sue');
    const user = { data: { username: 'sue' } };
    const organization = { data: { guid: organizationGuid } };
    const space = { data: { guid: spaceGuid } };
    await suite.api.admin.post('/v3/roles', { type: 'organization_manager', relationships: { user, organization } });
    await suite.api.admin.post('/v3/roles', { type: 'space_developer', relationships: { user, space } });
    const scopes = ['cloud_controller.read', 'cloud_controller.write'];
    const sue = suite.api.as(await suite.issuer.token({ userGuid: guid, scopes }));
    const changes = [
      () => sue.patch(`/v3/apps/${app}`, {}),
      () => sue.patch(`/v3/organizations/${organizationGuid}`, {}),
      () => sue.post('/v3/spaces', { name: 'more', relationships: { organization } }),
    ];
    await suite.api.admin.patch(`/v3/organizations/${organizationGuid}`, { suspended: true });
    for (const change of changes) {
      expect(errorOf(await change())).toEqual({
        status: 403,
        code: 10017,
        title: 'CF-OrgSuspended',
        detail: 'The organization is suspended',
      });
    }
    expect((await sue.get(`/v3/apps/${app}`)).status).toBe(200);
    expect((await sue.get(`/v3/apps/${app}/env`)).status).toBe(200);
    expect((await suite.api.admin.patch(`/v3/apps/${app}`, {})).status).toBe(200);
    await suite.api.admin.patch(`/v3/organizations/${organizationGuid}`, { suspended: false });
    for (const change of changes) expect((await change()).status).toBeLessThan(300);
  });
});
