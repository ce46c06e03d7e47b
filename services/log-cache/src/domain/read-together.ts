import type { StoredEnvelope } from './envelope.ts';
import type { LogStore, ReadResult, SourceMeta } from './log-store.ts';
import type { ReadRange } from './source-log.ts';

/** Envelopes of one source out of two stores as if they were one: by time, within the limit and the bytes. */
export function readTogether(
  stores: readonly [LogStore, LogStore],
  sourceId: string,
  range: ReadRange,
  maxBytes: number,
): ReadResult {
  const [a, b] = stores.map((store) => store.read(sourceId, range, maxBytes)) as [ReadResult, ReadResult];
  const merged = merge(a.envelopes, b.envelopes, range.descending);
  // Of what one of them could not give all of, the other's must not be taken for complete either.
  const ends = [a, b].flatMap(({ truncated, envelopes }) => (truncated ? [envelopes.at(-1)?.timestamp ?? 0n] : []));
  const envelopes: StoredEnvelope[] = [];
  let bytes = 0;
  for (const envelope of merged) {
    if (envelopes.length === range.limit) return { envelopes, truncated: false };
    const beyond = ends.some((end) => (range.descending ? envelope.timestamp < end : envelope.timestamp > end));
    bytes += envelope.json.length;
    if (beyond || (bytes > maxBytes && envelopes.length > 0)) return { envelopes, truncated: true };
    envelopes.push(envelope);
  }
  return { envelopes, truncated: ends.length > 0 };
}

function merge(
  a: readonly StoredEnvelope[],
  b: readonly StoredEnvelope[],
  descending: boolean,
): readonly StoredEnvelope[] {
  if (a.length === 0 || b.length === 0) return a.length === 0 ? b : a;
  const sign = descending ? -1 : 1;
  return [...a, ...b].sort((x, y) => (x.timestamp === y.timestamp ? 0 : x.timestamp < y.timestamp ? -sign : sign));
}

/** What both hold of each source. */
export function metaTogether([a, b]: readonly [LogStore, LogStore]): ReadonlyMap<string, SourceMeta> {
  const meta = new Map(a.meta());
  for (const [sourceId, more] of b.meta()) {
    const known = meta.get(sourceId);
    meta.set(sourceId, known === undefined ? more : addMeta(known, more));
  }
  return meta;
}

function addMeta(a: SourceMeta, b: SourceMeta): SourceMeta {
  const pick = (x: bigint | undefined, y: bigint | undefined, first: boolean): bigint | undefined => {
    if (x === undefined || y === undefined) return x ?? y;
    return x < y === first ? x : y;
  };
  return {
    count: a.count + b.count,
    expired: a.expired + b.expired,
    oldestTimestamp: pick(a.oldestTimestamp, b.oldestTimestamp, true),
    newestTimestamp: pick(a.newestTimestamp, b.newestTimestamp, false),
  };
}
