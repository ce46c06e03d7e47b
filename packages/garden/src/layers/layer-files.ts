import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { writeFileAtomically } from '../sys/atomic-file.ts';
import { syncDirectory } from '../sys/files.ts';
import { removeTree } from '../sys/remove-tree.ts';
import { errnoCode } from '../sys/sys-error.ts';
import { treeBytes } from '../sys/tree-bytes.ts';
import { type LayerRecord, layerRecordSchema } from './layer-record.ts';
import type { StoreStepListener } from './store-steps.ts';

/** Begins the names of what is being removed. */
const GONE = 'gone-';

/** A layer that the store holds, and when it was last asked for. */
export interface StoredLayer {
  readonly record: LayerRecord;
  readonly lastUsedAt: Date;
}

/**
 * The store's directory: `layers/<name>` are unpacked layers, `splits/<name>` what it takes to make their archives
 * again, `records/<name>.json` says what they are, `tmp` is for layers on their way. A layer exists when its record
 * does, which is written last and removed first.
 */
export class LayerFiles {
  readonly layersDir: string;
  readonly #splitsDir: string;
  readonly #recordsDir: string;
  readonly #tmpDir: string;
  readonly #step: StoreStepListener;

  constructor(dir: string, step: StoreStepListener) {
    this.#step = step;
    this.layersDir = join(dir, 'layers');
    this.#splitsDir = join(dir, 'splits');
    this.#recordsDir = join(dir, 'records');
    this.#tmpDir = join(dir, 'tmp');
    // The layers hold files of uid 0 with the setuid bit: nobody else may come near them.
    for (const each of [dir, this.layersDir, this.#splitsDir, this.#recordsDir, this.#tmpDir]) {
      mkdirSync(each, { recursive: true });
      chmodSync(each, 0o700);
    }
  }

  /** Reads what is there and removes what a crash left, of this process or of the machine. */
  async load(bootId: string): Promise<StoredLayer[]> {
    await this.#emptyTmp();
    const found: StoredLayer[] = [];
    for (const file of readdirSync(this.#recordsDir)) {
      const path = join(this.#recordsDir, file);
      const record = this.#read(path);
      const good =
        record !== undefined && file === `${record.name}.json` && existsSync(join(this.layersDir, record.name));
      if (good && (record.durable || record.bootId === bootId)) {
        found.push({ record, lastUsedAt: statSync(path).mtime });
      } else rmSync(path);
    }
    const known = new Set(found.map(({ record }) => record.name));
    for (const name of readdirSync(this.layersDir)) {
      if (!known.has(name)) await this.#discard(join(this.layersDir, name));
    }
    for (const name of readdirSync(this.#splitsDir)) {
      if (!known.has(name)) rmSync(join(this.#splitsDir, name));
    }
    return found;
  }

  /** An empty directory, for a layer to be unpacked to. */
  newDirectory(): string {
    const root = join(mkdtempSync(join(this.#tmpDir, 'unpack-')), 'root');
    mkdirSync(root, { mode: 0o755 });
    return root;
  }

  /** Where the split of a layer that is unpacked to `root` is written to. */
  newSplit(root: string): string {
    return join(dirname(root), 'split');
  }

  /** Where the split of a layer is. */
  splitPath(name: string): string {
    return join(this.#splitsDir, name);
  }

  removeSplit(name: string): void {
    rmSync(this.splitPath(name), { force: true });
  }

  async discardDirectory(root: string): Promise<void> {
    await removeTree(dirname(root));
  }

  /** Makes an unpacked directory a layer. When it throws, as when the disk is full, `undoCommit` takes that back. */
  commit(root: string, record: LayerRecord): void {
    this.#step('pull:commit');
    renameSync(root, join(this.layersDir, record.name));
    this.#step('pull:split');
    if (record.split !== undefined && 'bytes' in record.split) {
      renameSync(this.newSplit(root), this.splitPath(record.name));
    }
    this.#step('pull:record');
    this.writeRecord(record, new Date());
    this.#step('pull:done');
    rmdirSync(dirname(root));
  }

  async undoCommit(name: string): Promise<void> {
    rmSync(this.#recordPath(name), { force: true });
    await this.removeAway(this.moveAway([name]));
  }

  /** The first step of removing a layer: from here on there is none, whatever happens. */
  removeRecord(name: string): void {
    this.#step('collect:record');
    rmSync(this.#recordPath(name));
  }

  /** Waits until the removal of records is on the disk: a layer that is half gone must not come back with its record. */
  async syncRecords(): Promise<void> {
    this.#step('collect:sync');
    await syncDirectory(this.#recordsDir);
  }

  /** Takes layers without records out of the way, for `removeAway`. */
  moveAway(names: readonly string[]): string {
    this.#step('collect:away');
    const away = mkdtempSync(join(this.#tmpDir, GONE));
    for (const name of names) {
      renameIfThere(join(this.layersDir, name), join(away, name));
      renameIfThere(this.splitPath(name), join(away, `${name}.split`));
    }
    return away;
  }

  async removeAway(away: string): Promise<void> {
    this.#step('collect:remove');
    await removeTree(away);
  }

  /** The same without a new directory, for which a full disk may have no room. */
  async removeInPlace(names: readonly string[]): Promise<void> {
    this.#step('collect:remove');
    for (const name of names) {
      await removeTree(join(this.layersDir, name));
      await removeTree(this.splitPath(name));
    }
  }

  /** What a layer takes on disk, in blocks, its split included. */
  async measure(name: string): Promise<number> {
    const split = this.splitPath(name);
    return await treeBytes([join(this.layersDir, name), ...(existsSync(split) ? [split] : [])]);
  }

  writeRecord(record: LayerRecord, lastUsedAt: Date): void {
    writeFileAtomically(this.#recordPath(record.name), `${JSON.stringify(record)}\n`, { durable: record.durable });
    this.touch(record.name, lastUsedAt);
  }

  /** The same when it has become known that the layer is on the disk. */
  writeSettled(record: LayerRecord, lastUsedAt: Date): void {
    this.#step('settle:record');
    this.writeRecord(record, lastUsedAt);
  }

  touch(name: string, lastUsedAt: Date): void {
    this.#step('use:touch');
    utimesSync(this.#recordPath(name), lastUsedAt, lastUsedAt);
  }

  #recordPath(name: string): string {
    return join(this.#recordsDir, `${name}.json`);
  }

  #read(path: string): LayerRecord | undefined {
    // A record that cannot be read, as after a power cut, is that of a layer that has to be fetched again.
    try {
      return layerRecordSchema.safeParse(JSON.parse(readFileSync(path, 'utf8'))).data;
    } catch (error) {
      if (error instanceof SyntaxError) return undefined;
      throw error;
    }
  }

  async #emptyTmp(): Promise<void> {
    for (const name of readdirSync(this.#tmpDir)) await removeTree(join(this.#tmpDir, name));
  }

  /** Out of the way at once, then gone. */
  async #discard(path: string): Promise<void> {
    const away = mkdtempSync(join(this.#tmpDir, GONE));
    renameSync(path, join(away, 'root'));
    await removeTree(away);
  }
}

function renameIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (errnoCode(error) !== 'ENOENT') throw error;
  }
}
