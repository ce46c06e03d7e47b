import type { Logger } from '@slipway/service-kit';
import type { DesiredRecords } from '../adapters/nats/desired-records.ts';
import { planSync } from '../domain/lrp/plan-sync.ts';
import { innerError } from '../errors.ts';
import type { SyncMetrics } from './sync-metrics.ts';

/** `record` throws as `load` does. It is not called again while `version`, if there is one, stays the same. */
export interface DesiredEntry<R> {
  readonly guid: string;
  readonly version?: string;
  readonly record: () => R;
}

/** What SQL says of one kind. */
export interface DesiredSource<R> {
  /** Undefined when nothing of this guid shall be. Throws when the record cannot be made. */
  load(guid: string): Promise<R | undefined>;
  /**
   * Everything, in pages. What is not compared may be left out of these records, and what is `known` in this version need
   * not be loaded: its record is not asked for.
   */
  loadAll(known: (guid: string, version: string) => boolean): AsyncIterable<readonly DesiredEntry<R>[]>;
}

export interface DesiredSyncOptions<V, R extends V> {
  readonly source: DesiredSource<R>;
  readonly records: DesiredRecords<V, R>;
  readonly now: () => Date;
  readonly logger: Logger;
  readonly metrics: SyncMetrics;
}

interface Known {
  readonly version: string;
  readonly fingerprint: string;
}

/** Two writers of one record that meet more often than this have another problem. */
const MAX_CONFLICTS = 10;
/** Records written side by side in a full pass. */
const CONCURRENCY = 16;

/** Makes the bus say what SQL says (cloud_controller_ng `processes_sync.rb`, `tasks_sync.rb`). */
export class DesiredSync<V, R extends V> {
  readonly #options: DesiredSyncOptions<V, R>;
  /** By guid, of the last pass: what was seen need not be made again to be compared. */
  #known: ReadonlyMap<string, Known> = new Map();

  constructor(options: DesiredSyncOptions<V, R>) {
    this.#options = options;
  }

  /** One record. The rows are read after the record, so whoever wrote last had the newest rows. */
  async syncOne(guid: string): Promise<void> {
    const { records, source } = this.#options;
    for (let attempt = 0; attempt < MAX_CONFLICTS; attempt++) {
      const stored = await records.read(guid);
      const desired = await source.load(guid);
      if (desired === undefined) {
        if (stored.kind === 'absent' || (await records.remove(guid, stored))) return;
        continue;
      }
      const wanted = records.fingerprintOf(desired);
      if (stored.kind === 'stored' && stored.fingerprint === wanted) return;
      if (!(await records.write(guid, desired, stored))) continue;
      // Another process may have found nothing to remove just before this was written.
      const since = await source.load(guid);
      if (since !== undefined && records.fingerprintOf(since) === wanted) return;
    }
    throw innerError('LRP_SYNC_CONFLICT', `record ${records.kind.keyOf(guid)} keeps changing`);
  }

  /**
   * Everything: writes what differs, removes what is not desired, and then, when all of that worked, says that the
   * bucket is complete. Returns whether it said so.
   */
  async syncAll(): Promise<boolean> {
    const { records, now, logger, metrics } = this.#options;
    if (!records.fresh) return false;
    const timer = metrics.duration.startTimer();
    // Records first, rows after: a record without a row is then one whose row is gone.
    const stored = records.all();
    const { desired, unknown } = await this.#fingerprints();
    const plan = planSync(desired, stored, unknown);
    const failures = await this.#syncMany([...plan.write, ...plan.remove]);
    const complete = failures === 0 && (await records.markFresh(now().toISOString(), desired.size));
    if (complete) await records.compact();
    timer();
    metrics.desired.set(desired.size);
    metrics.broken.set(unknown.size);
    if (complete) metrics.lastComplete.set(now().getTime() / 1_000);
    if (plan.write.length + plan.remove.length > 0 || !complete) {
      const log = {
        written: plan.write.length,
        removed: plan.remove.length,
        failures,
        desired: desired.size,
        complete,
      };
      logger[complete ? 'info' : 'warn'](log, `${records.kind.name}-sync.pass`);
    }
    return complete;
  }

  async #fingerprints(): Promise<{ desired: Map<string, string>; unknown: Set<string> }> {
    const desired = new Map<string, string>();
    const unknown = new Set<string>();
    const known = new Map<string, Known>();
    const { source, records, logger } = this.#options;
    const isKnown = (guid: string, version: string): boolean => this.#known.get(guid)?.version === version;
    for await (const page of source.loadAll(isKnown)) {
      for (const { guid, version, record } of page) {
        try {
          const before = this.#known.get(guid);
          const same = version !== undefined && before?.version === version;
          const fingerprint = same ? before.fingerprint : records.fingerprintOf(record());
          desired.set(guid, fingerprint);
          if (version !== undefined) known.set(guid, { version, fingerprint });
        } catch (error) {
          logger.error({ err: error, guid }, `${records.kind.name}-sync.broken`);
          unknown.add(guid);
        }
      }
    }
    this.#known = known;
    return { desired, unknown };
  }

  /** Returns how many could not be synced; they are logged. */
  async #syncMany(guids: readonly string[]): Promise<number> {
    const queue = [...guids];
    let failures = 0;
    const work = async (): Promise<void> => {
      for (let guid = queue.shift(); guid !== undefined; guid = queue.shift()) {
        try {
          await this.syncOne(guid);
        } catch (error) {
          failures++;
          const { logger, records } = this.#options;
          logger.warn({ err: error, guid }, `${records.kind.name}-sync.failed`);
        }
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, work));
    return failures;
  }
}
