import { createHash } from 'node:crypto';
import type { Instance } from '@slipway/contracts';
import type { Logger } from '@slipway/service-kit';
import { runAs } from '../adapters/sql/actor.ts';
import type { UnitOfWork, Writer } from '../adapters/sql/writer.ts';
import { parseLrpGuid } from '../domain/lrp/process-guid.ts';

/** While the database is away, older ones are forgotten first. */
const MAX_WAITING = 10_000;

/** What is worth an audit event of an instance's record. */
interface Happening {
  /** Of the event: always the same for one happening, so that it is noted once, whoever sees it how often. */
  readonly guid: string;
  readonly instance: Instance;
  readonly type: 'crash' | 'ready' | 'not-ready';
}

/**
 * Notes as audit events that instances crashed, became ready, or are so no more. An instance crashes once, for what takes
 * its place has another guid: that event has the instance's guid.
 */
export class InstanceEvents {
  readonly #writer: Writer;
  readonly #logger: Logger;
  readonly #waiting = new Map<string, Happening>();
  /** Guids of events that were noted, the latest last. */
  readonly #noted = new Set<string>();

  constructor(writer: Writer, logger: Logger) {
    this.#writer = writer;
    this.#logger = logger;
  }

  /** Is there something to note? */
  see(instance: Instance): boolean {
    const happening = happeningOf(instance);
    if (happening === undefined || this.#noted.has(happening.guid)) return false;
    this.#waiting.set(happening.guid, happening);
    const oldest = this.#waiting.keys().next().value;
    if (this.#waiting.size > MAX_WAITING && oldest !== undefined) {
      this.#waiting.delete(oldest);
      this.#logger.error({ event: oldest }, 'instance-events.overflow');
    }
    return true;
  }

  /** Notes what waits. What cannot be noted waits on. */
  async note(): Promise<void> {
    for (const [guid, happening] of this.#waiting) {
      await this.#writer.write((unit) => noteHappening(unit, happening));
      this.#waiting.delete(guid);
      this.#remember(guid);
    }
  }

  #remember(guid: string): void {
    this.#noted.add(guid);
    const [oldest] = this.#noted;
    if (this.#noted.size > MAX_WAITING && oldest !== undefined) this.#noted.delete(oldest);
  }
}

function happeningOf(instance: Instance): Happening | undefined {
  const { state, readiness, instanceGuid } = instance;
  if (state === 'CRASHED') return { guid: instanceGuid, instance, type: 'crash' };
  if (state !== 'RUNNING' || readiness === undefined) return undefined;
  const hash = createHash('sha256').update(`${instanceGuid} ${readiness.since}`).digest('hex');
  const guid = hash.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5');
  return { guid, instance, type: readiness.ready ? 'ready' : 'not-ready' };
}

/**
 * As cloud_controller_ng's `app_crash_event_repository` and `process_event_repository`; a process that is gone has nothing
 * to tell.
 */
async function noteHappening(unit: UnitOfWork, { guid, instance, type }: Happening): Promise<void> {
  const lrp = parseLrpGuid(instance.processGuid);
  const process = await unit.sql
    .selectFrom('processes')
    .innerJoin('apps', 'apps.guid', 'processes.app_guid')
    .select(['processes.guid', 'processes.type', 'apps.guid as app_guid', 'apps.name', 'apps.space_guid'])
    .where('processes.guid', '=', lrp?.processGuid ?? '')
    .executeTakeFirst();
  if (process === undefined) return;
  const noted = unit.sql.selectFrom('audit_events').select('id').where('guid', '=', guid);
  if ((await noted.executeTakeFirst()) !== undefined) return;
  const data = type === 'crash' ? crashData(instance) : readinessData(instance, lrp?.version ?? '');
  const event = {
    guid,
    type: `audit.app.process.${type}`,
    target: { guid: process.app_guid, type: 'app', name: process.name },
    spaceGuid: process.space_guid,
    data,
  };
  const actor = { guid: process.guid, type: 'process' as const, name: process.type };
  await runAs(actor, () => unit.audit(event));
  // As Ruby prints a hash, which is what those who search logs know.
  const fields = Object.entries(data).map(([name, value]) => `"${name}"=>${JSON.stringify(value)}`);
  const what = {
    crash: `App instance exited with guid ${process.app_guid}`,
    ready: `Process became ready with guid ${process.guid}`,
    'not-ready': `Process became not ready with guid ${process.guid}`,
  }[type];
  unit.log(process.app_guid, `${what} payload: {${fields.join(', ')}}`);
}

function crashData({ crash, instanceGuid, index, cellId, since }: Instance): Record<string, unknown> {
  return {
    instance: instanceGuid,
    index,
    cell_id: cellId,
    reason: 'CRASHED',
    exit_description: crash?.reason ?? '',
    ...(crash?.exitStatus === undefined ? {} : { exit_status: crash.exitStatus }),
    crash_timestamp: since,
  };
}

function readinessData({ readiness, instanceGuid, index, cellId }: Instance, version: string): Record<string, unknown> {
  return { instance: instanceGuid, index, cell_id: cellId, ready: readiness?.ready, version };
}
