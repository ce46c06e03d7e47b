import { asGardenError, GardenError, throwIfCancelled } from '../errors.ts';
import type { LayerLimits } from '../tar/limits.ts';
import { type DownloadPlace, DownloadPlaces } from './download-places.ts';
import type { FetchLayer, LayerDescriptor, LayerHandle, LayerProgress, LayerSource } from './layer.ts';
import type { LayerFiles } from './layer-files.ts';
import type { LayerRecord } from './layer-record.ts';
import { estimateBytes, type LayerRoom, ranOutOfDisk } from './layer-room.ts';
import type { LayerShelf } from './layer-shelf.ts';
import type { Promised } from './promised-bytes.ts';
import { SharedFlight } from './shared-flight.ts';
import type { StoreStepListener } from './store-steps.ts';
import { unpackLayer } from './unpack-layer.ts';

/** Sources that may turn out bad before a layer is given up. */
const MAX_BAD_SOURCES = 8;
/** A layer that fills the disk is expected to be so many times larger than what it had, at the next try. */
const GROWTH = 1.5;

interface Flight {
  readonly work: SharedFlight<LayerRecord>;
  readonly listeners: Set<(bytes: number) => void>;
}

/** What one caller wants of layers that are not here. */
export interface DownloadOrder {
  readonly fetch: FetchLayer;
  /** Whose download it may share. */
  readonly from: string;
  /** Whose turn it is. */
  readonly tenant: string;
  readonly signal: AbortSignal;
  readonly report: (progress: LayerProgress) => void;
  /** What is left of the room that is promised for all its layers, once it is. */
  readonly room: Promise<Promised>;
  readonly background: boolean;
}

export interface LayerDownloadsOptions {
  readonly files: LayerFiles;
  readonly shelf: LayerShelf;
  readonly room: LayerRoom;
  readonly limits: LayerLimits;
  readonly concurrency: number;
  readonly onStep: StoreStepListener;
}

/** Downloads and unpacks layers, each once for all who want it from the same place at the same time. */
export class LayerDownloads {
  readonly #options: LayerDownloadsOptions;
  readonly #places: DownloadPlaces;
  readonly #flights = new Map<string, Flight>();

  constructor(options: LayerDownloadsOptions) {
    this.#options = options;
    this.#places = new DownloadPlaces(options.concurrency);
  }

  /** What has to be fetched of these and is not on its way: for that room has to be found. */
  missingBytes(descriptors: readonly LayerDescriptor[], from: string): number {
    const missing = new Map<string, number>();
    for (const descriptor of descriptors) {
      const key = keyOf(descriptor, from);
      const coming = this.#flights.get(key)?.work.abandoned === false;
      if (!coming && this.#options.shelf.verified(descriptor) === undefined)
        missing.set(key, estimateBytes(descriptor));
    }
    return [...missing.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  async ensure(descriptor: LayerDescriptor, order: DownloadOrder): Promise<LayerHandle> {
    const { digest, size, diffId } = descriptor;
    const { signal, report } = order;
    for (let first = true; ; first = false) {
      throwIfCancelled(signal, 'layers');
      const known = this.#options.shelf.verified(descriptor);
      if (known !== undefined) {
        this.#options.shelf.touch([diffId]);
        report({ digest, state: 'cached', bytes: size, size });
        return toHandle(known, true);
      }
      const running = this.#flights.get(keyOf(descriptor, order.from));
      const mine = running === undefined || running.work.abandoned;
      const flight = mine ? this.#launch(descriptor, order, first, running) : running;
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
        if (mine || !isOfCaller(error)) throw error;
      } finally {
        flight.listeners.delete(listen);
      }
    }
  }

  async settled(): Promise<void> {
    await Promise.all([...this.#flights.values()].map(async (flight) => await flight.work.settled()));
  }

  #launch(descriptor: LayerDescriptor, order: DownloadOrder, first: boolean, before: Flight | undefined): Flight {
    const key = keyOf(descriptor, order.from);
    const listeners = new Set<(bytes: number) => void>();
    const { room } = this.#options;
    const work = new SharedFlight(async (signal) => {
      let promised: Promised | undefined;
      try {
        await before?.work.settled();
        const estimate = estimateBytes(descriptor);
        const given = await (first ? order.room : room.admit(estimate, order.background));
        promised = first ? room.split(given, estimate) : given;
        const own = promised;
        return await this.#places.run(order.tenant, signal, async (place) => {
          const download = new Download(this.#options, descriptor, order, place, listeners);
          return await download.run(own);
        });
      } finally {
        if (promised !== undefined) room.release(promised);
        if (this.#flights.get(key) === flight) this.#flights.delete(key);
      }
    });
    const flight: Flight = { work, listeners };
    this.#flights.set(key, flight);
    return flight;
  }
}

/** One layer on its way, from one source after the other until one is good. */
class Download {
  readonly #options: LayerDownloadsOptions;
  readonly #descriptor: LayerDescriptor;
  readonly #order: DownloadOrder;
  readonly #place: DownloadPlace;
  readonly #listeners: ReadonlySet<(bytes: number) => void>;

  constructor(
    options: LayerDownloadsOptions,
    descriptor: LayerDescriptor,
    order: DownloadOrder,
    place: DownloadPlace,
    listeners: ReadonlySet<(bytes: number) => void>,
  ) {
    this.#options = options;
    this.#descriptor = descriptor;
    this.#order = order;
    this.#place = place;
    this.#listeners = listeners;
  }

  async run(promised: Promised): Promise<LayerRecord> {
    let estimate = estimateBytes(this.#descriptor);
    for (;;) {
      const free = await this.#options.room.freeBytes();
      try {
        return await this.#fromSources(promised);
      } catch (error) {
        if (!ranOutOfDisk(error)) throw error;
        // It unpacks to more than was expected. What nobody keeps gives way before it is given up.
        estimate = GROWTH * Math.max(estimate, free);
        const { room, limits } = this.#options;
        if (estimate > limits.unpackedBytes * GROWTH) throw error;
        const more = await room.admit(estimate, this.#order.background);
        promised.bytes = more.bytes;
        room.release(more);
      }
    }
  }

  async #fromSources(promised: Promised): Promise<LayerRecord> {
    for (let bad = 0; ; ) {
      throwIfCancelled(this.#place.signal, 'layers');
      const source = await this.#open();
      try {
        return await this.#store(source, promised);
      } catch (error) {
        // What another cell sent says nothing of the layer: somebody else is asked for it. So is whoever can be besides.
        bad += 1;
        const others = source.kind === 'archive' || source.reject !== undefined;
        if (!others || !isOfSource(error) || bad > MAX_BAD_SOURCES) throw error;
        source.reject?.(error);
      }
    }
  }

  async #open(): Promise<LayerSource> {
    try {
      const fetched = this.#order.fetch(this.#descriptor, this.#place.signal);
      return Symbol.asyncIterator in fetched ? { kind: 'blob', bytes: fetched } : await fetched;
    } catch (error) {
      throwIfCancelled(this.#place.signal, 'layers');
      const { digest } = this.#descriptor;
      throw asGardenError(error, 'LAYER_FETCH_FAILED', 'layers', `Downloading the layer ${digest} failed`);
    }
  }

  async #store(source: LayerSource, promised: Promised): Promise<LayerRecord> {
    const { files, shelf, room, limits, onStep } = this.#options;
    const { digest, size, diffId, mediaType } = this.#descriptor;
    onStep('pull:unpack');
    const directory = files.newDirectory();
    const done = shelf.begin();
    // Progress is told in bytes of the blob, whatever comes.
    const scale = source.size === undefined ? 1 : size / source.size;
    let told = 0;
    const tell = (bytes: number): void => {
      told += bytes;
      for (const listener of this.#listeners) listener(bytes);
    };
    try {
      const { kind } = source;
      const order = { directory, kind, digest, size, diffId, limits };
      const contents = await unpackLayer(
        order,
        this.#place.watch(room.watch(source, size, promised, this.#place.signal).bytes),
        {
          signal: this.#place.signal,
          onBytes: (bytes) => tell(bytes * scale),
          splitFile: files.newSplit(directory),
          owned: source.owned === true,
        },
      );
      const blob = { digest, size, mediaType, ...(kind === 'archive' ? { vouched: true as const } : {}) };
      return await shelf.add(directory, diffId, blob, contents);
    } catch (error) {
      await files.discardDirectory(directory);
      // The next try begins anew.
      tell(-told);
      throw fullDisk(error) ?? error;
    } finally {
      done();
    }
  }
}

/** A full disk shows at whatever is written next. */
function fullDisk(error: unknown): GardenError | undefined {
  if (!(error instanceof Error) || !('code' in error) || error instanceof GardenError) return undefined;
  if (error.code !== 'ENOSPC' && error.code !== 'EDQUOT') return undefined;
  return new GardenError('LAYER_STORE_FULL', 'layers', `The disk of the layer store is full (${error.code})`, {
    cause: error,
  });
}

/** Another caller's registry or credentials failed, or it had no claim to the last of the room; this one's may pass. */
function isOfCaller(error: unknown): boolean {
  return error instanceof GardenError && (error.code === 'LAYER_FETCH_FAILED' || error.code === 'LAYER_STORE_FULL');
}

/** Whether whoever sent the layer is at fault, and not this store or the caller. */
function isOfSource(error: unknown): error is GardenError {
  if (!(error instanceof GardenError)) return false;
  return error.code !== 'CANCELLED' && error.code !== 'LAYER_STORE_FULL' && error.code !== 'LAYER_STORE_FAILED';
}

function keyOf({ digest, diffId, size }: LayerDescriptor, from: string): string {
  return `${digest} ${diffId} ${size} ${from}`;
}

function toHandle(record: LayerRecord, cached: boolean): LayerHandle {
  const { name, diffId, ids, opaqueRoot, fileBytes } = record;
  return { name, diffId, ids, opaqueRoot, fileBytes, cached };
}
