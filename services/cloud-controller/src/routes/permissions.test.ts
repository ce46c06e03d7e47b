import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Client } from '../../testing/client.ts';
import {
  anyone,
  expectedStatus,
  holders,
  inSpace,
  type PermittedRequest,
  usePermissions,
} from '../../testing/permission-suite.ts';
import { engines } from '../../testing/test-database.ts';

const YAML = { 'content-type': 'application/x-yaml' };
const sidecarBody = () => ({ name: randomUUID(), command: 'run', process_types: ['web'] });
const NO_CHANGE = 'applications: [{name: permitted, docker: {image: x}}]';

describe.each(engines)('on $engine', ({ create }) => {
  const suite = usePermissions(create);
  const requests: readonly PermittedRequest[] = [
    {
      what: 'GET organization',
      call: (c) => c.get(`/v3/organizations/${suite.ids.organization}`),
      allowed: anyone,
      seen: anyone,
    },
    { what: 'GET space', call: (c) => c.get(`/v3/spaces/${suite.ids.space}`), allowed: inSpace, seen: inSpace },
    { what: 'GET app', call: (c) => c.get(`/v3/apps/${suite.ids.app}`), allowed: inSpace, seen: inSpace },
    { what: 'GET process', call: (c) => c.get(`/v3/processes/${suite.ids.app}`), allowed: inSpace, seen: inSpace },
    { what: 'GET package', call: (c) => c.get(`/v3/packages/${suite.ids.package}`), allowed: inSpace, seen: inSpace },
    { what: 'GET route', call: (c) => c.get(`/v3/routes/${suite.ids.route}`), allowed: inSpace, seen: inSpace },
    {
      what: 'GET log access',
      call: (c) => c.get(`/internal/v4/log_access/${suite.ids.app}`),
      allowed: inSpace,
      seen: inSpace,
    },
    {
      what: 'GET manifest',
      call: (c) => c.get(`/v3/apps/${suite.ids.app}/manifest`),
      allowed: ['space_developer', 'admin_read_only'],
      seen: inSpace,
    },
    {
      what: 'apply manifest',
      call: (c) => c.send('POST', `/v3/spaces/${suite.ids.space}/actions/apply_manifest`, NO_CHANGE, YAML),
      allowed: ['space_developer'],
      seen: inSpace,
      success: 202,
    },
    {
      what: 'manifest diff',
      call: (c) => c.send('POST', `/v3/spaces/${suite.ids.space}/manifest_diff`, NO_CHANGE, YAML),
      allowed: ['space_developer'],
      seen: inSpace,
      success: 201,
    },
    {
      what: 'GET sidecars of app',
      call: (c) => c.get(`/v3/apps/${suite.ids.app}/sidecars`),
      allowed: inSpace,
      seen: inSpace,
    },
    {
      what: 'GET sidecars of process',
      call: (c) => c.get(`/v3/processes/${suite.ids.app}/sidecars`),
      allowed: inSpace,
      seen: inSpace,
    },
    {
      what: 'POST sidecar',
      call: (c) => c.post(`/v3/apps/${suite.ids.app}/sidecars`, sidecarBody()),
      allowed: ['space_developer'],
      seen: inSpace,
      success: 201,
    },
    { what: 'GET sidecar', call: (c) => c.get(`/v3/sidecars/${suite.ids.sidecar}`), allowed: inSpace, seen: inSpace },
    {
      what: 'PATCH sidecar',
      call: (c) => c.patch(`/v3/sidecars/${suite.ids.sidecar}`, { command: 'other' }),
      allowed: ['space_developer'],
      seen: inSpace,
    },
    {
      what: 'GET revisions',
      call: (c) => c.get(`/v3/apps/${suite.ids.app}/revisions`),
      allowed: inSpace,
      seen: inSpace,
    },
    {
      what: 'GET env',
      call: (c) => c.get(`/v3/apps/${suite.ids.app}/env`),
      allowed: ['space_developer', 'admin_read_only'],
      seen: inSpace,
    },
    {
      what: 'PATCH app',
      call: (c) => c.patch(`/v3/apps/${suite.ids.app}`, { metadata: {} }),
      allowed: ['space_developer'],
      seen: inSpace,
    },
    {
      what: 'stop app',
      call: (c) => c.post(`/v3/apps/${suite.ids.app}/actions/stop`),
      allowed: ['space_developer', 'space_supporter'],
      seen: inSpace,
    },
    {
      what: 'scale',
      call: (c) => c.post(`/v3/processes/${suite.ids.app}/actions/scale`, { instances: 1 }),
      allowed: ['space_developer', 'space_supporter'],
      seen: inSpace,
      success: 202,
    },
    {
      what: 'map route',
      call: (c) =>
        c.post(`/v3/routes/${suite.ids.route}/destinations`, { destinations: [{ app: { guid: suite.ids.app } }] }),
      allowed: ['space_developer', 'space_supporter'],
      seen: inSpace,
    },
  ];

  describe.each(holders)('%s', (role) => {
    test.each(requests)('$what', async (request) => {
      expect((await request.call(await suite.clientWith(role))).status).toBe(expectedStatus(role, request));
    });

    test('lists hold what it may see and nothing else', async () => {
      const client = await suite.clientWith(role);
      const count = async (path: string): Promise<number> => (await client.get(path)).body.resources.length;
      const everything = role === 'admin_read_only' || role === 'global_auditor';
      const spaces = everything ? 2 : inSpace.includes(role) ? 1 : 0;
      for (const path of ['/v3/spaces', '/v3/apps', '/v3/processes', '/v3/packages', '/v3/routes']) {
        expect([path, await count(path)]).toEqual([path, spaces]);
      }
      for (const path of ['/v3/service_instances', '/v3/service_credential_bindings']) {
        expect([path, await count(path)]).toEqual([path, inSpace.includes(role) ? 1 : 0]);
      }
      expect(await count('/v3/builds')).toBe(0);
      expect(await count('/v3/droplets')).toBe(0);
      expect(await count('/v3/organizations')).toBe(everything ? 2 : role === 'nobody' ? 0 : 1);
      expect(await count('/v3/domains')).toBe(role === 'nobody' ? 1 : 2);
    });
  });

  test('a space that one may not see is not told from one that is not there', async () => {
    const client = await suite.clientWith('nobody');
    const body = (space: string) => ({ name: 'x', relationships: { space: { data: { guid: space } } } });
    const hidden = await client.post('/v3/apps', body(suite.ids.space));
    const missing = await client.post('/v3/apps', body('nowhere'));
    expect(hidden.body).toEqual(missing.body);
    expect(hidden.status).toBe(422);
  });

  test('only administrators make organizations, unless the flag lets everyone', async () => {
    const client = await suite.clientWith('organization_manager');
    expect((await client.post('/v3/organizations', { name: 'mine' })).status).toBe(403);
    await suite.api.admin.patch('/v3/feature_flags/user_org_creation', { enabled: true });
    expect((await client.post('/v3/organizations', { name: 'mine' })).status).toBe(201);
    await suite.api.admin.patch('/v3/feature_flags/user_org_creation', { enabled: false });
  });

  test('a flag that is off binds users and not administrators', async () => {
    const client = await suite.clientWith('space_developer');
    await suite.api.admin.patch('/v3/feature_flags/app_scaling', { enabled: false });
    const scale = (c: Client) => c.post(`/v3/processes/${suite.ids.app}/actions/scale`, { instances: 1 });
    expect((await scale(client)).body.errors[0]).toMatchObject({
      code: 330002,
      detail: 'Feature Disabled: app_scaling',
    });
    expect((await scale(suite.api.admin)).status).toBe(202);
    await suite.api.admin.patch('/v3/feature_flags/app_scaling', { enabled: true });
  });
});
