import { z } from 'zod';
import { auditApp } from '../actions/audit.ts';
import type { AppRow, ProcessRow } from '../adapters/sql/schema.ts';
import { lrpGuid } from '../domain/lrp/process-guid.ts';
import { sshStatus } from '../domain/ssh-status.ts';
import { ApiError, notFound } from '../errors.ts';
import type { CallerAccess } from './access.ts';
import type { Api, ApiContext } from './api-context.ts';
import { accessOf } from './authentication.ts';

const parameters = z.object({ guid: z.string(), index: z.string().regex(/^\d{1,9}$/, 'must be a whole number') });

const accessSchema = z.object({
  /** Diego's. */
  process_guid: z.string(),
  /** Slipway's own: where the instance is; null when it does not run. */
  instance: z
    .object({ guid: z.string(), app_guid: z.string(), cell_id: z.string(), address: z.string(), port: z.int() })
    .nullable(),
});
type SshAccess = z.infer<typeof accessSchema>;

/**
 * May the caller log in to an instance, for ssh-proxy (cloud_controller_ng `apps_ssh_controller.rb`)? It leaves an event
 * whatever the answer is. 404 and 403 as of any change of the app, 400 where SSH is off.
 */
export function sshAccessRoutes(api: Api, context: ApiContext): void {
  api.get(
    '/internal/apps/:guid/ssh_access/:index',
    { schema: { params: parameters, response: { 200: accessSchema } } },
    async (request) => {
      const { guid, index } = request.params;
      const { process, app } = await findWithApp(context, guid);
      const note = (type: string): Promise<void> =>
        context.writer.write((unit) => auditApp(unit, app, type, { index: Number(index) }));
      try {
        await requireSsh(context, accessOf(request), app);
      } catch (error) {
        await note('ssh-unauthorized');
        throw error;
      }
      await note('ssh-authorized');
      return locate(context, app.guid, process, Number(index));
    },
  );
}

async function findWithApp(
  { db }: ApiContext,
  processGuid: string,
): Promise<{ readonly process: ProcessRow; readonly app: AppRow }> {
  const process = await db.selectFrom('processes').selectAll().where('guid', '=', processGuid).executeTakeFirst();
  const app =
    process && (await db.selectFrom('apps').selectAll().where('guid', '=', process.app_guid).executeTakeFirst());
  if (process === undefined || app === undefined) throw notFound('App');
  return { process, app };
}

async function requireSsh(context: ApiContext, access: CallerAccess, app: AppRow): Promise<void> {
  await access.requireInSpace('app.write', app.space_guid, 'App');
  const space = await context.db
    .selectFrom('spaces')
    .select('ssh_allowed')
    .where('guid', '=', app.space_guid)
    .executeTakeFirstOrThrow();
  const { enabled, reason } = sshStatus(context.ssh !== undefined, space.ssh_allowed === 1, app.ssh_enabled === 1);
  if (!enabled) throw new ApiError('InvalidRequest', reason);
}

function locate({ actual }: ApiContext, appGuid: string, process: ProcessRow, index: number): SshAccess {
  const guid = lrpGuid(process.guid, process.version);
  const state = actual();
  const instance = state?.instancesOf(guid).find((each) => each.index === index && each.state === 'RUNNING');
  const cell = instance && state?.sshAddress(instance.cellId);
  if (instance === undefined || cell === undefined) return { process_guid: guid, instance: null };
  return {
    process_guid: guid,
    instance: { guid: instance.instanceGuid, app_guid: appGuid, cell_id: instance.cellId, ...cell },
  };
}
