import { z } from 'zod';
import { notFound } from '../errors.ts';
import type { Api, ApiContext } from './api-context.ts';
import { findApp } from './apps.ts';
import { accessOf } from './authentication.ts';
import { guidParameters } from './bodies.ts';

const appPermissions = z.object({ read_basic_data: z.boolean(), read_sensitive_data: z.boolean() });
const servicePermissions = z.object({ manage: z.boolean(), read: z.boolean() });

/** What the caller may do with something: asked by programs that show things on behalf of a user. */
export function resourcePermissionRoutes(api: Api, context: ApiContext): void {
  api.get(
    '/v3/apps/:guid/permissions',
    { schema: { params: guidParameters, response: { 200: appPermissions } } },
    async (request) => {
      const access = accessOf(request);
      const app = await findApp(context, access, request.params.guid);
      const sensitive = await access.inSpace('app.readEnvironment', app.space_guid);
      return { read_basic_data: true, read_sensitive_data: sensitive === 'allowed' };
    },
  );

  /** Also to those who may not see the instance: that is what it tells them. */
  api.get(
    '/v3/service_instances/:guid/permissions',
    { schema: { params: guidParameters, response: { 200: servicePermissions } } },
    async (request) => {
      const access = accessOf(request);
      const { guid } = request.params;
      const row = await context.db
        .selectFrom('service_instances')
        .innerJoin('spaces', 'spaces.guid', 'service_instances.space_guid')
        .innerJoin('organizations', 'organizations.guid', 'spaces.organization_guid')
        .select(['service_instances.space_guid', 'organizations.suspended'])
        .where('service_instances.guid', '=', guid)
        .executeTakeFirst();
      if (row === undefined) throw notFound('Service instance');
      const read = (await access.inSpace('service.read', row.space_guid)) === 'allowed';
      // Nobody but an administrator changes what is in a suspended organization.
      const held = row.suspended === 1 && !access.admin;
      const manage = !held && (await access.inSpace('service.write', row.space_guid)) === 'allowed';
      return { manage, read };
    },
  );
}
