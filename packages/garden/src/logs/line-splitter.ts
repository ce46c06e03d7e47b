/** Longest line of an envelope; longer ones come in pieces. Cloud Foundry's figure (executor, log_streamer). */
export const MAX_LINE_BYTES = 61_440;

const NEWLINE = 0x0a;
const RETURN = 0x0d;

/**
 * Cuts a stream of bytes into lines at `\n` and `\r`, without the ends; empty lines are left out. Holds at most one
 * unfinished line, of at most MAX_LINE_BYTES.
 */
export class LineSplitter {
  #rest: Buffer = Buffer.alloc(0);

  /** The lines that these bytes complete. They may share memory with `chunk`. */
  push(chunk: Buffer): Buffer[] {
    const lines: Buffer[] = [];
    let start = 0;
    for (let i = 0; i < chunk.length; i += 1) {
      const byte = chunk[i];
      if (byte !== NEWLINE && byte !== RETURN) continue;
      this.#add(chunk.subarray(start, i), lines);
      this.#complete(lines);
      start = i + 1;
    }
    this.#add(chunk.subarray(start), lines);
    return lines;
  }

  /** What was left unfinished when the stream ended. */
  flush(): Buffer[] {
    const lines: Buffer[] = [];
    this.#complete(lines);
    return lines;
  }

  #add(bytes: Buffer, lines: Buffer[]): void {
    let left = bytes;
    while (this.#rest.length + left.length > MAX_LINE_BYTES) {
      const take = MAX_LINE_BYTES - this.#rest.length;
      lines.push(Buffer.concat([this.#rest, left.subarray(0, take)]));
      this.#rest = Buffer.alloc(0);
      left = left.subarray(take);
    }
    if (left.length === 0) return;
    this.#rest = this.#rest.length === 0 ? left : Buffer.concat([this.#rest, left]);
  }

  #complete(lines: Buffer[]): void {
    if (this.#rest.length > 0) lines.push(this.#rest);
    this.#rest = Buffer.alloc(0);
  }
}
