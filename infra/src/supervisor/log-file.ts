import { createWriteStream, existsSync, mkdirSync, renameSync, statSync, type WriteStream } from 'node:fs';
import { dirname } from 'node:path';

/** The file and its one predecessor together take twice as much, for each process. */
const MAX_FILE_BYTES = 32 * 1024 * 1024;
/** A disk that does not keep up must not fill the memory. */
const MAX_QUEUED_BYTES = 4 * 1024 * 1024;

/** The lines of one process, as it wrote them. When the file is full it becomes `<file>.1`. */
export class LogFile {
  readonly #file: string;
  #stream: WriteStream;
  #bytes: number;
  #dropped = 0;

  constructor(file: string) {
    this.#file = file;
    mkdirSync(dirname(file), { recursive: true, mode: 0o750 });
    this.#bytes = existsSync(file) ? statSync(file).size : 0;
    this.#stream = this.#open();
  }

  write(line: string): void {
    if (this.#stream.writableLength > MAX_QUEUED_BYTES) {
      this.#dropped += 1;
      return;
    }
    if (this.#dropped > 0) {
      const text = `${JSON.stringify({ level: 'warn', msg: 'log-file.dropped', lines: this.#dropped })}\n`;
      this.#dropped = 0;
      this.#append(text);
    }
    this.#append(`${line}\n`);
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.#stream.end(() => resolve()));
  }

  #append(text: string): void {
    if (this.#bytes > MAX_FILE_BYTES) {
      this.#stream.end();
      renameSync(this.#file, `${this.#file}.1`);
      this.#stream = this.#open();
      this.#bytes = 0;
    }
    this.#bytes += Buffer.byteLength(text);
    this.#stream.write(text);
  }

  #open(): WriteStream {
    const stream = createWriteStream(this.#file, { flags: 'a', mode: 0o640 });
    // A full disk costs log lines, not the platform.
    stream.on('error', () => {
      this.#dropped += 1;
    });
    return stream;
  }
}
