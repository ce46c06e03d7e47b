import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Client } from '../../testing/client.ts';
import { startTestApi, type TestApi } from '../../testing/test-api.ts';
import { engines, type TestDatabase } from '../../testing/test-database.ts';
import { startTokenIssuer, type TokenIssuer } from '../../testing/token-issuer.ts';
import { link, seedWorld, type World } from '../../testing/world.ts';

describe.each(engines)('beyond the matrix of permissions, on $engine', ({ create }) => {
  let issuer: TokenIssuer;
  let database: TestDatabase;
  let api: TestApi;
  let world: World;
  beforeAll(async () => {
    issuer = await startTokenIssuer();
    database = await create();
    api = await startTestApi(database, issuer);
    world = await seedWorld(api, issuer);
  });
  afterAll(async () => {
    await api?.stop();
    await database?.remove();
    await issuer?.stop();
  });

  test('a space that one may not see is not told from one that is not there', async () => {
    const client = await world.client('nobody');
    const body = (space: string) => ({ name: 'x', relationships: { space: link(space) } });
    const hidden = await client.post('/v3/apps', body(world.id('spaces')));
    const missing = await client.post('/v3/apps', body('nowhere'));
    expect(hidden.body).toEqual(missing.body);
    expect(hidden.status).toBe(422);
  });

  test('only administrators make organizations, unless the flag lets everyone', async () => {
    const client = await world.client('organization_manager');
    expect((await client.post('/v3/organizations', { name: 'mine' })).status).toBe(403);
    await api.admin.patch('/v3/feature_flags/user_org_creation', { enabled: true });
    expect((await client.post('/v3/organizations', { name: 'mine' })).status).toBe(201);
    await api.admin.patch('/v3/feature_flags/user_org_creation', { enabled: false });
  });

  test('a flag that is off binds users and not administrators', async () => {
    const client = await world.client('space_developer');
    await api.admin.patch('/v3/feature_flags/app_scaling', { enabled: false });
    const scale = (c: Client) => c.post(`/v3/processes/${world.id('apps')}/actions/scale`, { instances: 1 });
    expect((await scale(client)).body.errors[0]).toMatchObject({
      code: 330002,
      detail: 'Feature Disabled: app_scaling',
    });
    expect((await scale(api.admin)).status).toBe(202);
    await api.admin.patch('/v3/feature_flags/app_scaling', { enabled: true });
  });

  test('a supporter sees the variables of an app, and not the credentials of its services', async () => {
    const environmentFor = async (holder: 'space_developer' | 'space_supporter') =>
      (await (await world.client(holder)).get(`/v3/apps/${world.id('apps')}/env`)).body;
    expect((await environmentFor('space_developer')).system_env_json).toHaveProperty('VCAP_SERVICES');
    expect((await environmentFor('space_supporter')).system_env_json).toEqual({
      redacted_message: '[PRIVATE DATA HIDDEN]',
    });
  });
});
