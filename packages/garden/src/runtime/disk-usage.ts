import { lstatSync, readdirSync } from 'node:fs';
import { treeBytes } from '../sys/tree-bytes.ts';

/** Most writable layers have fewer nodes; these are counted at once, for less than a process costs. */
const COUNTED_HERE = 500;

/** Between measurements, or as many times as long as one took: a large tree takes no more than its share. */
const INTERVAL_MS = 30_000;
const REST_FACTOR = 50;

const BLOCK_BYTES = 512;

/** How much a directory tree takes on disk, measured in the background and now and then. */
export class DiskUsage {
  readonly #path: string;
  #bytes = 0;
  #nextAt = 0;
  #measuring: Promise<void> | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** As last measured; has it measured again when that is some time ago. */
  bytes(): number {
    if (performance.now() >= this.#nextAt) void this.measure();
    return this.#bytes;
  }

  /** Never rejects: a tree that is going or gone keeps its last figure. */
  async measure(): Promise<void> {
    this.#measuring ??= this.#measure().finally(() => {
      this.#measuring = undefined;
    });
    await this.#measuring;
  }

  async #measure(): Promise<void> {
    const began = performance.now();
    try {
      this.#bytes = countSmall(this.#path) ?? (await treeBytes([this.#path]));
    } catch {
      // Entries come and go while they are counted, and with the container all of them.
    }
    const took = performance.now() - began;
    this.#nextAt = began + Math.max(INTERVAL_MS, took * REST_FACTOR);
  }
}

/** Undefined when there are too many nodes. */
function countSmall(root: string): number | undefined {
  const seen = new Set<number>();
  const pending: Buffer[] = [Buffer.from(root)];
  let bytes = 0;
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const stats = lstatSync(path);
    if (seen.has(stats.ino)) continue;
    seen.add(stats.ino);
    bytes += stats.blocks * BLOCK_BYTES;
    if (!stats.isDirectory()) continue;
    const parent = Buffer.concat([path, Buffer.from('/')]);
    for (const name of readdirSync(path, { encoding: 'buffer' })) pending.push(Buffer.concat([parent, name]));
    if (seen.size + pending.length > COUNTED_HERE) return undefined;
  }
  return bytes;
}
