import { lstatSync, readdirSync } from 'node:fs';
import type { DiskLimitKind } from '../disk/container-disks.ts';
import { usedBytes } from '../disk/used-bytes.ts';
import { treeBytes } from '../sys/tree-bytes.ts';
import type { ContainerPaths } from './cell-paths.ts';

/** Most writable layers have fewer nodes; these are counted at once, for less than a process costs. */
const COUNTED_HERE = 500;

/** Between measurements, or as many times as long as one took: a large tree takes no more than its share. */
const INTERVAL_MS = 30_000;
const REST_FACTOR = 50;

const BLOCK_BYTES = 512;

/**
 * How much a container's own files take on disk: where something limits them the kernel knows the sum; elsewhere files
 * are counted, in the background and now and then.
 */
export class DiskUsage {
  readonly #paths: ContainerPaths;
  readonly #kind: DiskLimitKind;
  #bytes = 0;
  #nextAt = 0;
  #measuring: Promise<void> | undefined;

  constructor(paths: ContainerPaths, kind: DiskLimitKind) {
    this.#paths = paths;
    this.#kind = kind;
  }

  /** As it is now, or where files have to be counted as last measured; it is then measured again from time to time. */
  bytes(): number {
    if (this.#kind !== 'none') this.#ask();
    else if (performance.now() >= this.#nextAt) void this.measure();
    return this.#bytes;
  }

  /** Never rejects: a tree that is going or gone keeps its last figure. */
  async measure(): Promise<void> {
    if (this.#kind !== 'none') {
      this.#ask();
      return;
    }
    this.#measuring ??= this.#measure().finally(() => {
      this.#measuring = undefined;
    });
    await this.#measuring;
  }

  #ask(): void {
    try {
      this.#bytes = usedBytes(this.#kind, this.#paths) ?? this.#bytes;
    } catch {
      // It is going or gone.
    }
  }

  async #measure(): Promise<void> {
    const began = performance.now();
    const { upperDir } = this.#paths;
    try {
      this.#bytes = countSmall(upperDir) ?? (await treeBytes([upperDir]));
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
