import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { useApi } from '../../testing/api-suite.ts';
import { type Answer, type Client, errorOf } from '../../testing/client.ts';
import { createApp, createRoute, createSpace } from '../../testing/fixtures.ts';
import { engines } from '../../testing/test-database.ts';
import { writeYaml } from '../adapters/yaml/write-yaml.ts';

const to = (...guids: string[]) => ({ data: guids.map((guid) => ({ guid })) });

describe.each(engines)('on $engine', ({ create }) => {
  const suite = useApi(create);
  const flag = (enabled: boolean): Promise<Answer> =>
    suite.api.admin.patch('/v3/feature_flags/route_sharing', { enabled });
  const share = (client: Client, route: string, ...spaces: string[]) =>
    client.post(`/v3/routes/${route}/relationships/shared_spaces`, to(...spaces));
  const move = (client: Client, route: string, space: string) =>
    client.patch(`/v3/routes/${route}/relationships/space`, { data: { guid: space } });
  const newRoute = (space: string): Promise<string> =>
    createRoute(suite.api.admin, space, `r-${randomUUID().slice(0, 8)}`);
  const developerIn = async (...spaces: string[]): Promise<Client> => {
    const userGuid = randomUUID();
    const now = new Date().toISOString();
    for (const space of spaces) {
      const row = {
        guid: randomUUID(),
        created_at: now,
        updated_at: now,
        type: 'space_developer',
        user_guid: userGuid,
      };
      await suite.api.db
        .insertInto('roles')
        .values({ ...row, organization_guid: null, space_guid: space })
        .execute();
    }
    const scopes = ['cloud_controller.read', 'cloud_controller.write'];
    return suite.api.as(await suite.issuer.token({ userGuid, scopes }));
  };
  beforeAll(() => flag(true));
  afterAll(() => flag(false));

  test('is off until an administrator switches it on, for administrators too', async () => {
    const route = await newRoute(suite.spaceGuid);
    await flag(false);
    try {
      for (const answer of [
        await share(suite.api.admin, route, suite.spaceGuid),
        await move(suite.api.admin, route, suite.spaceGuid),
        await suite.api.admin.get(`/v3/routes/${route}/relationships/shared_spaces`),
      ]) {
        expect(errorOf(answer)).toMatchObject({ status: 403, detail: 'Feature Disabled: route_sharing' });
      }
    } finally {
      await flag(true);
    }
  });

  test('a shared route leads to apps of both spaces, and lists in both', async () => {
    const { admin } = suite.api;
    const other = await createSpace(admin);
    const route = await newRoute(suite.spaceGuid);
    const app = await createApp(admin, other.spaceGuid);
    const map = () => admin.post(`/v3/routes/${route}/destinations`, { destinations: [{ app: { guid: app } }] });
    expect(errorOf(await map()).detail).toBe(
      "Routes destinations must be in either the route's space or the route's shared spaces",
    );
    const shared = await share(admin, route, other.spaceGuid);
    expect([shared.status, shared.body.data]).toEqual([200, [{ guid: other.spaceGuid }]]);
    expect((await map()).status).toBe(200);
    const guest = await developerIn(other.spaceGuid);
    const listed = async (client: Client, query: string): Promise<string[]> =>
      (await client.get(`/v3/routes?guids=${route}${query}`)).body.resources.map(({ guid }: { guid: string }) => guid);
    expect(await listed(guest, '')).toEqual([route]);
    expect(await listed(guest, `&space_guids=${other.spaceGuid}`)).toEqual([route]);
    const unshared = await admin.delete(`/v3/routes/${route}/relationships/shared_spaces/${other.spaceGuid}`);
    expect(unshared.status).toBe(204);
    expect(await listed(guest, '')).toEqual([]);
    const events = await admin.get(`/v3/audit_events?target_guids=${route}`);
    expect(events.body.resources.map(({ type }: { type: string }) => type)).toEqual([
      'audit.route.create',
      'audit.route.share',
      'audit.route.unshare',
    ]);
  });

  test('a manifest may name a route that is shared with its space', async () => {
    const { admin } = suite.api;
    const other = await createSpace(admin);
    const route = await newRoute(suite.spaceGuid);
    const { url } = (await admin.get(`/v3/routes/${route}`)).body;
    const apply = async (): Promise<string> => {
      const yaml = writeYaml({ applications: [{ name: 'guest', docker: { image: 'x' }, routes: [{ route: url }] }] });
      const path = `/v3/spaces/${other.spaceGuid}/actions/apply_manifest`;
      const answer = await admin.send('POST', path, yaml, { 'content-type': 'application/x-yaml' });
      return (await admin.get(new URL(String(answer.headers.location)).pathname)).body.state;
    };
    expect(await apply()).toBe('FAILED');
    await share(admin, route, other.spaceGuid);
    expect(await apply()).toBe('COMPLETE');
    expect((await admin.get(`/v3/routes/${route}/destinations`)).body.destinations).toHaveLength(1);
    // Whatever shares it goes without it.
    expect((await admin.delete(`/v3/spaces/${other.spaceGuid}`)).status).toBe(202);
    expect((await admin.get(`/v3/routes/${route}/relationships/shared_spaces`)).body.data).toEqual([]);
  });

  test('sharing needs write access to every space', async () => {
    const { admin } = suite.api;
    const [mine, theirs] = [await createSpace(admin), await createSpace(admin)];
    const route = await newRoute(mine.spaceGuid);
    const { url } = (await admin.get(`/v3/routes/${route}`)).body;
    const client = await developerIn(mine.spaceGuid);
    expect(errorOf(await share(client, route, theirs.spaceGuid, 'none')).detail).toBe(
      `Unable to share route ${url} with spaces ['${theirs.spaceGuid}', 'none']. Ensure the spaces exist and that you have access to them.`,
    );
    expect(errorOf(await move(client, route, theirs.spaceGuid)).detail).toBe(
      `Unable to transfer owner of route '${url}' to space '${theirs.spaceGuid}'. Ensure the space exists and that you have access to it.`,
    );
    expect(errorOf(await share(admin, route, mine.spaceGuid)).detail).toContain(
      'Routes cannot be shared into the space where they were created.',
    );
    const outsider = await developerIn(theirs.spaceGuid);
    expect((await share(outsider, route, theirs.spaceGuid)).status).toBe(404);
  });

  test('a moved route is the other space’s, and the one before goes on using it', async () => {
    const { admin } = suite.api;
    const [from, target] = [await createSpace(admin), await createSpace(admin)];
    const route = await newRoute(from.spaceGuid);
    const client = await developerIn(from.spaceGuid, target.spaceGuid);
    const moved = await move(client, route, target.spaceGuid);
    expect([moved.status, moved.body]).toEqual([200, { status: 'ok' }]);
    expect((await admin.get(`/v3/routes/${route}`)).body.relationships.space.data.guid).toBe(target.spaceGuid);
    const sharedWith = async () => (await admin.get(`/v3/routes/${route}/relationships/shared_spaces`)).body.data;
    expect(await sharedWith()).toEqual([{ guid: from.spaceGuid }]);
    await move(client, route, from.spaceGuid);
    expect(await sharedWith()).toEqual([{ guid: target.spaceGuid }]);

    const { body: domain } = await admin.post('/v3/domains', {
      name: `d-${randomUUID().slice(0, 8)}.test`,
      relationships: { organization: { data: { guid: from.organizationGuid } } },
    });
    const { body: own } = await admin.post('/v3/routes', {
      relationships: { space: { data: { guid: from.spaceGuid } }, domain: { data: { guid: domain.guid } } },
    });
    expect(errorOf(await move(client, own.guid, target.spaceGuid)).detail).toContain(
      "Target space does not have access to route's domain",
    );
    await admin.post('/v3/organization_quotas', {
      name: `no-routes-${from.spaceGuid}`,
      routes: { total_routes: 0 },
      relationships: { organizations: { data: [{ guid: target.organizationGuid }] } },
    });
    expect(errorOf(await move(client, route, target.spaceGuid)).detail).toContain('Routes quota exceeded');
  });
});
