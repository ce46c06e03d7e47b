import { asGardenError, type GardenError } from '../errors.ts';
import { type DiskSpace, readDiskSpace } from '../sys/disk-space.ts';
import { syncFileSystem } from '../sys/files.ts';
import { decideCollection } from './decide-collection.ts';
import { type DiskMarks, diskMarks, type Watermarks } from './disk-marks.ts';
import type { StoredLayer } from './layer-files.ts';
import { bytesOfRecord } from './layer-record.ts';
import type { LayerShelf } from './layer-shelf.ts';
import { PromisedBytes } from './promised-bytes.ts';

/** The disk is looked at again after so many removals, for others use it and give it back at the same time. */
const BATCH = 8;
/** Between two looks at the disk when nothing happens: others fill it too. */
const INTERVAL_MS = 15_000;

/** Of the layers of the store, bytes by what keeps them; one may be kept by several. */
export interface KeptBytes {
  readonly bytes: number;
  readonly reclaimableBytes: number;
  readonly pinnedBytes: number;
  readonly inUseBytes: number;
  readonly leasedBytes: number;
}

/** Who keeps a layer. */
export interface Keepers {
  readonly pinned: ReadonlySet<string>;
  readonly inUse: ReadonlySet<string>;
  readonly leased: ReadonlySet<string>;
}

/** What has come of the collections since the store was opened. */
export interface CollectionFigures {
  /** In which something was removed. */
  readonly collections: number;
  readonly removedLayers: number;
  readonly removedBytes: number;
  /** The last failure, until a collection passes again. */
  readonly lastError: { readonly code: string; readonly message: string; readonly at: Date } | undefined;
}

export interface CollectorOptions {
  readonly dir: string;
  readonly shelf: LayerShelf;
  readonly watermarks: Watermarks;
  /** Undefined while nobody can tell: nothing is removed then. */
  readonly keepers: () => Keepers | undefined;
  /** Layers have gone. */
  readonly onRemoved: () => void;
  readonly onProblem: (error: GardenError) => void;
}

/** Removes what nobody keeps when the disk fills up: in the background, and when a download asks for room. */
export class LayerCollector {
  /** Bytes that were promised to downloads and are not on disk yet. */
  readonly reserved = new PromisedBytes();
  /** Bytes that downloads wait for. */
  readonly needed = new PromisedBytes();
  readonly #options: CollectorOptions;
  #turn: Promise<unknown> = Promise.resolve();
  /** A collection goes on until the low watermark, however many rounds that takes. */
  #begun = false;
  #background: Promise<void> | undefined;
  #again = false;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  #figures: CollectionFigures = { collections: 0, removedLayers: 0, removedBytes: 0, lastError: undefined };

  constructor(options: CollectorOptions) {
    this.#options = options;
  }

  get figures(): CollectionFigures {
    return this.#figures;
  }

  async space(): Promise<{ readonly space: DiskSpace; readonly marks: DiskMarks }> {
    const space = await readDiskSpace(this.#options.dir);
    return { space, marks: diskMarks(space, this.#options.watermarks) };
  }

  /** From now on it looks at the disk by itself, too. */
  start(): void {
    this.#timer ??= setInterval(() => this.request(), INTERVAL_MS).unref();
    this.request();
  }

  /** Has it look at the disk soon. */
  request(): void {
    if (this.#closed) return;
    this.#again = true;
    this.#background ??= this.#collectAll().finally(() => {
      this.#background = undefined;
    });
  }

  /** Collects until the low watermark is reached or nothing is left to remove, if the high one is exceeded. */
  async collect(): Promise<void> {
    while ((await this.round()) > 0);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    await this.#background;
    await this.#turn;
  }

  /**
   * Looks at the disk and removes some layers if need be; says how many. Rounds come one after the other. None: there
   * is room for all that is promised and needed, or nothing that may be removed.
   */
  async round(): Promise<number> {
    return await this.#inTurn(async () => await this.#round());
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return await turn;
  }

  /** What is kept, and by whom. */
  kept(): KeptBytes {
    const keepers = this.#options.keepers();
    const kept = { bytes: 0, reclaimableBytes: 0, pinnedBytes: 0, inUseBytes: 0, leasedBytes: 0 };
    for (const { record } of this.#options.shelf.all()) {
      const bytes = bytesOfRecord(record);
      kept.bytes += bytes;
      if (keepers?.pinned.has(record.diffId)) kept.pinnedBytes += bytes;
      if (keepers?.inUse.has(record.diffId)) kept.inUseBytes += bytes;
      if (keepers?.leased.has(record.diffId)) kept.leasedBytes += bytes;
      if (keepers !== undefined && !isKept(record.diffId, keepers)) kept.reclaimableBytes += bytes;
    }
    return kept;
  }

  async #collectAll(): Promise<void> {
    while (this.#again && !this.#closed) {
      this.#again = false;
      try {
        while (!this.#closed && (await this.round()) > 0);
        await this.#inTurn(async () => await this.#options.shelf.removeLeftovers());
      } catch (error) {
        this.#failed(error);
      }
    }
  }

  async #round(): Promise<number> {
    const { space, marks } = await this.space();
    const keepers = this.#options.keepers();
    if (keepers === undefined) return 0;
    const { shelf } = this.#options;
    // From here to where the records are gone nothing is awaited: whoever takes a layer took it before, or finds it gone.
    const stored = new Map(shelf.all().map((layer) => [layer.record.diffId, layer]));
    const remove = decideCollection({
      freeBytes: space.freeBytes,
      marks,
      reservedBytes: this.reserved.bytes,
      neededBytes: this.needed.bytes,
      begun: this.#begun,
      layers: [...stored.values()].map((layer) => collectable(layer, keepers)),
    }).slice(0, BATCH);
    if (remove.length === 0) {
      this.#begun = false;
      return 0;
    }
    const first = !this.#begun;
    this.#begun = true;
    await shelf.remove(remove);
    const bytes = remove.reduce((sum, diffId) => sum + sizeOf(stored.get(diffId)), 0);
    const { collections, removedLayers, removedBytes } = this.#figures;
    this.#figures = {
      collections: collections + (first ? 1 : 0),
      removedLayers: removedLayers + remove.length,
      removedBytes: removedBytes + bytes,
      lastError: undefined,
    };
    this.#options.onRemoved();
    await this.#awaitFree(space.freeBytes + bytes / 2);
    return remove.length;
  }

  /** Some file systems give room back only with their next commit; without it more would be removed than is needed. */
  async #awaitFree(expected: number): Promise<void> {
    const { space } = await this.space();
    if (space.freeBytes < expected) await syncFileSystem(this.#options.dir);
  }

  #failed(cause: unknown): void {
    const error = asGardenError(cause, 'LAYER_STORE_FAILED', 'layers', 'Layers could not be collected');
    this.#figures = {
      ...this.#figures,
      lastError: { code: error.code, message: error.message, at: new Date() },
    };
    this.#options.onProblem(error);
  }
}

function isKept(diffId: string, { pinned, inUse, leased }: Keepers): boolean {
  return pinned.has(diffId) || inUse.has(diffId) || leased.has(diffId);
}

function collectable({ record, lastUsedAt }: StoredLayer, keepers: Keepers) {
  const { diffId } = record;
  return {
    name: diffId,
    bytes: bytesOfRecord(record),
    lastUsedAt: lastUsedAt.getTime(),
    kept: isKept(diffId, keepers),
  };
}

function sizeOf(layer: StoredLayer | undefined): number {
  return layer === undefined ? 0 : bytesOfRecord(layer.record);
}
