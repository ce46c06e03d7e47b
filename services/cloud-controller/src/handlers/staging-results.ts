import { type Bus, startWorkQueue, type WorkQueue } from '@slipway/bus';
import { stagingResult } from '@slipway/contracts';
import type { Logger } from '@slipway/service-kit';
import type { Platform } from '../actions/platform.ts';
import { finishBuild } from '../actions/staging.ts';
import type { Writer } from '../adapters/sql/writer.ts';

/** Handled side by side; each is one short transaction. */
const CONCURRENCY = 4;

export interface StagingResultsOptions {
  readonly bus: Bus;
  readonly writer: Writer;
  readonly platform: Platform;
  readonly logger: Logger;
}

/** Takes the stagers' answers off their queue. */
export function startStagingResults({ bus, writer, platform, logger }: StagingResultsOptions): Promise<WorkQueue> {
  return startWorkQueue(bus, {
    definition: { ...stagingResult, stream: 'STAGING_RESULTS' },
    durable: 'cloud-controller',
    concurrency: CONCURRENCY,
    handle: async ({ data }) => {
      const taken = await writer.write((unit) => finishBuild(unit, platform, data));
      const { buildGuid, outcome } = data;
      if (taken) logger.info({ buildGuid, outcome, durationMs: data.durationMs }, 'build.finished');
      else logger.info({ buildGuid, outcome }, 'build.late-result');
    },
  });
}
