import { type Bus, KvStore } from '@slipway/bus';
import { buckets, type CellDisk } from '@slipway/contracts';
import type { Logger } from '@slipway/service-kit';

const INTERVAL_MS = 30_000;

/** Tells every 30 s what the disk is used for. Returns the end of it. */
export async function startDiskReport(bus: Bus, record: () => CellDisk, logger: Logger): Promise<() => void> {
  const store = await KvStore.open(bus, buckets.cellDisks);
  const tell = (): void => {
    if (!bus.connected) return;
    try {
      const disk = record();
      store.put(disk.cellId, disk).catch((error: unknown) => logger.warn({ err: error }, 'disk.not-told'));
    } catch (error) {
      // The disk itself may fail; the cell's health says so elsewhere.
      logger.warn({ err: error }, 'disk.not-read');
    }
  };
  tell();
  const timer = setInterval(tell, INTERVAL_MS);
  const stopListening = bus.onReset(tell);
  return () => {
    clearInterval(timer);
    stopListening();
  };
}
