import { type Bus, BusError, KvStore, KvView } from '@slipway/bus';
import { buckets, type DesiredLrp, type DomainFreshness, desiredLrpSchema, keys } from '@slipway/contracts';
import { fingerprint } from './fingerprint.ts';

/** Cloud Foundry's: `cf-apps` is fresh for 120 s. */
const FRESHNESS_TTL_MS = 120_000;
const DOMAIN = 'cf-apps';
const DOMAIN_KEY = keys.domain(DOMAIN);
const LRP_PREFIX = keys.desiredLrp('');

/** One record as it is in the bucket. `invalid`: it is there and cannot be read. */
export type StoredLrp =
  | { readonly kind: 'absent' }
  | { readonly kind: 'stored'; readonly fingerprint: string; readonly revision: number }
  | { readonly kind: 'invalid' };

/** What was written last may not have come back to the view yet; 0 after each snapshot. */
interface MarkerRevision {
  written: number;
}

/** The fingerprint of a record as it would be read back. */
export function lrpFingerprint(record: DesiredLrp): string {
  return fingerprint(desiredLrpSchema.parse(record));
}

/**
 * KV `desired-lrps`, whose only writer is cloud-controller. The bucket is followed as fingerprints, which is all that
 * comparing needs. Writes are compare-and-set: of two cloud-controllers, the one that read earlier loses and looks again.
 */
export class DesiredLrpRecords {
  readonly #store: KvStore<DesiredLrp | DomainFreshness>;
  readonly #view: KvView<string>;
  readonly #marker: MarkerRevision;

  private constructor(store: KvStore<DesiredLrp | DomainFreshness>, view: KvView<string>, marker: MarkerRevision) {
    this.#store = store;
    this.#view = view;
    this.#marker = marker;
  }

  /** `onSnapshot` is called after each complete snapshot: the first, and after the bucket may have been lost. */
  static async open(bus: Bus, onSnapshot: () => void): Promise<DesiredLrpRecords> {
    const store = await KvStore.open<DesiredLrp | DomainFreshness>(bus, buckets.desiredLrps);
    const followed = {
      ...buckets.desiredLrps,
      value: buckets.desiredLrps.value.transform((value) => fingerprint(value)),
    };
    const marker: MarkerRevision = { written: 0 };
    const view = await KvView.open<string>(bus, followed, {
      onChange: (change) => {
        if (change !== undefined) return;
        marker.written = 0;
        onSnapshot();
      },
    });
    return new DesiredLrpRecords(store, view, marker);
  }

  /** Connected, and complete since. */
  get fresh(): boolean {
    return this.#view.fresh;
  }

  /** Every LRP record: guid to fingerprint, undefined when it cannot be read. */
  all(): Map<string, string | undefined> {
    const records = new Map<string, string | undefined>();
    for (const [key, { value }] of this.#view.entries) {
      if (key.startsWith(LRP_PREFIX)) records.set(key.slice(LRP_PREFIX.length), value);
    }
    for (const key of this.#view.invalidKeys) {
      if (key.startsWith(LRP_PREFIX)) records.set(key.slice(LRP_PREFIX.length), undefined);
    }
    return records;
  }

  async read(guid: string): Promise<StoredLrp> {
    try {
      const record = await this.#store.get(keys.desiredLrp(guid));
      if (record === undefined) return { kind: 'absent' };
      return { kind: 'stored', fingerprint: fingerprint(record.value), revision: record.revision };
    } catch (error) {
      if (error instanceof BusError && error.code === 'BUS_RECORD_INVALID') return { kind: 'invalid' };
      throw error;
    }
  }

  /** False when the record is another by now. */
  async write(guid: string, record: DesiredLrp, over: StoredLrp): Promise<boolean> {
    const key = keys.desiredLrp(guid);
    switch (over.kind) {
      case 'absent':
        return (await this.#store.create(key, record)) !== undefined;
      case 'stored':
        return (await this.#store.update(key, record, over.revision)) !== undefined;
      case 'invalid':
        await this.#store.put(key, record);
        return true;
    }
  }

  /** False when the record is another by now. */
  async remove(guid: string, over: StoredLrp): Promise<boolean> {
    if (over.kind === 'absent') return true;
    return this.#store.delete(keys.desiredLrp(guid), over.kind === 'stored' ? over.revision : undefined);
  }

  /**
   * Says that the bucket holds everything that is desired. It is written only over the marker that was followed: were
   * the bucket lost meanwhile, a marker in the new, empty one would have everything stopped. False when it was another.
   */
  async markFresh(refreshedAt: string, lrpCount: number): Promise<boolean> {
    const marker: DomainFreshness = { v: 1, domain: DOMAIN, refreshedAt, ttlMs: FRESHNESS_TTL_MS, lrpCount };
    const known = Math.max(this.#view.entries.get(DOMAIN_KEY)?.revision ?? 0, this.#marker.written);
    const revision =
      known === 0 ? await this.#store.create(DOMAIN_KEY, marker) : await this.#store.update(DOMAIN_KEY, marker, known);
    if (revision !== undefined) this.#marker.written = revision;
    return revision !== undefined;
  }

  close(): void {
    this.#view.close();
  }
}
