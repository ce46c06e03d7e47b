import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { useApi } from '../../testing/api-suite.ts';
import { type Client, errorOf } from '../../testing/client.ts';
import { createApp } from '../../testing/fixtures.ts';
import { engines } from '../../testing/test-database.ts';

describe.each(engines)('user-provided service instances, on $engine', ({ create }) => {
  const suite = useApi(create);
  const one = (guid: string) => ({ data: { guid } });
  const service = async (): Promise<string> => {
    const body = { type: 'user-provided', name: randomUUID(), relationships: { space: one(suite.spaceGuid) } };
    return (await suite.api.admin.post('/v3/service_instances', body)).body.guid;
  };
  const holding = async (type?: string): Promise<Client> => {
    const userGuid = randomUUID();
    const now = new Date().toISOString();
    if (type !== undefined) {
      const row = { guid: randomUUID(), created_at: now, updated_at: now, type, user_guid: userGuid };
      await suite.api.db
        .insertInto('roles')
        .values({ ...row, organization_guid: null, space_guid: suite.spaceGuid })
        .execute();
    }
    const scopes = ['cloud_controller.read', 'cloud_controller.write'];
    return suite.api.as(await suite.issuer.token({ userGuid, scopes }));
  };

  test('cannot be shared, as on Cloud Foundry', async () => {
    const { admin } = suite.api;
    const path = `/v3/service_instances/${await service()}/relationships/shared_spaces`;
    expect((await admin.get(path)).body.data).toEqual([]);
    expect((await admin.get(`${path}/usage_summary`)).body.usage_summary).toEqual([]);
    const share = () => admin.post(path, { data: [{ guid: suite.spaceGuid }] });
    expect(errorOf(await share()).detail).toBe('Feature Disabled: service_instance_sharing');
    await admin.patch('/v3/feature_flags/service_instance_sharing', { enabled: true });
    expect(errorOf(await share())).toMatchObject({ status: 422, detail: 'User-provided services cannot be shared.' });
    expect(errorOf(await admin.delete(`${path}/${suite.spaceGuid}`)).status).toBe(422);
  });

  test('bring along the fields of their space and organization that are asked for', async () => {
    const { admin } = suite.api;
    const guid = await service();
    const space = 'fields[space]=guid,relationships.organization';
    const included = {
      spaces: [{ guid: suite.spaceGuid, relationships: { organization: one(suite.organizationGuid) } }],
    };
    const { body } = await admin.get(`/v3/service_instances?guids=${guid}&${space}`);
    expect(body.included).toEqual(included);
    const { name } = (await admin.get(`/v3/organizations/${suite.organizationGuid}`)).body;
    const single = await admin.get(`/v3/service_instances/${guid}?${space}&fields[space.organization]=name`);
    expect(single.body.included).toEqual({ ...included, organizations: [{ name }] });
    expect((await admin.get(`/v3/service_instances?fields[service_plan]=guid`)).body.included).toBeUndefined();
    expect(errorOf(await admin.get('/v3/service_instances?fields[space]=color'))).toMatchObject({
      status: 400,
      detail: expect.stringContaining(
        "Fields valid keys for 'space' are: 'guid', 'name', 'relationships.organization'",
      ),
    });
  });

  test('have no parameters, and neither have their bindings', async () => {
    const { admin } = suite.api;
    const guid = await service();
    const relationships = { app: one(await createApp(admin, suite.spaceGuid)), service_instance: one(guid) };
    const { body: binding } = await admin.post('/v3/service_credential_bindings', { type: 'app', relationships });
    expect(errorOf(await admin.get(`/v3/service_instances/${guid}/parameters`))).toMatchObject({
      status: 400,
      code: 120004,
      title: 'CF-ServiceFetchInstanceParametersNotSupported',
    });
    expect(errorOf(await admin.get(`/v3/service_credential_bindings/${binding.guid}/parameters`))).toMatchObject({
      status: 400,
      code: 90007,
    });
  });

  test.each([
    ['space_developer', { manage: true, read: true }, true],
    ['space_auditor', { manage: false, read: true }, false],
    [undefined, { manage: false, read: false }, undefined],
  ])('%s learns what it may do', async (type, service_, sensitive) => {
    const client = await holding(type);
    expect((await client.get(`/v3/service_instances/${await service()}/permissions`)).body).toEqual(service_);
    const app = await client.get(`/v3/apps/${await createApp(suite.api.admin, suite.spaceGuid)}/permissions`);
    if (sensitive === undefined) expect(app.status).toBe(404);
    else expect(app.body).toEqual({ read_basic_data: true, read_sensitive_data: sensitive });
  });
});
