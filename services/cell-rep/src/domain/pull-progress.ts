/** One layer's part of a pull. */
export interface LayerPull {
  readonly digest: string;
  /** `cached` and `ready`: nothing is left to do. */
  readonly state: 'cached' | 'waiting' | 'downloading' | 'ready';
  /** What has come, of `size`. */
  readonly bytes: number;
  readonly size: number;
}

const EVERY_MS = 5_000;

/** What the user reads of a pull: how much there is to download, how far it is, how long it took. Nothing when all is cached. */
export class PullProgress {
  readonly #layers = new Map<string, LayerPull>();
  readonly #startedAt: number;
  #toldAt: number | undefined;

  constructor(now: number) {
    this.#startedAt = now;
  }

  /** The line that is due, to be followed by "for instance". */
  note(layer: LayerPull, now: number): string | undefined {
    this.#layers.set(layer.digest, layer);
    if (layer.state !== 'downloading') return undefined;
    if (this.#toldAt === undefined) {
      this.#toldAt = now;
      const { count, size } = this.#missing();
      return `downloading ${layersOf(count)}, ${megabytes(size)}`;
    }
    if (now - this.#toldAt < EVERY_MS) return undefined;
    this.#toldAt = now;
    const { bytes, size } = this.#missing();
    return `downloaded ${megabytes(bytes)} of ${megabytes(size)}`;
  }

  /** The line after the pull. */
  end(now: number): string | undefined {
    if (this.#toldAt === undefined) return undefined;
    const { count, size } = this.#missing();
    return `downloaded ${layersOf(count)}, ${megabytes(size)}, in ${((now - this.#startedAt) / 1_000).toFixed(1)} s`;
  }

  #missing(): { readonly count: number; readonly bytes: number; readonly size: number } {
    let [count, bytes, size] = [0, 0, 0];
    for (const layer of this.#layers.values()) {
      if (layer.state === 'cached') continue;
      count++;
      bytes += layer.bytes;
      size += layer.size;
    }
    return { count, bytes, size };
  }
}

function layersOf(count: number): string {
  return `${count} layer${count === 1 ? '' : 's'}`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}
