import type { LogEnvelope } from '@slipway/contracts';
import { type EnvelopeType, envelopeTimestamp, renderLogEnvelope, type StoredEnvelope } from './envelope.ts';
import { type ReadRange, SourceLog } from './source-log.ts';

export interface StoreBounds {
  readonly linesPerSource: number;
  readonly bytesPerSource: number;
  readonly bytes: number;
}

/** egress.proto `MetaInfo`, of one source. */
export interface SourceMeta {
  readonly count: number;
  /** Envelopes that were dropped to stay within the bounds. */
  readonly expired: number;
  readonly oldestTimestamp: bigint | undefined;
  readonly newestTimestamp: bigint | undefined;
}

export interface StoreTotals {
  readonly envelopes: number;
  readonly bytes: number;
  readonly sources: number;
  /** Dropped because their source held too much. */
  readonly expiredBySource: number;
  /** Dropped because all sources together held too much. */
  readonly expiredByTotal: number;
}

export interface ReadResult {
  readonly envelopes: readonly StoredEnvelope[];
  /** More would have fitted the limit, but not `maxBytes`. */
  readonly truncated: boolean;
}

interface Source {
  readonly log: SourceLog;
  expired: number;
}

/** How many sources that hold nothing any more are remembered for their count of dropped envelopes. */
const MAX_EMPTY_SOURCES = 10_000;

/** Of what the largest source holds so much may go before the others are looked at again. */
const PIECE = 16;

/** Envelopes by source, in memory, within bounds. What does not fit drops the oldest, and is counted. */
export class LogStore {
  readonly #bounds: StoreBounds;
  /** Those that hold something. */
  readonly #sources = new Map<string, Source>();
  /** Dropped envelopes of sources that hold nothing, oldest first. */
  readonly #emptied = new Map<string, number>();
  #envelopes = 0;
  #bytes = 0;
  #expiredBySource = 0;
  #expiredByTotal = 0;

  constructor(bounds: StoreBounds) {
    this.#bounds = bounds;
  }

  /** False when the envelope's time is beyond int64. */
  put(envelope: LogEnvelope): boolean {
    const timestamp = envelopeTimestamp(envelope.timestamp);
    if (timestamp === undefined) return false;
    this.add(envelope.sourceId, timestamp, 'LOG', (unique) => renderLogEnvelope(envelope, unique));
    return true;
  }

  /** An envelope of any type; `render` gets the time that it has in the end. */
  add(sourceId: string, timestamp: bigint, type: EnvelopeType, render: (timestamp: bigint) => string): void {
    const source = this.#sources.get(sourceId) ?? {
      log: new SourceLog(),
      expired: this.#emptied.get(sourceId) ?? 0,
    };
    this.#emptied.delete(sourceId);
    this.#sources.set(sourceId, source);
    this.#bytes += source.log.insert(timestamp, type, render);
    this.#envelopes++;
    this.#trim(sourceId, source);
  }

  read(sourceId: string, range: ReadRange, maxBytes: number): ReadResult {
    const source = this.#sources.get(sourceId);
    const envelopes: StoredEnvelope[] = [];
    if (source === undefined) return { envelopes, truncated: false };
    let bytes = 0;
    for (const envelope of source.log.read(range)) {
      bytes += envelope.json.length;
      // At least one, so that a reader always gets on.
      if (bytes > maxBytes && envelopes.length > 0) return { envelopes, truncated: true };
      envelopes.push(envelope);
    }
    return { envelopes, truncated: false };
  }

  meta(): ReadonlyMap<string, SourceMeta> {
    const result = new Map<string, SourceMeta>();
    for (const [sourceId, expired] of this.#emptied) {
      result.set(sourceId, { count: 0, expired, oldestTimestamp: undefined, newestTimestamp: undefined });
    }
    for (const [sourceId, { log, expired }] of this.#sources) {
      result.set(sourceId, {
        count: log.count,
        expired,
        oldestTimestamp: log.oldest?.timestamp,
        newestTimestamp: log.newest?.timestamp,
      });
    }
    return result;
  }

  totals(): StoreTotals {
    return {
      envelopes: this.#envelopes,
      bytes: this.#bytes,
      sources: this.#sources.size,
      expiredBySource: this.#expiredBySource,
      expiredByTotal: this.#expiredByTotal,
    };
  }

  #trim(sourceId: string, source: Source): void {
    const { linesPerSource, bytesPerSource, bytes } = this.#bounds;
    while (source.log.count > linesPerSource || source.log.bytes > bytesPerSource) {
      this.#dropOldest(sourceId, source);
      this.#expiredBySource++;
    }
    while (this.#bytes > bytes) {
      // Whoever holds most gives way: however much some write, the few lines of the others stay.
      const victim = this.#largest();
      if (victim === undefined) return;
      // A piece at a time, for finding the largest looks at all of them.
      const enough = victim[1].log.bytes - Math.floor(victim[1].log.bytes / PIECE);
      while (this.#bytes > bytes && victim[1].log.count > 0 && victim[1].log.bytes >= enough) {
        this.#dropOldest(...victim);
        this.#expiredByTotal++;
      }
    }
  }

  #largest(): [string, Source] | undefined {
    let largest: [string, Source] | undefined;
    for (const entry of this.#sources) {
      if (largest === undefined || entry[1].log.bytes > largest[1].log.bytes) largest = entry;
    }
    return largest;
  }

  #dropOldest(sourceId: string, source: Source): void {
    this.#bytes -= source.log.dropOldest();
    this.#envelopes--;
    source.expired++;
    if (source.log.count > 0) return;
    this.#sources.delete(sourceId);
    this.#emptied.set(sourceId, source.expired);
    if (this.#emptied.size > MAX_EMPTY_SOURCES) {
      const forgotten = this.#emptied.keys().next().value;
      if (forgotten !== undefined) this.#emptied.delete(forgotten);
    }
  }
}
