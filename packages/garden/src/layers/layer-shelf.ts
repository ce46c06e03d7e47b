import { syncFileSystem } from '../sys/files.ts';
import { errnoCode } from '../sys/sys-error.ts';
import type { LayerDescriptor } from './layer.ts';
import type { LayerFiles, StoredLayer } from './layer-files.ts';
import type { LayerRecord } from './layer-record.ts';

type Blob = LayerRecord['blobs'][number];
type Contents = Omit<LayerRecord, 'v' | 'name' | 'diffId' | 'blobs' | 'createdAt' | 'durable' | 'bootId'>;

/** While layers come one after the other, those that are here are not to wait longer to be on the disk. */
const SETTLE_PATIENCE_MS = 10_000;

/** Layers without records whose files are to go. */
interface Removal {
  readonly names: readonly string[];
  /** Where they were moved to. */
  away: string | undefined;
}

/** The layers that are there, in memory and on disk alike. */
export class LayerShelf {
  readonly #files: LayerFiles;
  readonly #bootId: string;
  readonly #onFailure: (error: unknown) => void;
  readonly #layers = new Map<string, StoredLayer>();
  /** Under way, or failed half way. What is left of them when the process ends, the next removes. */
  readonly #removals = new Set<Removal>();
  #lastName = 0;
  #settling: Promise<void> | undefined;
  /** Layers that are being made. */
  #coming = 0;
  #onQuiet: (() => void) | undefined;

  constructor(files: LayerFiles, bootId: string, onFailure: (error: unknown) => void) {
    this.#files = files;
    this.#bootId = bootId;
    this.#onFailure = onFailure;
  }

  async load(): Promise<void> {
    for (const layer of await this.#files.load(this.#bootId)) {
      this.#layers.set(layer.record.diffId, layer);
      this.#lastName = Math.max(this.#lastName, Number.parseInt(layer.record.name, 36));
    }
    this.#settle();
  }

  all(): readonly StoredLayer[] {
    return [...this.#layers.values()];
  }

  get(diffId: string): StoredLayer | undefined {
    return this.#layers.get(diffId);
  }

  /** The layer for a descriptor that was verified as it is. */
  verified({ digest, size, diffId }: Omit<LayerDescriptor, 'mediaType'>): LayerRecord | undefined {
    const layer = this.#layers.get(diffId);
    return layer?.record.blobs.some((blob) => blob.digest === digest && blob.size === size) ? layer.record : undefined;
  }

  /** Notes that they are used now; those that are not there are passed over. */
  touch(diffIds: Iterable<string>): void {
    const lastUsedAt = new Date();
    for (const diffId of diffIds) {
      const layer = this.#layers.get(diffId);
      if (layer === undefined) continue;
      this.#files.touch(layer.record.name, lastUsedAt);
      this.#layers.set(diffId, { record: layer.record, lastUsedAt });
    }
  }

  /** Takes an unpacked directory over as a layer, or learns that one that is there comes as this blob too. */
  async add(directory: string, diffId: string, blob: Blob, contents: Contents): Promise<LayerRecord> {
    if (this.#layers.has(diffId)) {
      const record = this.#alsoAs(diffId, blob);
      await this.#files.discardDirectory(directory);
      return record;
    }
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
    try {
      this.#files.commit(directory, record);
    } catch (error) {
      await this.#files.undoCommit(record.name);
      throw error;
    }
    this.#layers.set(diffId, { record, lastUsedAt: new Date() });
    this.#settle();
    return record;
  }

  /**
   * Removes layers. Their records go before anything is awaited, so that nobody is given them any more; resolves when
   * their bytes are free again.
   */
  async remove(diffIds: readonly string[]): Promise<void> {
    const names: string[] = [];
    const removal: Removal = { names, away: undefined };
    this.#removals.add(removal);
    for (const diffId of diffIds) {
      const layer = this.#layers.get(diffId);
      if (layer === undefined) continue;
      this.#files.removeRecord(layer.record.name);
      this.#layers.delete(diffId);
      names.push(layer.record.name);
    }
    await this.#finish(removal);
  }

  /** Tries again to remove what could not be; not to be called while a removal is under way. */
  async removeLeftovers(): Promise<void> {
    for (const removal of this.#removals) await this.#finish(removal);
  }

  async #finish(removal: Removal): Promise<void> {
    if (removal.away === undefined) {
      await this.#files.syncRecords();
      removal.away = this.#tryMoveAway(removal.names);
    }
    if (removal.away === undefined) await this.#files.removeInPlace(removal.names);
    else await this.#files.removeAway(removal.away);
    this.#removals.delete(removal);
  }

  /** Undefined when the disk is so full that not even a directory can be made. */
  #tryMoveAway(names: readonly string[]): string | undefined {
    try {
      return this.#files.moveAway(names);
    } catch (error) {
      if (errnoCode(error) === 'ENOSPC' || errnoCode(error) === 'EDQUOT') return undefined;
      throw error;
    }
  }

  /** A layer that was not what its split says is offered to others no more; here it may still be good. */
  unshare(diffId: string, reason: string): void {
    const layer = this.#layers.get(diffId);
    if (layer === undefined) return;
    const record: LayerRecord = { ...layer.record, split: { reason } };
    this.#files.writeRecord(record, layer.lastUsedAt);
    this.#layers.set(diffId, { ...layer, record });
    this.#files.removeSplit(record.name);
  }

  async settled(): Promise<void> {
    await this.#settling;
  }

  #alsoAs(diffId: string, blob: Blob): LayerRecord {
    const layer = this.#layers.get(diffId);
    if (layer === undefined) throw new Error(`the layer ${diffId} has gone`);
    const isSame = ({ digest, size }: Blob): boolean => digest === blob.digest && size === blob.size;
    // What this cell has seen itself stands, whatever another one says.
    if (blob.vouched === true && layer.record.blobs.some(isSame)) return layer.record;
    const others = layer.record.blobs.filter((each) => !isSame(each));
    const record: LayerRecord = { ...layer.record, blobs: [...others, blob] };
    const lastUsedAt = new Date();
    this.#files.writeRecord(record, lastUsedAt);
    this.#layers.set(diffId, { record, lastUsedAt });
    return record;
  }

  /** To be called when a layer is begun; what it returns, when it is done, well or not. */
  begin(): () => void {
    this.#coming += 1;
    return () => {
      this.#coming -= 1;
      if (this.#coming === 0) this.#onQuiet?.();
    };
  }

  /** Writes back and measures what is new, in the background: starting a container does not wait for a disk. */
  #settle(): void {
    if (this.#settling !== undefined) return;
    this.#settling = this.#settleAll().finally(() => {
      this.#settling = undefined;
    });
  }

  async #settleAll(): Promise<void> {
    for (;;) {
      const pending = this.all().filter(({ record }) => !record.durable || record.diskBytes === undefined);
      if (pending.length === 0) return;
      try {
        // Layers of before are durable and only not measured.
        if (pending.some(({ record }) => !record.durable)) {
          await this.#quiet();
          await syncFileSystem(this.#files.layersDir);
        }
        for (const { record } of pending) await this.#settleOne(record);
      } catch (error) {
        // Not durable then: a layer so marked is fetched again after the machine restarts. The next layer tries again.
        this.#onFailure(error);
        return;
      }
    }
  }

  /** Writing back takes much of a processor, and somebody waits for the layers that are on their way; but not for ever. */
  async #quiet(): Promise<void> {
    if (this.#coming === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const patience = setTimeout(resolve, SETTLE_PATIENCE_MS);
    this.#onQuiet = resolve;
    await promise;
    clearTimeout(patience);
  }

  async #settleOne({ diffId, name }: LayerRecord): Promise<void> {
    const diskBytes = await this.#files.measure(name).catch((error: unknown) => error);
    const layer = this.#layers.get(diffId);
    // Removed meanwhile, and perhaps fetched again.
    if (layer === undefined || layer.record.name !== name) return;
    if (typeof diskBytes !== 'number') throw diskBytes;
    const record: LayerRecord = { ...layer.record, durable: true, diskBytes };
    this.#files.writeSettled(record, layer.lastUsedAt);
    this.#layers.set(diffId, { record, lastUsedAt: layer.lastUsedAt });
  }
}
