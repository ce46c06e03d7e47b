import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DEFAULT_IMAGE_LIMITS, type ImageLimits } from '@slipway/oci';
import { asGardenError, type GardenError } from '../errors.ts';
import { readBootId } from '../sys/boot-id.ts';
import { readDiskSpaceNow } from '../sys/disk-space.ts';
import { DEFAULT_LAYER_LIMITS } from '../tar/limits.ts';
import { checkLayers } from './check-layers.ts';
import { DEFAULT_WATERMARKS } from './disk-marks.ts';
import { ImageBook } from './image-book.ts';
import type { ImageName } from './image-name.ts';
import type {
  EnsureOptions,
  FetchLayer,
  HeldLayers,
  LayerDescriptor,
  LayerHandle,
  LayerListing,
  LayerStoreOptions,
  PinnedImage,
} from './layer.ts';
import { type CollectionFigures, type Keepers, LayerCollector } from './layer-collector.ts';
import { LayerDownloads } from './layer-downloads.ts';
import { LayerFiles } from './layer-files.ts';
import { type LayerHold, type LayerLedger, layerLedger } from './layer-ledger.ts';
import { bytesOfRecord } from './layer-record.ts';
import { LayerRoom } from './layer-room.ts';
import { LayerShelf } from './layer-shelf.ts';
import { Leases } from './leases.ts';
import { nameHold, type UnnamedHold } from './name-hold.ts';
import { Pins } from './pins.ts';
import { SharedLayer } from './shared-layer.ts';

const DEFAULT_CONCURRENCY = 4;

/** Whose layers containers are; undefined while that is not known, and nothing may be removed. */
export type ContainerHolds = () => readonly UnnamedHold[] | undefined;

/**
 * Unpacked layers on disk, by what they are: a layer is used for a descriptor only when this store has itself
 * downloaded that digest and seen it unpack to that diffID, or another cell has. What is neither pinned nor leased nor
 * below a container is removed when the disk fills up. Made by `LayerStore.open`.
 */
export class LayerStore {
  readonly #dir: string;
  readonly #files: LayerFiles;
  readonly #shelf: LayerShelf;
  readonly #pins: Pins;
  readonly #book: ImageBook;
  readonly #leases = new Leases();
  readonly #collector: LayerCollector;
  readonly #room: LayerRoom;
  readonly #downloads: LayerDownloads;
  readonly #containers: ContainerHolds;
  readonly #imageLimits: ImageLimits;
  readonly #failed: (error: unknown) => void;

  private constructor(options: LayerStoreOptions, containers: ContainerHolds) {
    const { dir, onStep = (): void => undefined, onProblem = (): void => undefined } = options;
    const failed = (error: unknown): void =>
      onProblem(asGardenError(error, 'LAYER_STORE_FAILED', 'layers', 'The layer store could not keep its records'));
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    this.#dir = dir;
    this.#failed = failed;
    this.#containers = containers;
    this.#imageLimits = { ...DEFAULT_IMAGE_LIMITS, ...options.imageLimits };
    this.#files = new LayerFiles(dir, onStep);
    this.#shelf = new LayerShelf(this.#files, readBootId(), failed);
    this.#pins = new Pins(dir, onStep, failed);
    this.#book = new ImageBook(dir, onStep);
    this.#collector = new LayerCollector({
      dir,
      shelf: this.#shelf,
      watermarks: { ...DEFAULT_WATERMARKS, ...options.watermarks },
      keepers: () => this.#keepers(),
      onRemoved: () => this.#book.prune((diffId) => this.#shelf.get(diffId) !== undefined),
      onProblem,
    });
    this.#room = new LayerRoom(this.#collector);
    this.#downloads = new LayerDownloads({
      files: this.#files,
      shelf: this.#shelf,
      room: this.#room,
      limits: { ...DEFAULT_LAYER_LIMITS, ...options.limits },
      concurrency: options.concurrency ?? DEFAULT_CONCURRENCY,
      onStep,
    });
  }

  /** Opens or makes a store and removes what a crash left half done. One process at a time may have it open. */
  static async open(options: LayerStoreOptions, containers: ContainerHolds = () => []): Promise<LayerStore> {
    try {
      const store = new LayerStore(options, containers);
      await store.#shelf.load();
      store.#pins.load();
      store.#book.load();
      store.#book.prune((diffId) => store.#shelf.get(diffId) !== undefined);
      return store;
    } catch (error) {
      throw asGardenError(error, 'LAYER_STORE_FAILED', 'open', `The layer store ${options.dir} cannot be opened`);
    }
  }

  /** Where the handles' names are directories. */
  get layersDir(): string {
    return this.#files.layersDir;
  }

  /** What has come of collections so far. */
  get collections(): CollectionFigures {
    return this.#collector.figures;
  }

  /**
   * Makes sure that all layers are in the store, downloading and unpacking what is missing side by side. Returns
   * handles in the order given, which nobody removes until they are released; a container made of them keeps them from
   * then on. Requests for one layer from one place share one download. Nothing is fetched of an image that is over a limit, or for
   * which no room can be made.
   * @throws GardenError LAYER_*, IMAGE_TOO_LARGE, IMAGE_TOO_MANY_LAYERS, CANCELLED
   */
  async ensureLayers(
    descriptors: readonly LayerDescriptor[],
    fetch: FetchLayer,
    options: EnsureOptions = {},
  ): Promise<HeldLayers> {
    checkLayers(descriptors, this.#imageLimits);
    const { image, from = '', tenant = from, background = false } = options;
    const { onProgress: report = (): void => undefined } = options;
    const diffIds = descriptors.map(({ diffId }) => diffId);
    const release = this.#leases.take(diffIds, image);
    const controller = new AbortController();
    const outer = options.signal;
    const signal = outer === undefined ? controller.signal : AbortSignal.any([outer, controller.signal]);
    try {
      // For all of them at once: an image that does not fit as a whole is of no use.
      const room = this.#room.admitAll(this.#downloads.missingBytes(descriptors, from), background);
      try {
        const order = { fetch, from, tenant, signal, report, room, background };
        const handles: LayerHandle[] = [];
        // The largest first: when there is not room for all at once, what is begun last decides how long it takes.
        const largestFirst = [...descriptors.entries()].sort(([, a], [, b]) => b.size - a.size);
        await Promise.all(
          largestFirst.map(async ([place, descriptor]) => {
            handles[place] = await this.#downloads.ensure(descriptor, order);
          }),
        );
        if (image !== undefined) this.#note(image, diffIds);
        return Object.defineProperty(handles, 'release', { value: release }) as typeof handles & HeldLayers;
      } finally {
        this.#room.releaseRest(room);
      }
    } catch (error) {
      // The first failure ends the image; its other layers are of no use.
      controller.abort(error);
      release();
      throw asGardenError(error, 'LAYER_STORE_FAILED', 'layers', 'The layer store failed');
    }
  }

  /** Whether a layer is here, verified as it is described. Does not count as using it. */
  has(descriptor: LayerDescriptor): boolean {
    return this.#shelf.verified(descriptor) !== undefined;
  }

  /** What is in the store, least recently used first. */
  list(): readonly LayerListing[] {
    return this.#shelf
      .all()
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
    const record = this.#shelf.verified({ digest, size, diffId });
    if (record?.split === undefined || 'reason' in record.split) return undefined;
    const { name } = record;
    return new SharedLayer(
      { directory: join(this.layersDir, name), splitFile: this.#files.splitPath(name), diffId },
      record.tarBytes,
      {
        release: this.#leases.take([diffId]),
        onBroken: (error: GardenError) => this.#shelf.unshare(diffId, error.message),
      },
    );
  }

  /**
   * Says anew which images must stay: all that are wanted here, whether their layers have come yet or not. What was
   * pinned before and is not among them can be removed. The set outlives the process.
   */
  setPins(images: readonly PinnedImage[]): void {
    this.#pins.set(
      images.map(({ layers, current, ...image }) => ({ image, current, diffIds: layers.map(({ diffId }) => diffId) })),
    );
    this.#collector.request();
  }

  /** What the disk is used for, as of now. */
  ledger(): LayerLedger {
    const layers = this.#shelf.all().map(({ record }) => ({ diffId: record.diffId, bytes: bytesOfRecord(record) }));
    const disk = readDiskSpaceNow(this.#dir);
    return layerLedger({ disk, layers, holds: this.#holds(), known: this.#book.list() });
  }

  /**
   * Removes what nobody keeps until the disk is below the low watermark, if it is above the high one. Happens by itself
   * too.
   */
  async collect(): Promise<void> {
    await this.#collector.collect();
  }

  /** Watches the disk from now on. For whoever knows the containers: before, nothing is removed but for a download. */
  watchDisk(): void {
    this.#collector.start();
  }

  /** Layers that a container had were used until now. */
  used(diffIds: readonly string[]): void {
    this.#shelf.touch(diffIds);
    this.#collector.request();
  }

  /** Waits for work under way and for layers to reach the disk. */
  async close(): Promise<void> {
    await this.#collector.close();
    await this.#downloads.settled();
    await this.#shelf.settled();
    await this.#pins.settled();
  }

  /** No start fails for the sake of figures. */
  #note(image: ImageName, diffIds: readonly string[]): void {
    try {
      this.#book.note(image, diffIds);
    } catch (error) {
      this.#failed(error);
    }
  }

  #holds(): readonly LayerHold[] {
    const pins = this.#pins.list().map((pin): LayerHold => ({ by: 'pin', ...pin }));
    const leases = this.#leases.list().map((lease): UnnamedHold => ({ by: 'lease', ...lease }));
    const images = [...pins.map(({ image, diffIds }) => ({ ...image, diffIds })), ...this.#book.list()];
    return [...pins, ...[...(this.#containers() ?? []), ...leases].map((hold) => nameHold(hold, images))];
  }

  #keepers(): Keepers | undefined {
    const containers = this.#containers();
    if (containers === undefined) return undefined;
    const all = (holds: readonly { readonly diffIds: readonly string[] }[]): ReadonlySet<string> =>
      new Set(holds.flatMap(({ diffIds }) => diffIds));
    return { pinned: all(this.#pins.list()), inUse: all(containers), leased: all(this.#leases.list()) };
  }
}
