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
import { removeTree } from '../sys/remove-tree.ts';
import { type LayerRecord, layerRecordSchema } from './layer-record.ts';

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

  constructor(dir: string) {
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

  /** Makes an unpacked directory a layer. */
  commit(root: string, record: LayerRecord): void {
    renameSync(root, join(this.layersDir, record.name));
    if (record.split !== undefined && 'bytes' in record.split) {
      renameSync(this.newSplit(root), this.splitPath(record.name));
    }
    this.writeRecord(record, new Date());
    rmdirSync(dirname(root));
  }

  writeRecord(record: LayerRecord, lastUsedAt: Date): void {
    writeFileAtomically(this.#recordPath(record.name), `${JSON.stringify(record)}\n`, { durable: record.durable });
    this.touch(record.name, lastUsedAt);
  }

  touch(name: string, lastUsedAt: Date): void {
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
    const away = mkdtempSync(join(this.#tmpDir, 'gone-'));
    renameSync(path, join(away, 'root'));
    await removeTree(away);
  }
}
