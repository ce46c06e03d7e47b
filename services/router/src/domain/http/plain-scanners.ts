import type { BodyScanner } from './body-scanner.ts';

/** A message without a body. */
export const emptyScanner: BodyScanner = { done: true, payloadBytes: 0, scan: (_, from) => from, finish: () => true };

/** A body of a known length. */
export class LengthScanner implements BodyScanner {
  payloadBytes = 0;
  #left: number;

  constructor(length: number) {
    this.#left = length;
  }

  get done(): boolean {
    return this.#left === 0;
  }

  scan(bytes: Uint8Array, from: number, out: Uint8Array[]): number {
    const end = Math.min(bytes.length, from + this.#left);
    if (end > from) out.push(from === 0 && end === bytes.length ? bytes : bytes.subarray(from, end));
    this.#left -= end - from;
    this.payloadBytes += end - from;
    return end;
  }

  finish(): boolean {
    return this.done;
  }
}

const CRLF = Uint8Array.of(0x0d, 0x0a);
const LAST_CHUNK = Uint8Array.of(0x30, 0x0d, 0x0a, 0x0d, 0x0a);

/** A body that ends with its connection. With `chunk` it goes on as chunks, so that the client can tell its end. */
export class UntilCloseScanner implements BodyScanner {
  payloadBytes = 0;
  done = false;
  readonly #chunk: boolean;

  constructor(options: { readonly chunk: boolean }) {
    this.#chunk = options.chunk;
  }

  scan(bytes: Uint8Array, from: number, out: Uint8Array[]): number {
    const piece = from === 0 ? bytes : bytes.subarray(from);
    if (piece.length === 0) return bytes.length;
    this.payloadBytes += piece.length;
    if (this.#chunk) out.push(sizeLine(piece.length), piece, CRLF);
    else out.push(piece);
    return bytes.length;
  }

  finish(out: Uint8Array[]): boolean {
    if (this.#chunk) out.push(LAST_CHUNK);
    this.done = true;
    return true;
  }
}

function sizeLine(size: number): Uint8Array {
  return Uint8Array.from(`${size.toString(16)}\r\n`, (char) => char.charCodeAt(0));
}
