import { join } from 'node:path';
import { isDigest, layerCompression } from '@slipway/oci';
import { asGardenError, GardenError, throwIfCancelled } from '../errors.ts';
import { readBootId } from '../sys/boot-id.ts';
import { syncFileSystem } from '../sys/files.ts';
import { DEFAULT_LAYER_LIMITS, type LayerLimits } from '../tar/limits.ts';
import type {
  FetchLayer,
  LayerDescriptor,
  LayerHandle,
  LayerListing,
  LayerProgress,
  LayerSource,
  LayerStoreOptions,
} from './layer.ts';
import { LayerFiles, type StoredLayer } from './layer-files.ts';
import type { LayerRecord } from './layer-record.ts';
import { Leases } from './leases.ts';
import { Semaphore } from './semaphore.ts';
import { SharedFlight } from './shared-flight.ts';
import { SharedLayer } from './shared-layer.ts';
import { unpackLayer } from './unpack-layer.ts';

const DEFAULT_CONCURRENCY = 4;

/** Archives from other cells that may turn out bad before a layer is given up. */
const MAX_BAD_ARCHIVES = 8;

interface Flight {
  readonly work: SharedFlight<LayerRecord>;
  readonly listeners: Set<(bytes: number) => void>;
}

/**
 * Unpacked layers on disk, by what they are: a layer is used for a descriptor only when this store has itself
 * downloaded that digest and seen it unpack to that diffID. Made by `LayerStore.open`.
 */
export class LayerStore {
  readonly #files: LayerFiles;
  readonly #limits: LayerLimits;
  readonly #places: Semaphore;
  readonly #bootId: string;
  readonly #layers = new Map<string, StoredLayer>();
  readonly #flights = new Map<string, Flight>();
  readonly #leases = new Leases();
  #lastName = 0;
  #syncing: Promise<void> | undefined;

  private constructor(options: LayerStoreOptions, bootId: string) {
    this.#files = new LayerFiles(options.dir);
    this.#limits = { ...DEFAULT_LAYER_LIMITS, ...options.limits };
    this.#places = new Semaphore(options.concurrency ?? DEFAULT_CONCURRENCY);
    this.#bootId = bootId;
  }

  /** Opens or makes a store and removes what a crash left half done. One process at a time may have it open. */
  static async open(options: LayerStoreOptions): Promise<LayerStore> {
    try {
      const store = new LayerStore(options, readBootId());
      for (const layer of await store.#files.load(store.#bootId)) {
        store.#layers.set(layer.record.diffId, layer);
        store.#lastName = Math.max(store.#lastName, Number.parseInt(layer.record.name, 36));
      }
      return store;
    } catch (error) {
      throw asGardenError(error, 'LAYER_STORE_FAILED', 'open', `The layer store ${options.dir} cannot be opened`);
    }
  }

  /** Where the handles' names are directories. */
  get layersDir(): string {
    return this.#files.layersDir;
  }

  /**
   * Makes sure that all layers are in the store, downloading and unpacking what is missing side by side. Returns
   * handles in the order given. Requests for one layer share one download.
   * @throws GardenError LAYER_*, CANCELLED
   */
  async ensureLayers(
    descriptors: readonly LayerDescriptor[],
    fetch: FetchLayer,
    options: { readonly signal?: AbortSignal; readonly onProgress?: (progress: LayerProgress) => void } = {},
  ): Promise<readonly LayerHandle[]> {
    for (const descriptor of descriptors) check(descriptor);
    const controller = new AbortController();
    const outer = options.signal;
    const signal = outer === undefined ? controller.signal : AbortSignal.any([outer, controller.signal]);
    const report = options.onProgress ?? ((): void => undefined);
    try {
      return await Promise.all(
        descriptors.map(async (descriptor) => await this.#ensure(descriptor, fetch, signal, report)),
      );
    } catch (error) {
      // The first failure ends the image; its other layers are of no use.
      controller.abort(error);
      throw asGardenError(error, 'LAYER_STORE_FAILED', 'layers', 'The layer store failed');
    }
  }

  /** Whether a layer is here, verified as it is described. Does not count as using it. */
  has({ digest, diffId, size }: LayerDescriptor): boolean {
    const blobs = this.#layers.get(diffId)?.record.blobs ?? [];
    return blobs.some((blob) => blob.digest === digest && blob.size === size);
  }

  /** What is in the store, least recently used first. */
  list(): readonly LayerListing[] {
    return [...this.#layers.values()]
      .map(({ record, lastUsedAt }) => ({
        name: record.name,
        diffId: record.diffId,
        digests: record.blobs.map((blob) => blob.digest),
        fileBytes: record.fileBytes,
        entries: record.entries,
        createdAt: new Date(record.createdAt),
        lastUsedAt,
      }))
      .sort((a, b) => a.lastUsedAt.getTime() - b.lastUsedAt.getTime());
  }

  /**
   * A layer for another cell: when this store has verified exactly this blob (or has another cell's word for it) and
   * can make its archive again. It stays until it is released.
   */
  share({ digest, size, diffId }: Omit<LayerDescriptor, 'mediaType'>): SharedLayer | undefined {
    const record = this.#layers.get(diffId)?.record;
    if (record?.split === undefined || 'reason' in record.split) return undefined;
    if (!record.blobs.some((blob) => blob.digest === digest && blob.size === size)) return undefined;
    const { name } = record;
    return new SharedLayer(
      { directory: join(this.layersDir, name), splitFile: this.#files.splitPath(name), diffId },
      record.tarBytes,
      { release: this.#leases.take([diffId]), onBroken: (error) => this.#unshare(diffId, error) },
    );
  }

  /** Waits for work under way and for layers to reach the disk. */
  async close(): Promise<void> {
    await Promise.all([...this.#flights.values()].map(async (flight) => await flight.work.settled()));
    await this.#syncing;
  }

  async #ensure(
    descriptor: LayerDescriptor,
    fetch: FetchLayer,
    signal: AbortSignal,
    report: (progress: LayerProgress) => void,
  ): Promise<LayerHandle> {
    const { digest, size } = descriptor;
    for (;;) {
      throwIfCancelled(signal, 'layers');
      const known = this.#use(descriptor);
      if (known !== undefined) {
        report({ digest, state: 'cached', bytes: size, size });
        return toHandle(known, true);
      }
      const key = `${digest} ${descriptor.diffId}`;
      const running = this.#flights.get(key);
      const mine = running === undefined || running.work.abandoned;
      const flight = mine ? this.#launch(key, descriptor, fetch, running) : running;
      let bytes = 0;
      const listen = (more: number): void => {
        bytes += more;
        report({ digest, state: 'downloading', bytes: Math.min(Math.round(bytes), size), size });
      };
      flight.listeners.add(listen);
      report({ digest, state: 'waiting', bytes, size });
      try {
        const record = await flight.work.join(signal);
        report({ digest, state: 'ready', bytes: size, size });
        return toHandle(record, false);
      } catch (error) {
        // Another caller's registry or credentials failed; this one's may not.
        const theirs = !mine && error instanceof GardenError && error.code === 'LAYER_FETCH_FAILED';
        if (!theirs) throw error;
      } finally {
        flight.listeners.delete(listen);
      }
    }
  }

  #launch(key: string, descriptor: LayerDescriptor, fetch: FetchLayer, before: Flight | undefined): Flight {
    const listeners = new Set<(bytes: number) => void>();
    const work = new SharedFlight(async (signal) => {
      try {
        await before?.work.settled();
        return await this.#places.run(signal, async () => await this.#download(descriptor, fetch, signal, listeners));
      } finally {
        if (this.#flights.get(key) === flight) this.#flights.delete(key);
      }
    });
    const flight: Flight = { work, listeners };
    this.#flights.set(key, flight);
    return flight;
  }

  async #download(
    descriptor: LayerDescriptor,
    fetch: FetchLayer,
    signal: AbortSignal,
    listeners: ReadonlySet<(bytes: number) => void>,
  ): Promise<LayerRecord> {
    for (let bad = 0; ; ) {
      throwIfCancelled(signal, 'layers');
      const source = await openSource(fetch, descriptor, signal);
      try {
        return await this.#store(descriptor, source, signal, listeners);
      } catch (error) {
        // What another cell sent says nothing of the layer: somebody else is asked for it. So is whoever can be besides.
        bad += 1;
        const others = source.kind === 'archive' || source.reject !== undefined;
        if (!others || !isOfSource(error) || bad > MAX_BAD_ARCHIVES) throw error;
        source.reject?.(error);
      }
    }
  }

  async #store(
    descriptor: LayerDescriptor,
    source: LayerSource,
    signal: AbortSignal,
    listeners: ReadonlySet<(bytes: number) => void>,
  ): Promise<LayerRecord> {
    const directory = this.#files.newDirectory();
    let committed = false;
    try {
      const { digest, size, diffId, mediaType } = descriptor;
      // Progress is told in bytes of the blob, whatever comes.
      const scale = source.size === undefined ? 1 : size / source.size;
      const onBytes = (bytes: number): void => {
        for (const listener of listeners) listener(bytes * scale);
      };
      const { kind } = source;
      const order = { directory, kind, digest, size, diffId, limits: this.#limits };
      const splitFile = this.#files.newSplit(directory);
      const contents = await unpackLayer(order, source.bytes, { signal, onBytes, splitFile });
      const blob = { digest, size, mediaType, ...(kind === 'archive' ? { vouched: true as const } : {}) };
      const same = this.#layers.get(diffId);
      if (same !== undefined) return this.#alsoAs(same, blob);
      this.#lastName += 1;
      const record: LayerRecord = {
        v: 1,
        name: this.#lastName.toString(36),
        diffId,
        blobs: [blob],
        ...contents,
        createdAt: new Date().toISOString(),
        durable: false,
        bootId: this.#bootId,
      };
      this.#files.commit(directory, record);
      committed = true;
      this.#layers.set(diffId, { record, lastUsedAt: new Date() });
      this.#makeDurable();
      return record;
    } finally {
      if (!committed) await this.#files.discardDirectory(directory);
    }
  }

  /** The layer for a descriptor that was verified as it is, now used once more. */
  #use(descriptor: LayerDescriptor): LayerRecord | undefined {
    const layer = this.#layers.get(descriptor.diffId);
    const verified = layer?.record.blobs.some(
      ({ digest, size }) => digest === descriptor.digest && size === descriptor.size,
    );
    if (layer === undefined || verified !== true) return undefined;
    const lastUsedAt = new Date();
    this.#files.touch(layer.record.name, lastUsedAt);
    this.#layers.set(descriptor.diffId, { record: layer.record, lastUsedAt });
    return layer.record;
  }

  /** A layer that was not what its split says is offered no more; here it may still be good. */
  #unshare(diffId: string, error: GardenError): void {
    const layer = this.#layers.get(diffId);
    if (layer === undefined) return;
    const record: LayerRecord = { ...layer.record, split: { reason: error.message } };
    this.#files.writeRecord(record, layer.lastUsedAt);
    this.#layers.set(diffId, { ...layer, record });
    this.#files.removeSplit(record.name);
  }

  /** Remembers another blob that holds a layer we have. */
  #alsoAs(layer: StoredLayer, blob: LayerRecord['blobs'][number]): LayerRecord {
    const record: LayerRecord = { ...layer.record, blobs: [...layer.record.blobs, blob] };
    const lastUsedAt = new Date();
    this.#files.writeRecord(record, lastUsedAt);
    this.#layers.set(record.diffId, { record, lastUsedAt });
    return record;
  }

  /** Writes back what is not on disk yet, in the background: starting a container does not wait for a disk. */
  #makeDurable(): void {
    if (this.#syncing !== undefined) return;
    this.#syncing = this.#syncAll().finally(() => {
      this.#syncing = undefined;
    });
  }

  async #syncAll(): Promise<void> {
    for (;;) {
      const pending = [...this.#layers.values()]
        .filter(({ record }) => !record.durable)
        .map(({ record }) => record.diffId);
      if (pending.length === 0) return;
      try {
        await syncFileSystem(this.layersDir);
      } catch {
        // Not durable then: a layer so marked is fetched again after the machine restarts. The next layer tries again.
        return;
      }
      for (const diffId of pending) {
        const layer = this.#layers.get(diffId);
        if (layer === undefined) continue;
        const record: LayerRecord = { ...layer.record, durable: true };
        this.#files.writeRecord(record, layer.lastUsedAt);
        this.#layers.set(diffId, { record, lastUsedAt: layer.lastUsedAt });
      }
    }
  }
}

function check(descriptor: LayerDescriptor): void {
  for (const digest of [descriptor.digest, descriptor.diffId]) {
    if (isDigest(digest)) continue;
    throw new GardenError(
      'LAYER_DIGEST_MALFORMED',
      'layers',
      `Not a sha256 digest: ${JSON.stringify(digest).slice(0, 100)}`,
    );
  }
  // What it says of the compression is not relied on; see detectCompression.
  if (layerCompression(descriptor.mediaType) === undefined) {
    throw new GardenError(
      'LAYER_MEDIA_TYPE_UNSUPPORTED',
      'layers',
      `The layer ${descriptor.digest} is of the media type ${JSON.stringify(descriptor.mediaType).slice(0, 100)}`,
    );
  }
}

async function openSource(fetch: FetchLayer, descriptor: LayerDescriptor, signal: AbortSignal): Promise<LayerSource> {
  try {
    const fetched = fetch(descriptor, signal);
    return Symbol.asyncIterator in fetched ? { kind: 'blob', bytes: fetched } : await fetched;
  } catch (error) {
    throwIfCancelled(signal, 'layers');
    throw asGardenError(error, 'LAYER_FETCH_FAILED', 'layers', `Downloading the layer ${descriptor.digest} failed`);
  }
}

/** Whether whoever sent the layer is at fault, and not this store or the caller. */
function isOfSource(error: unknown): error is GardenError {
  if (!(error instanceof GardenError)) return false;
  return error.code !== 'CANCELLED' && error.code !== 'LAYER_STORE_FULL' && error.code !== 'LAYER_STORE_FAILED';
}

function toHandle(record: LayerRecord, cached: boolean): LayerHandle {
  const { name, diffId, ids, opaqueRoot, fileBytes } = record;
  return { name, diffId, ids, opaqueRoot, fileBytes, cached };
}
