import { z } from 'zod';
import { assignDroplet } from '../actions/apps.ts';
import { loadMetadata } from '../adapters/sql/metadata-entries.ts';
import { notFound } from '../errors.ts';
import { dropletSchema, presentDroplet } from '../resources/droplet.ts';
import { type Links, linkSchema, toOne, toOneSchema } from '../resources/shapes.ts';
import type { Api, ApiContext } from './api-context.ts';
import { findApp } from './apps.ts';
import { accessOf } from './authentication.ts';
import { guidParameters, toOneBody } from './bodies.ts';

const relationshipSchema = toOneSchema.extend({ links: z.object({ self: linkSchema, related: linkSchema }) });

function present(appGuid: string, dropletGuid: string, link: Links): z.infer<typeof relationshipSchema> {
  const app = `/v3/apps/${appGuid}`;
  return {
    ...toOne(dropletGuid),
    links: { self: link(`${app}/relationships/current_droplet`), related: link(`${app}/droplets/current`) },
  };
}

/** Which droplet an app runs from its next start on. */
export function currentDropletRoutes(api: Api, context: ApiContext): void {
  const { db, writer, link } = context;

  api.get(
    '/v3/apps/:guid/relationships/current_droplet',
    { schema: { params: guidParameters, response: { 200: relationshipSchema } } },
    async (request) => {
      const app = await findApp(context, accessOf(request), request.params.guid);
      if (app.droplet_guid === null) throw notFound('Droplet');
      return present(app.guid, app.droplet_guid, link);
    },
  );

  api.patch(
    '/v3/apps/:guid/relationships/current_droplet',
    { schema: { params: guidParameters, body: toOneBody, response: { 200: relationshipSchema } } },
    async (request) => {
      const { guid } = await findApp(context, accessOf(request), request.params.guid, 'app.operate');
      const dropletGuid = request.body.data.guid;
      await writer.write((unit) => assignDroplet(unit, guid, dropletGuid));
      return present(guid, dropletGuid, link);
    },
  );

  api.get(
    '/v3/apps/:guid/droplets/current',
    { schema: { params: guidParameters, response: { 200: dropletSchema } } },
    async (request) => {
      const app = await findApp(context, accessOf(request), request.params.guid);
      // The cf CLI takes just this text for "not staged yet".
      if (app.droplet_guid === null) throw notFound('Droplet');
      const row = await db.selectFrom('droplets').selectAll().where('guid', '=', app.droplet_guid).executeTakeFirst();
      if (row === undefined) throw notFound('Droplet');
      return presentDroplet(row, (await loadMetadata(db, [row.guid]))(row.guid), link);
    },
  );
}
