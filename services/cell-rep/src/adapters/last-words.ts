import { setTimeout as delay } from 'node:timers/promises';
import type { Bus } from '@slipway/bus';
import type { Logger } from '@slipway/service-kit';
import type { PresenceBeat } from './presence.ts';
import type { RecordWriter } from './record-writer.ts';

const FLUSH_TIMEOUT_MS = 1_000;
const LAST_WRITES_TIMEOUT_MS = 5_000;

/**
 * What the routers were told last has left; a NATS that does not answer is not waited for, and one that goes meanwhile
 * must not keep an instance from being removed.
 */
export async function flushBus(bus: Bus, logger: Logger): Promise<void> {
  const flushed = bus.nc.flush().catch((error: unknown) => logger.warn({ err: error }, 'routes.not-flushed'));
  await Promise.race([flushed, delay(FLUSH_TIMEOUT_MS, undefined, { ref: false })]);
}

/** A cell that is gone with its containers says so; when it cannot, its presence runs out by itself. */
export async function lastWrites(
  writers: readonly Pick<RecordWriter<never>, 'allSettled'>[],
  beat: PresenceBeat | undefined,
  logger: Logger,
): Promise<void> {
  try {
    const late = AbortSignal.timeout(LAST_WRITES_TIMEOUT_MS);
    await Promise.all(writers.map((writer) => writer.allSettled(late)));
    await beat?.withdraw();
  } catch (error) {
    logger.warn({ err: error }, 'cell.not-withdrawn');
  }
}
