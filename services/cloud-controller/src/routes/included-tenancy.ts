import { z } from 'zod';
import { organizationSchema } from '../resources/organization.ts';
import { spaceSchema } from '../resources/space.ts';
import type { ApiContext } from './api-context.ts';
import { presentOrganizations } from './organizations.ts';
import { presentSpaces } from './spaces.ts';

/** What `include` may name where resources lie in a space. */
export const spaceIncludes: readonly string[] = ['space', 'space.organization', 'org'];

export const includedTenancySchema = z.object({
  spaces: z.array(spaceSchema).optional(),
  organizations: z.array(organizationSchema).optional(),
});

/** The spaces of resources, and their organizations, as far as `include` names them; undefined when it does not. */
export async function includedTenancy(
  context: ApiContext,
  names: ReadonlySet<string>,
  spaceGuids: readonly string[],
): Promise<z.infer<typeof includedTenancySchema> | undefined> {
  const organizationsToo = names.has('space.organization') || names.has('org');
  if (!names.has('space') && !organizationsToo) return undefined;
  const guids = [...new Set(spaceGuids)];
  const query = context.db.selectFrom('spaces').selectAll().where('guid', 'in', guids).orderBy('id');
  const spaces = guids.length === 0 ? [] : await query.execute();
  if (!organizationsToo) return { spaces: await presentSpaces(context, spaces) };
  const owners = [...new Set(spaces.map((space) => space.organization_guid))];
  const all = context.db.selectFrom('organizations').selectAll().where('guid', 'in', owners).orderBy('id');
  const organizations = await presentOrganizations(context, owners.length === 0 ? [] : await all.execute());
  return names.has('org') && !names.has('space') && !names.has('space.organization')
    ? { organizations }
    : { spaces: await presentSpaces(context, spaces), organizations };
}
