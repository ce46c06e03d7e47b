import { z } from 'zod';
import {
  type EnvironmentGroup,
  type EnvironmentGroupState,
  loadEnvironmentGroup,
  updateEnvironmentGroup,
} from '../actions/environment-groups.ts';
import { environmentProblems } from '../domain/names/environment-names.ts';
import { notFound, unprocessable } from '../errors.ts';
import { apiTime, apiTimeSchema, type Links, linkSchema } from '../resources/shapes.ts';
import type { Api, ApiContext } from './api-context.ts';
import { accessOf } from './authentication.ts';
import { variablesBody } from './bodies.ts';

const parameters = z.object({ name: z.string() });

const groupSchema = z.object({
  name: z.enum(['running', 'staging']),
  updated_at: apiTimeSchema.nullable(),
  var: z.record(z.string(), z.string()),
  links: z.object({ self: linkSchema }),
});

function present(name: EnvironmentGroup, state: EnvironmentGroupState, link: Links): z.infer<typeof groupSchema> {
  return {
    name,
    updated_at: state.updatedAt === null ? null : apiTime(state.updatedAt),
    var: { ...state.variables },
    links: { self: link(`/v3/environment_variable_groups/${name}`) },
  };
}

function groupOf(name: string): EnvironmentGroup {
  if (name !== 'running' && name !== 'staging') throw notFound('Environment variable group');
  return name;
}

/** Variables for all apps: everyone reads them, administrators set them. */
export function environmentGroupRoutes(api: Api, { db, writer, platform, link }: ApiContext): void {
  const path = '/v3/environment_variable_groups/:name';

  api.get(path, { schema: { params: parameters, response: { 200: groupSchema } } }, async (request) => {
    const name = groupOf(request.params.name);
    return present(name, await loadEnvironmentGroup(db, platform, name), link);
  });

  const body = z.strictObject({ var: variablesBody });
  api.patch(path, { schema: { params: parameters, body, response: { 200: groupSchema } } }, async (request) => {
    const name = groupOf(request.params.name);
    accessOf(request).requireAdmin();
    const change = request.body.var;
    const problems = environmentProblems(change);
    if (problems.length > 0) throw unprocessable(...problems);
    const state = await writer.write((unit) => updateEnvironmentGroup(unit, platform, name, change));
    return present(name, state, link);
  });
}
