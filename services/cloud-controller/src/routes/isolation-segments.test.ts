import { describe, expect, test } from 'vitest';
import { useApi } from '../../testing/api-suite.ts';
import { errorOf } from '../../testing/client.ts';
import { createApp, createSpace } from '../../testing/fixtures.ts';
import { engines } from '../../testing/test-database.ts';

describe.each(engines)('on $engine', ({ create }) => {
  const suite = useApi(create);

  describe('isolation segments', () => {
    test("decide which cells an app runs in: the space's, else the organization's", async () => {
      const { organizationGuid, spaceGuid } = await createSpace(suite.api.admin);
      const segment = async (name: string): Promise<string> => {
        const { status, body } = await suite.api.admin.post('/v3/isolation_segments', { name });
        expect(status).toBe(201);
        return body.guid;
      };
      const [fast, slow] = [await segment('fast'), await segment('slow')];
      const toSpace = (guid: string | null) =>
        suite.api.admin.patch(`/v3/spaces/${spaceGuid}/relationships/isolation_segment`, {
          data: guid === null ? null : { guid },
        });
      const toOrganization = (guid: string) =>
        suite.api.admin.patch(`/v3/organizations/${organizationGuid}/relationships/default_isolation_segment`, {
          data: { guid },
        });
      expect(errorOf(await toSpace(fast)).detail).toContain('Ensure it has been entitled');
      for (const guid of [fast, slow]) {
        const path = `/v3/isolation_segments/${guid}/relationships/organizations`;
        const entitled = await suite.api.admin.post(path, { data: [{ guid: organizationGuid }] });
        expect(entitled.body.data).toEqual([{ guid: organizationGuid }]);
      }
      expect((await toOrganization(slow)).body.data).toEqual({ guid: slow });
      expect((await toSpace(fast)).body.data).toEqual({ guid: fast });

      const app = await createApp(suite.api.admin, spaceGuid);
      await suite.assign(app, await suite.stage(app));
      const tags = async (): Promise<readonly string[] | undefined> => {
        await suite.api.admin.post(`/v3/apps/${app}/actions/restart`);
        return (await suite.lrpsOf(app))[0]?.runInfo.placementTags;
      };
      expect(await tags()).toEqual(['fast']);
      await toSpace(null);
      expect(await tags()).toEqual(['slow']);
      const listed = await suite.api.admin.get(`/v3/isolation_segments?organization_guids=${organizationGuid}`);
      expect(listed.body.resources).toMatchObject([{ name: 'fast' }, { name: 'slow' }]);
      expect((await suite.api.admin.get(`/v3/isolation_segments/${fast}/organizations`)).body.resources).toMatchObject([
        { guid: organizationGuid },
      ]);

      expect(errorOf(await suite.api.admin.delete(`/v3/isolation_segments/${fast}`)).status).toBe(422);
      const revoke = (guid: string) =>
        suite.api.admin.delete(`/v3/isolation_segments/${guid}/relationships/organizations/${organizationGuid}`);
      expect((await revoke(slow)).status).toBe(422);
      expect((await revoke(fast)).status).toBe(204);
      expect((await suite.api.admin.delete(`/v3/isolation_segments/${fast}`)).status).toBe(204);
      const renamed = await suite.api.admin.patch(`/v3/isolation_segments/${slow}`, { name: 'slower' });
      expect(renamed.status).toBe(422);
    });

    test('the shared one is there, means no placement tag, and stays', async () => {
      const { admin } = suite.api;
      const { organizationGuid, spaceGuid } = await createSpace(admin);
      const [shared] = (await admin.get('/v3/isolation_segments?names=shared')).body.resources;
      expect(shared).toMatchObject({ guid: '933b4c58-120b-499a-b85d-4b6fc9e2903b', name: 'shared' });
      const path = `/v3/isolation_segments/${shared.guid}`;
      expect(errorOf(await admin.delete(path)).detail).toBe('Cannot delete the shared Isolation Segment');
      expect(errorOf(await admin.patch(path, { name: 'x' })).detail).toBe('Cannot update the shared Isolation Segment');

      const { body: own } = await admin.post('/v3/isolation_segments', { name: `own-${spaceGuid}` });
      for (const { guid } of [own, shared]) {
        await admin.post(`/v3/isolation_segments/${guid}/relationships/organizations`, {
          data: [{ guid: organizationGuid }],
        });
      }
      const byDefault = `/v3/organizations/${organizationGuid}/relationships/default_isolation_segment`;
      await admin.patch(byDefault, { data: { guid: own.guid } });
      const app = await createApp(admin, spaceGuid);
      await suite.assign(app, await suite.stage(app));
      const tags = async (): Promise<readonly string[] | undefined> => {
        await admin.post(`/v3/apps/${app}/actions/restart`);
        return (await suite.lrpsOf(app))[0]?.runInfo.placementTags;
      };
      expect(await tags()).toEqual([own.name]);
      const ofSpace = `/v3/spaces/${spaceGuid}/relationships/isolation_segment`;
      expect((await admin.patch(ofSpace, { data: { guid: shared.guid } })).status).toBe(200);
      expect(await tags()).toEqual([]);
    });

    test('are unique whatever the case, and unseen by those who may not use them', async () => {
      const { body } = await suite.api.admin.post('/v3/isolation_segments', { name: 'gpu' });
      expect(errorOf(await suite.api.admin.post('/v3/isolation_segments', { name: 'GPU' })).status).toBe(422);
      const scopes = ['cloud_controller.read', 'cloud_controller.write'];
      const stranger = suite.api.as(await suite.issuer.token({ userGuid: 'stranger', scopes }));
      expect((await stranger.get('/v3/isolation_segments')).body.resources).toEqual([]);
      expect((await stranger.get(`/v3/isolation_segments/${body.guid}`)).status).toBe(404);
      expect((await stranger.post('/v3/isolation_segments', { name: 'x' })).status).toBe(403);
    });
  });
});
