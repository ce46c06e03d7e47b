export interface SyncPlan {
  /** Guids of LRPs whose record is missing or differs. */
  readonly write: readonly string[];
  /** Guids of LRPs that have a record and are not desired any more. */
  readonly remove: readonly string[];
}

/**
 * Compares what is desired with the records there are, both as guid to fingerprint; undefined stands for a record that
 * cannot be read. `unknown` are LRPs that cannot be computed now: their records stay as they are, so that one broken
 * process neither stops its own instances nor keeps the others from being synced.
 */
export function planSync(
  desired: ReadonlyMap<string, string>,
  records: ReadonlyMap<string, string | undefined>,
  unknown: ReadonlySet<string>,
): SyncPlan {
  const write = [...desired].filter(([guid, fingerprint]) => records.get(guid) !== fingerprint).map(([guid]) => guid);
  const remove = [...records.keys()].filter((guid) => !desired.has(guid) && !unknown.has(guid));
  return { write, remove };
}
