import type { DesiredLrp } from '@slipway/contracts';
import type { Logger } from '@slipway/service-kit';
import type { Platform } from '../actions/platform.ts';
import { openRunInfo } from '../actions/run-infos.ts';
import { type DesiredLrpRecords, lrpFingerprint } from '../adapters/nats/desired-lrp-records.ts';
import { type LrpRow, loadAllLrps, loadLrp } from '../adapters/sql/lrp-rows.ts';
import type { Db } from '../adapters/sql/schema.ts';
import { planSync } from '../domain/lrp/plan-sync.ts';
import { lrpGuid } from '../domain/lrp/process-guid.ts';
import { toDesiredLrp } from '../domain/lrp/run-info.ts';
import { innerError } from '../errors.ts';
import type { SyncMetrics } from './sync-metrics.ts';

export interface LrpSyncOptions {
  readonly db: Db;
  readonly platform: Pick<Platform, 'vault'>;
  readonly records: DesiredLrpRecords;
  readonly now: () => Date;
  readonly logger: Logger;
  readonly metrics: SyncMetrics;
}

/** Two writers of one record that meet more often than this have another problem. */
const MAX_CONFLICTS = 10;
/** Records written side by side in a full pass. */
const CONCURRENCY = 16;

/** Makes KV `desired-lrps` say what SQL says (cloud_controller_ng `processes_sync.rb`). */
export class LrpSync {
  readonly #options: LrpSyncOptions;

  constructor(options: LrpSyncOptions) {
    this.#options = options;
  }

  /** One LRP. The rows are read after the record, so whoever wrote last had the newest rows. */
  async syncOne(guid: string): Promise<void> {
    const { records } = this.#options;
    for (let attempt = 0; attempt < MAX_CONFLICTS; attempt++) {
      const stored = await records.read(guid);
      const desired = await this.#desired(guid);
      if (desired === undefined) {
        if (stored.kind === 'absent' || (await records.remove(guid, stored))) return;
        continue;
      }
      const wanted = lrpFingerprint(desired);
      if (stored.kind === 'stored' && stored.fingerprint === wanted) return;
      if (!(await records.write(guid, desired, stored))) continue;
      // Another process may have found nothing to remove just before this was written.
      const since = await this.#desired(guid);
      if (since !== undefined && lrpFingerprint(since) === wanted) return;
    }
    throw innerError('LRP_SYNC_CONFLICT', `record of LRP ${guid} keeps changing`);
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
    timer();
    metrics.lrps.set(desired.size);
    metrics.broken.set(unknown.size);
    if (complete) metrics.lastComplete.set(now().getTime() / 1_000);
    if (plan.write.length + plan.remove.length > 0 || !complete) {
      const log = { written: plan.write.length, removed: plan.remove.length, failures, lrps: desired.size, complete };
      logger[complete ? 'info' : 'warn'](log, 'lrp-sync.pass');
    }
    return complete;
  }

  async #fingerprints(): Promise<{ desired: Map<string, string>; unknown: Set<string> }> {
    const desired = new Map<string, string>();
    const unknown = new Set<string>();
    for await (const page of loadAllLrps(this.#options.db)) {
      for (const row of page) {
        const guid = lrpGuid(row.processGuid, row.version);
        try {
          desired.set(guid, lrpFingerprint(this.#toRecord(row)));
        } catch (error) {
          this.#options.logger.error({ err: error, processGuid: guid }, 'lrp-sync.broken');
          unknown.add(guid);
        }
      }
    }
    return { desired, unknown };
  }

  async #desired(guid: string): Promise<DesiredLrp | undefined> {
    const row = await loadLrp(this.#options.db, guid);
    return row === undefined ? undefined : this.#toRecord(row);
  }

  #toRecord({ processGuid, runInfo, state }: LrpRow): DesiredLrp {
    return toDesiredLrp(openRunInfo(this.#options.platform, processGuid, runInfo), state);
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
          this.#options.logger.warn({ err: error, processGuid: guid }, 'lrp-sync.failed');
        }
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, work));
    return failures;
  }
}
