import { describe, expect, test } from 'vitest';
import { useApi } from '../../testing/api-suite.ts';
import { errorOf } from '../../testing/client.ts';
import { createApp, createRoute, createSpace } from '../../testing/fixtures.ts';
import { engines } from '../../testing/test-database.ts';

describe.each(engines)('on $engine', ({ create }) => {
  const suite = useApi(create);

  describe('every list', () => {
    test('selects by label', async () => {
      const { spaceGuid } = await createSpace(suite.api.admin);
      const label = (labels: Record<string, string>) => ({ metadata: { labels } });
      await createApp(suite.api.admin, spaceGuid, 'prod', label({ env: 'prod', tier: 'front' }));
      await createApp(suite.api.admin, spaceGuid, 'test', label({ env: 'test' }));
      await createApp(suite.api.admin, spaceGuid, 'none');
      const named = async (selector: string): Promise<string[]> => {
        const query = `space_guids=${spaceGuid}&order_by=name&label_selector=${encodeURIComponent(selector)}`;
        const { body } = await suite.api.admin.get(`/v3/apps?${query}`);
        return body.resources.map((app: { name: string }) => app.name);
      };
      expect(await named('env')).toEqual(['prod', 'test']);
      expect(await named('!env')).toEqual(['none']);
      expect(await named('env=prod')).toEqual(['prod']);
      expect(await named('env!=prod')).toEqual(['none', 'test']);
      expect(await named('env in (prod,test),!tier')).toEqual(['test']);
      expect(await named('env notin (prod,test)')).toEqual(['none']);
      const refused = await suite.api.admin.get('/v3/apps?label_selector=a%20b');
      expect(errorOf(refused)).toMatchObject({ status: 400, code: 10005 });
    });

    test('brings along what belongs to it', async () => {
      const { organizationGuid, spaceGuid } = await createSpace(suite.api.admin);
      const app = await createApp(suite.api.admin, spaceGuid);
      await createRoute(suite.api.admin, spaceGuid, 'included');
      const included = async (path: string) => (await suite.api.admin.get(path)).body.included;
      const space = [{ guid: spaceGuid }];
      const organization = [{ guid: organizationGuid }];
      expect(await included(`/v3/spaces?guids=${spaceGuid}&include=organization`)).toMatchObject({
        organizations: organization,
      });
      expect(await included(`/v3/spaces/${spaceGuid}?include=organization`)).toMatchObject({
        organizations: organization,
      });
      expect(await included(`/v3/apps?space_guids=${spaceGuid}&include=space`)).toMatchObject({ spaces: space });
      expect(await included(`/v3/apps/${app}?include=space.organization`)).toMatchObject({
        spaces: space,
        organizations: organization,
      });
      expect(await included(`/v3/apps/${app}`)).toBeUndefined();
      const ofRoutes = await included(`/v3/routes?space_guids=${spaceGuid}&include=domain,space.organization`);
      expect(ofRoutes).toMatchObject({ domains: [{ name: 'apps.localhost' }], spaces: space });
      expect((await included('/v3/apps?space_guids=none&include=space')).spaces).toEqual([]);
      const wrong = await suite.api.admin.get(`/v3/apps/${app}?include=droplet`);
      expect(errorOf(wrong)).toMatchObject({ status: 400, code: 10005 });
    });

    test('selects by time', async () => {
      const { organizationGuid, spaceGuid } = await createSpace(suite.api.admin);
      const { body: space } = await suite.api.admin.get(`/v3/spaces/${spaceGuid}`);
      const count = async (query: string): Promise<number> =>
        (await suite.api.admin.get(`/v3/spaces?organization_guids=${organizationGuid}&${query}`)).body.resources.length;
      expect(await count(`created_ats=${space.created_at}`)).toBe(1);
      expect(await count(`created_ats[lte]=${space.created_at}`)).toBe(1);
      expect(await count(`created_ats[gt]=${space.created_at}`)).toBe(0);
      expect(await count('updated_ats[lt]=2020-01-01T00:00:00Z')).toBe(0);
      expect(await count(`created_ats=2020-01-01T00:00:00Z,${space.created_at}`)).toBe(1);
    });
  });
});
