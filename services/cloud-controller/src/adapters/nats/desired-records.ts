import { type Bus, BusError, KvStore, KvView } from '@slipway/bus';
import {
  type BucketDefinition,
  buckets,
  type DesiredLrp,
  type DesiredTask,
  type DomainFreshness,
  type ImagesFreshness,
  type InternalDomain,
  keys,
  type NetworkPolicy,
  type NetworkRecord,
  type TaskRecord,
  type WantedImage,
} from '@slipway/contracts';
import { fingerprint } from './fingerprint.ts';

/** Cloud Foundry's: `cf-apps` and `cf-tasks` are fresh for 120 s. */
const FRESHNESS_TTL_MS = 120_000;
const MARKER_AGE_MS = 3_600_000;

/** One record as it is in the bucket. `invalid`: it is there and cannot be read. */
export type StoredRecord =
  | { readonly kind: 'absent' }
  | { readonly kind: 'stored'; readonly fingerprint: string; readonly revision: number }
  | { readonly kind: 'invalid' };

/** What was written last may not have come back to the view yet; 0 after each snapshot. */
interface MarkerRevision {
  written: number;
}

/** What shall be, of one kind: records `R` in a bucket of `V`, and the marker that says that they are all. */
export interface DesiredKind<V, R extends V> {
  /** For logs. */
  readonly name: string;
  readonly bucket: BucketDefinition<V>;
  /** The keys that cloud-controller writes. */
  readonly filter: string;
  readonly keyOf: (guid: string) => string;
  readonly markerKey: string;
  readonly marker: (refreshedAt: string, count: number) => V;
  /** What of a record is compared; default all. */
  readonly compared?: (record: V) => unknown;
  /** Nobody asks for what is gone, so its deletion markers go after a while. Needs `kvCompact` access. */
  readonly compacts?: boolean;
  /** Names the records only to the compiler. */
  readonly record?: R;
}

export const desiredLrps: DesiredKind<DesiredLrp | DomainFreshness, DesiredLrp> = {
  name: 'lrp',
  bucket: buckets.desiredLrps,
  filter: '>',
  keyOf: keys.desiredLrp,
  markerKey: keys.domain('cf-apps'),
  marker: (refreshedAt, lrpCount) => ({ v: 1, domain: 'cf-apps', refreshedAt, ttlMs: FRESHNESS_TTL_MS, lrpCount }),
};

export const desiredTasks: DesiredKind<TaskRecord, DesiredTask> = {
  name: 'task',
  bucket: buckets.tasks,
  filter: keys.desiredTasks,
  keyOf: keys.desiredTask,
  markerKey: keys.tasksDomain,
  marker: (refreshedAt, taskCount) => ({
    v: 1,
    kind: 'freshness',
    domain: 'cf-tasks',
    refreshedAt,
    ttlMs: FRESHNESS_TTL_MS,
    taskCount,
  }),
};

export const wantedImages: DesiredKind<WantedImage | ImagesFreshness, WantedImage> = {
  name: 'image',
  bucket: buckets.wantedImages,
  filter: '>',
  keyOf: keys.wantedImage,
  markerKey: keys.imagesDomain,
  marker: (refreshedAt, imageCount) => ({
    v: 1,
    domain: 'cf-images',
    refreshedAt,
    ttlMs: FRESHNESS_TTL_MS,
    imageCount,
  }),
  // Sealed anew they are another text each time; `credentialsId` says whether they are the same.
  compared: (record) => {
    if (!('image' in record)) return record;
    const { credentials: _, ...image } = record.image;
    return { ...record, image };
  },
  compacts: true,
};

/** Policies and internal domains, each by its key. */
export const networkRecords: DesiredKind<NetworkRecord, NetworkPolicy | InternalDomain> = {
  name: 'network',
  bucket: buckets.networkPolicies,
  filter: '>',
  keyOf: (key) => key,
  markerKey: keys.networkDomain,
  marker: (refreshedAt, recordCount) => ({
    v: 1,
    kind: 'freshness',
    domain: 'cf-network',
    refreshedAt,
    ttlMs: FRESHNESS_TTL_MS,
    recordCount,
  }),
  compacts: true,
};

/**
 * The records of one kind, whose only writer is cloud-controller. They are followed as fingerprints, which is all that
 * comparing needs. Writes are compare-and-set: of two cloud-controllers, the one that read earlier loses and looks again.
 */
export class DesiredRecords<V, R extends V> {
  readonly kind: DesiredKind<V, R>;
  readonly #store: KvStore<V>;
  readonly #view: KvView<string>;
  readonly #marker: MarkerRevision;

  private constructor(kind: DesiredKind<V, R>, store: KvStore<V>, view: KvView<string>, marker: MarkerRevision) {
    this.kind = kind;
    this.#store = store;
    this.#view = view;
    this.#marker = marker;
  }

  /** `onSnapshot` is called after each complete snapshot: the first, and after the bucket may have been lost. */
  static async open<V, R extends V>(
    bus: Bus,
    kind: DesiredKind<V, R>,
    onSnapshot: () => void,
  ): Promise<DesiredRecords<V, R>> {
    const { bucket, filter } = kind;
    const store = await KvStore.open(bus, bucket);
    const value = bucket.value.transform((record) => fingerprint(comparedOf(kind, record)));
    const marker: MarkerRevision = { written: 0 };
    const view = await KvView.open<string>(
      bus,
      { ...bucket, value },
      {
        filter,
        trackDeleted: kind.compacts === true,
        onChange: (change) => {
          if (change !== undefined) return;
          marker.written = 0;
          onSnapshot();
        },
      },
    );
    return new DesiredRecords(kind, store, view, marker);
  }

  /** Connected, and complete since. */
  get fresh(): boolean {
    return this.#view.fresh;
  }

  /** The fingerprint of a record as it would be read back. */
  fingerprintOf(record: R): string {
    return fingerprint(comparedOf(this.kind, this.kind.bucket.value.parse(record)));
  }

  /** Every record: guid to fingerprint, undefined when it cannot be read. */
  all(): Map<string, string | undefined> {
    const prefix = this.kind.keyOf('');
    const records = new Map<string, string | undefined>();
    for (const [key, { value }] of this.#view.entries) {
      if (key.startsWith(prefix) && key !== this.kind.markerKey) records.set(key.slice(prefix.length), value);
    }
    for (const key of this.#view.invalidKeys) {
      if (key.startsWith(prefix) && key !== this.kind.markerKey) records.set(key.slice(prefix.length), undefined);
    }
    return records;
  }

  async read(guid: string): Promise<StoredRecord> {
    try {
      const record = await this.#store.get(this.kind.keyOf(guid));
      if (record === undefined) return { kind: 'absent' };
      return {
        kind: 'stored',
        fingerprint: fingerprint(comparedOf(this.kind, record.value)),
        revision: record.revision,
      };
    } catch (error) {
      if (error instanceof BusError && error.code === 'BUS_RECORD_INVALID') return { kind: 'invalid' };
      throw error;
    }
  }

  /** False when the record is another by now. */
  async write(guid: string, record: R, over: StoredRecord): Promise<boolean> {
    const key = this.kind.keyOf(guid);
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
  async remove(guid: string, over: StoredRecord): Promise<boolean> {
    if (over.kind === 'absent') return true;
    return this.#store.delete(this.kind.keyOf(guid), over.kind === 'stored' ? over.revision : undefined);
  }

  /**
   * Says that the bucket holds everything that is desired. It is written only over the marker that was followed: were
   * the bucket lost meanwhile, a marker in the new, empty one would have everything stopped. False when it was another.
   */
  async markFresh(refreshedAt: string, count: number): Promise<boolean> {
    const { markerKey } = this.kind;
    const marker = this.kind.marker(refreshedAt, count);
    const known = Math.max(this.#view.entries.get(markerKey)?.revision ?? 0, this.#marker.written);
    const revision =
      known === 0 ? await this.#store.create(markerKey, marker) : await this.#store.update(markerKey, marker, known);
    if (revision !== undefined) this.#marker.written = revision;
    return revision !== undefined;
  }

  /** Takes away deletion markers that are of no more use. */
  async compact(): Promise<void> {
    if (this.kind.compacts === true) await this.#view.compact(MARKER_AGE_MS);
  }

  close(): void {
    this.#view.close();
  }
}

function comparedOf<V, R extends V>({ compared }: DesiredKind<V, R>, record: V): unknown {
  return compared === undefined ? record : compared(record);
}
