import { type Bus, KvStore } from '@slipway/bus';
import { buckets, type CellPresence } from '@slipway/contracts';
import type { Logger } from '@slipway/service-kit';

/** Locket: renewed every 5 s. */
const RENEW_INTERVAL_MS = 5_000;

export interface PresenceBeat {
  /** Says it now, e.g. because the cell's health changed. */
  beat(): void;
  stop(): void;
  /** For a cell that will not come back with its containers. */
  withdraw(): Promise<void>;
}

/** Says every 5 s that the cell is there and what it can take. */
export async function startPresence(bus: Bus, presence: () => CellPresence, logger: Logger): Promise<PresenceBeat> {
  const store = await KvStore.open(bus, buckets.cells);
  let stopped = false;
  const beat = (): void => {
    if (stopped || !bus.connected) return;
    const record = presence();
    store.put(record.cellId, record).catch((error: unknown) => {
      logger.warn({ err: error }, 'presence.not-renewed');
    });
  };
  beat();
  const timer = setInterval(beat, RENEW_INTERVAL_MS);
  const stopListening = bus.onReset(beat);
  const stop = (): void => {
    stopped = true;
    clearInterval(timer);
    stopListening();
  };
  return {
    beat,
    stop,
    withdraw: async () => {
      stop();
      await store.delete(presence().cellId);
    },
  };
}
