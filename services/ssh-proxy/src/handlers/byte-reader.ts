import type { Readable } from 'node:stream';

/** Takes lines and runs of bytes out of a stream. */
export class ByteReader {
  readonly #source: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(source: Readable) {
    // What has been read to its end may still be written to.
    this.#source = source.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>;
  }

  /** A line without its newline; undefined at the end. Throws for one that is longer than `most`. */
  async line(most: number): Promise<string | undefined> {
    for (;;) {
      const end = this.#rest.indexOf(10);
      if (end !== -1) return this.#take(end + 1).toString('utf8', 0, end);
      if (this.#rest.length > most) throw new Error('a line is too long');
      if (!(await this.#more())) return undefined;
    }
  }

  /** One to `most` bytes; none at the end. */
  async some(most: number): Promise<Buffer> {
    if (this.#rest.length === 0 && !(await this.#more())) return this.#rest;
    return this.#take(Math.min(most, this.#rest.length));
  }

  /** So many bytes, or fewer at the end. */
  async exactly(length: number): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for (let left = length; left > 0; ) {
      const piece = await this.some(left);
      if (piece.length === 0) break;
      pieces.push(piece);
      left -= piece.length;
    }
    return Buffer.concat(pieces);
  }

  #take(length: number): Buffer {
    const taken = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    return taken;
  }

  async #more(): Promise<boolean> {
    const { value, done } = await this.#source.next();
    if (done === true) return false;
    this.#rest = this.#rest.length === 0 ? value : Buffer.concat([this.#rest, value]);
    return true;
  }
}
