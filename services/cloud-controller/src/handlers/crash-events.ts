import type { Instance } from '@slipway/contracts';
import type { Logger } from '@slipway/service-kit';
import { runAs } from '../adapters/sql/actor.ts';
import type { UnitOfWork, Writer } from '../adapters/sql/writer.ts';
import { parseLrpGuid } from '../domain/lrp/process-guid.ts';

/** While the database is away, older crashes are forgotten first. */
const MAX_WAITING = 10_000;

/**
 * Notes crashes of instances as audit events. An instance crashes once: what takes its place has another guid, so the
 * event has the instance's guid, and seeing a crash again, here or in another process, notes nothing.
 */
export class CrashEvents {
  readonly #writer: Writer;
  readonly #logger: Logger;
  readonly #waiting = new Map<string, Instance>();

  constructor(writer: Writer, logger: Logger) {
    this.#writer = writer;
    this.#logger = logger;
  }

  /** Is there something to note? */
  see(instance: Instance): boolean {
    if (instance.state !== 'CRASHED') return false;
    this.#waiting.set(instance.instanceGuid, instance);
    const oldest = this.#waiting.keys().next().value;
    if (this.#waiting.size > MAX_WAITING && oldest !== undefined) {
      this.#waiting.delete(oldest);
      this.#logger.error({ instanceGuid: oldest }, 'crash-events.overflow');
    }
    return true;
  }

  /** Notes what waits. What cannot be noted waits on. */
  async note(): Promise<void> {
    for (const [guid, instance] of this.#waiting) {
      await this.#writer.write((unit) => noteCrash(unit, instance));
      this.#waiting.delete(guid);
    }
  }
}

/** As cloud_controller_ng's `app_crash_event_repository`; a process that is gone has nothing to tell. */
async function noteCrash(unit: UnitOfWork, instance: Instance): Promise<void> {
  const processGuid = parseLrpGuid(instance.processGuid)?.processGuid ?? '';
  const process = await unit.sql
    .selectFrom('processes')
    .innerJoin('apps', 'apps.guid', 'processes.app_guid')
    .select(['processes.guid', 'processes.type', 'apps.guid as app_guid', 'apps.name', 'apps.space_guid'])
    .where('processes.guid', '=', processGuid)
    .executeTakeFirst();
  if (process === undefined) return;
  const { crash, instanceGuid } = instance;
  const noted = unit.sql.selectFrom('audit_events').select('id').where('guid', '=', instanceGuid);
  if ((await noted.executeTakeFirst()) !== undefined) return;
  const data = {
    instance: instanceGuid,
    index: instance.index,
    cell_id: instance.cellId,
    reason: 'CRASHED',
    exit_description: crash?.reason ?? '',
    ...(crash?.exitStatus === undefined ? {} : { exit_status: crash.exitStatus }),
    crash_timestamp: instance.since,
  };
  const event = {
    guid: instanceGuid,
    type: 'audit.app.process.crash',
    target: { guid: process.app_guid, type: 'app', name: process.name },
    spaceGuid: process.space_guid,
    data,
  };
  const actor = { guid: process.guid, type: 'process' as const, name: process.type };
  await runAs(actor, () => unit.audit(event));
  // As Ruby prints a hash, which is what those who search logs know.
  const fields = Object.entries(data).map(([name, value]) => `"${name}"=>${JSON.stringify(value)}`);
  unit.log(process.app_guid, `App instance exited with guid ${process.app_guid} payload: {${fields.join(', ')}}`);
}
