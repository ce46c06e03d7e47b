import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  anyone,
  expectedStatus,
  holders,
  inSpace,
  type PermittedRequest,
  usePermissions,
} from '../../testing/permission-suite.ts';
import { engines } from '../../testing/test-database.ts';

describe.each(engines)('on $engine', ({ create }) => {
  const suite = usePermissions(create);
  const requests: readonly PermittedRequest[] = [
    {
      what: 'give organization role',
      call: (c) =>
        c.post('/v3/roles', {
          type: 'organization_user',
          relationships: {
            user: { data: { username: `user-${randomUUID()}` } },
            organization: { data: { guid: suite.ids.organization } },
          },
        }),
      // Past the permission it is a user that is not there.
      allowed: ['organization_manager'],
      seen: anyone,
      success: 422,
      unseen: 422,
    },
    {
      what: 'give space role',
      call: (c) =>
        c.post('/v3/roles', {
          type: 'space_auditor',
          relationships: {
            user: { data: { username: `user-${randomUUID()}` } },
            space: { data: { guid: suite.ids.space } },
          },
        }),
      allowed: ['organization_manager', 'space_manager'],
      seen: inSpace,
      success: 422,
      unseen: 422,
    },
    { what: 'GET role', call: (c) => c.get(`/v3/roles/${suite.ids.role}`), allowed: anyone, seen: anyone },
    {
      what: 'DELETE role that is needed',
      call: (c) => c.delete(`/v3/roles/${suite.ids.role}`),
      allowed: ['organization_manager'],
      seen: anyone,
      success: 422,
    },
    {
      what: 'PATCH user',
      call: (c) => c.patch(`/v3/users/${suite.ids.user}`, {}),
      allowed: [],
      seen: anyone,
    },
    {
      what: 'PATCH organization',
      call: (c) => c.patch(`/v3/organizations/${suite.ids.organization}`, {}),
      allowed: ['organization_manager'],
      seen: anyone,
    },
    {
      what: 'suspend organization',
      call: (c) => c.patch(`/v3/organizations/${suite.ids.organization}`, { suspended: true }),
      allowed: [],
      seen: anyone,
    },
    {
      what: 'PATCH space',
      call: (c) => c.patch(`/v3/spaces/${suite.ids.space}`, {}),
      allowed: ['organization_manager', 'space_manager'],
      seen: inSpace,
    },
    {
      what: 'PATCH space quota',
      call: (c) => c.patch(`/v3/space_quotas/${suite.ids.spaceQuota}`, {}),
      allowed: ['organization_manager'],
      seen: inSpace,
    },
    {
      what: 'PATCH organization quota',
      call: (c) => c.patch(`/v3/organization_quotas/${suite.ids.organizationQuota}`, {}),
      allowed: [],
      seen: [...anyone, 'nobody'],
    },
    {
      what: 'GET isolation segment of space',
      call: (c) => c.get(`/v3/spaces/${suite.ids.space}/relationships/isolation_segment`),
      allowed: inSpace,
      seen: inSpace,
    },
    {
      what: 'PATCH isolation segment of space',
      call: (c) => c.patch(`/v3/spaces/${suite.ids.space}/relationships/isolation_segment`, { data: null }),
      allowed: ['organization_manager'],
      seen: inSpace,
    },
    {
      what: 'PATCH isolation segment',
      call: (c) => c.patch(`/v3/isolation_segments/${suite.ids.segment}`, {}),
      allowed: [],
      seen: anyone,
    },
    {
      what: 'POST private domain',
      call: (c) =>
        c.post('/v3/domains', {
          name: 'no-dot',
          relationships: { organization: { data: { guid: suite.ids.organization } } },
        }),
      allowed: ['organization_manager'],
      seen: anyone,
      success: 422,
      unseen: 422,
    },
    {
      what: 'POST shared domain',
      call: (c) => c.post('/v3/domains', { name: 'no-dot' }),
      allowed: [],
      seen: [...anyone, 'nobody'],
    },
    {
      what: 'PATCH private domain',
      call: (c) => c.patch(`/v3/domains/${suite.ids.domain}`, {}),
      allowed: ['organization_manager'],
      seen: anyone,
    },
    {
      what: 'PATCH route',
      call: (c) => c.patch(`/v3/routes/${suite.ids.route}`, {}),
      allowed: ['space_developer', 'space_supporter'],
      seen: inSpace,
    },
    {
      what: 'delete orphaned routes',
      call: (c) => c.delete(`/v3/spaces/${suite.ids.space}/routes?unmapped=true`),
      allowed: ['space_developer', 'space_supporter'],
      seen: inSpace,
      success: 202,
    },
    {
      what: 'GET service instance',
      call: (c) => c.get(`/v3/service_instances/${suite.ids.service}`),
      allowed: inSpace,
      seen: inSpace,
    },
    {
      what: 'GET service credentials',
      call: (c) => c.get(`/v3/service_instances/${suite.ids.service}/credentials`),
      allowed: ['space_developer', 'admin_read_only'],
      seen: inSpace,
    },
    {
      what: 'GET binding details',
      call: (c) => c.get(`/v3/service_credential_bindings/${suite.ids.binding}/details`),
      allowed: ['space_developer', 'admin_read_only'],
      seen: inSpace,
    },
    {
      what: 'PATCH service instance',
      call: (c) => c.patch(`/v3/service_instances/${suite.ids.service}`, {}),
      allowed: ['space_developer'],
      seen: inSpace,
    },
    {
      what: 'POST binding that there is',
      call: (c) =>
        c.post('/v3/service_credential_bindings', {
          type: 'app',
          relationships: {
            app: { data: { guid: suite.ids.app } },
            service_instance: { data: { guid: suite.ids.service } },
          },
        }),
      allowed: ['space_developer'],
      seen: inSpace,
      success: 422,
      unseen: 422,
    },
    {
      what: 'PATCH binding',
      call: (c) => c.patch(`/v3/service_credential_bindings/${suite.ids.binding}`, {}),
      allowed: ['space_developer'],
      seen: inSpace,
    },
  ];

  describe.each(holders)('%s', (holder) => {
    test.each(requests)('$what', async (request) => {
      expect((await request.call(await suite.clientWith(holder))).status).toBe(expectedStatus(holder, request));
    });
  });
});
