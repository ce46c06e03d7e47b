import { type FileTime, setModifiedTime } from '../sys/files.ts';
import type { LayerPath } from '../tar/layer-path.ts';
import { TarError } from '../tar/tar-error.ts';
import { pathBytes } from './layer-tree.ts';

/** Modification times of directories, to be set when nothing changes them any more. Their memory is bounded. */
export class DirectoryTimes {
  readonly #times = new Map<string, FileTime>();
  readonly #limit: number;
  #spent = 0;

  constructor(limitBytes: number) {
    this.#limit = limitBytes;
  }

  note(path: LayerPath, time: FileTime): void {
    const name = path.join('/');
    if (!this.#times.has(name)) this.spend(name.length);
    this.#times.set(name, time);
  }

  /** Counts names kept elsewhere against the same limit. */
  spend(bytes: number): void {
    this.#spent += bytes;
    if (this.#spent <= this.#limit) return;
    throw new TarError(
      'LAYER_LIMIT_EXCEEDED',
      `The names of the layer's directories have more than the limit of ${this.#limit} bytes`,
      { limit: this.#limit },
    );
  }

  /** Sets them all, but for paths that are no longer directories. */
  apply(isDirectory: (path: Buffer) => boolean): void {
    for (const [name, time] of this.#times) {
      const path = pathBytes(name === '' ? [] : [name]);
      if (isDirectory(path)) setModifiedTime(path, time);
    }
  }
}
