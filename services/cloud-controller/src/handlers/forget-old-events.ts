import { forgetEvents } from '../adapters/sql/audit-event-rows.ts';
import type { Writer } from '../adapters/sql/writer.ts';

const DAY_MS = 24 * 3_600_000;

/** Audit and usage events are kept for so long, and no longer. */
export function forgetOldEvents(writer: Writer, retentionDays: number, now: () => Date): Promise<number> {
  const before = new Date(now().getTime() - retentionDays * DAY_MS).toISOString();
  return writer.write((unit) => forgetEvents(unit.sql, before));
}
