import { z } from 'zod';
import type { Api, ApiContext } from './api-context.ts';
import { findApp } from './apps.ts';
import { accessOf } from './authentication.ts';
import { guidParameters } from './bodies.ts';

/** May the caller read the logs of this app? 200 or 404, for log-cache (cloud_controller_ng `log_access_controller.rb`). */
export function logAccessRoutes(api: Api, context: ApiContext): void {
  api.get(
    '/internal/v4/log_access/:guid',
    { schema: { params: guidParameters, response: { 200: z.object({}) } } },
    async (request) => {
      await findApp(context, accessOf(request), request.params.guid, 'app.readLogs');
      return {};
    },
  );
}
