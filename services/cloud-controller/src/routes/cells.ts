import { ApiError } from '../errors.ts';
import { cellSchema, presentCell } from '../resources/cell.ts';
import { listSchema } from '../resources/shapes.ts';
import type { Api, ApiContext } from './api-context.ts';
import { accessOf } from './authentication.ts';
import { listBody, listParameters } from './lists.ts';

/** The machines that apps run on, and what their disks are used for; for those who run the platform only. */
export function cellRoutes(api: Api, { db, link, actual }: ApiContext): void {
  api.get(
    '/v3/cells',
    {
      schema: {
        querystring: listParameters({ filters: [], orderBy: [], rows: false }),
        response: { 200: listSchema(cellSchema) },
      },
    },
    async (request) => {
      const { admin, adminReadOnly } = accessOf(request).global;
      if (!admin && !adminReadOnly) throw new ApiError('NotAuthorized');
      const state = actual();
      if (state === undefined) throw new ApiError('InstancesUnavailable', 'NATS has not been reached yet');
      const { page, perPage } = request.query;
      const cells = state.cells();
      const shown = cells.slice((page - 1) * perPage, page * perPage);
      const guids = [...new Set(shown.flatMap(({ disk }) => disk?.apps.map(({ guid }) => guid) ?? []))];
      const rows =
        guids.length === 0
          ? []
          : await db.selectFrom('apps').select(['guid', 'name']).where('guid', 'in', guids).execute();
      const names = new Map(rows.map(({ guid, name }) => [guid, name]));
      const resources = shown.map(({ presence, disk }) => presentCell(presence, disk, (guid) => names.get(guid)));
      return listBody(request, link, request.query, cells.length, resources);
    },
  );
}
