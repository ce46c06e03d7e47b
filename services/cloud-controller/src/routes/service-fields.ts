import { z } from 'zod';
import type { ServiceInstanceRow } from '../adapters/sql/schema.ts';
import { splitValues } from '../domain/lists/list-query.ts';
import { ApiError } from '../errors.ts';
import { toOne, toOneSchema } from '../resources/shapes.ts';
import type { ApiContext } from './api-context.ts';

/** What `fields[…]` may ask for of service instances (API v3, "Fields"). Of plans there are none. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  space: ['guid', 'name', 'relationships.organization'],
  'space.organization': ['guid', 'name'],
  service_plan: ['guid', 'name', 'relationships.service_offering'],
  'service_plan.service_offering': [
    'guid',
    'name',
    'description',
    'documentation_url',
    'tags',
    'relationships.service_broker',
  ],
  'service_plan.service_offering.service_broker': ['guid', 'name'],
};

export const serviceFieldNames: readonly string[] = Object.keys(allowed).map((resource) => `fields[${resource}]`);

/** For an endpoint that shows one instance. */
export const serviceFieldParameters = z.strictObject(
  Object.fromEntries(serviceFieldNames.map((name) => [name, z.string().optional()])),
);

export const serviceFieldsSchema = z.object({
  spaces: z
    .array(
      z.object({
        guid: z.string().optional(),
        name: z.string().optional(),
        relationships: z.object({ organization: toOneSchema }).optional(),
      }),
    )
    .optional(),
  organizations: z.array(z.object({ guid: z.string().optional(), name: z.string().optional() })).optional(),
});

type Included = { readonly included?: z.infer<typeof serviceFieldsSchema> };

/** The spaces and organizations of instances, as far as they are asked for. Throws 400. */
export async function includedFields(
  { db }: ApiContext,
  given: readonly (readonly [string, string | undefined])[],
  rows: readonly ServiceInstanceRow[],
): Promise<Included> {
  const asked = new Map<string, ReadonlySet<string>>();
  for (const [parameter, text] of given) {
    const resource = /^fields\[(.+)\]$/.exec(parameter)?.[1];
    const valid = resource === undefined ? undefined : allowed[resource];
    if (resource === undefined || valid === undefined || text === undefined) continue;
    const names = splitValues(text);
    if (!names.every((name) => valid.includes(name))) {
      const list = valid.map((name) => `'${name}'`).join(', ');
      throw new ApiError('BadQueryParameter', `Fields valid keys for '${resource}' are: ${list}`);
    }
    asked.set(resource, new Set(names));
  }
  const [ofSpace, ofOrganization] = [asked.get('space'), asked.get('space.organization')];
  if (ofSpace === undefined && ofOrganization === undefined) return {};
  // No list is empty for the database.
  const guids = [...new Set(rows.map((row) => row.space_guid)), ''];
  const spaces = await db.selectFrom('spaces').selectAll().where('guid', 'in', guids).orderBy('id').execute();
  const owners = [...new Set(spaces.map((space) => space.organization_guid)), ''];
  const organizations =
    ofOrganization === undefined
      ? []
      : await db.selectFrom('organizations').selectAll().where('guid', 'in', owners).orderBy('id').execute();
  const named = (wanted: ReadonlySet<string>, row: { readonly guid: string; readonly name: string }) => ({
    ...(wanted.has('guid') ? { guid: row.guid } : {}),
    ...(wanted.has('name') ? { name: row.name } : {}),
  });
  return {
    included: {
      ...(ofSpace === undefined
        ? {}
        : {
            spaces: spaces.map((space) => ({
              ...named(ofSpace, space),
              ...(ofSpace.has('relationships.organization')
                ? { relationships: { organization: toOne(space.organization_guid) } }
                : {}),
            })),
          }),
      ...(ofOrganization === undefined
        ? {}
        : { organizations: organizations.map((organization) => named(ofOrganization, organization)) }),
    },
  };
}
