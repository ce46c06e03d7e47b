import type { BodyScanner } from './body-scanner.ts';
import { fieldValueChars } from './char-classes.ts';
import { TrailerReader } from './trailer-reader.ts';

const CR = 0x0d;
const LF = 0x0a;
const SEMICOLON = 0x3b;
/** More hex digits than a size of 2^52 needs, with room for the zeros that some servers pad with. */
const MAX_SIZE_DIGITS = 16;
/** Chunk extensions mean nothing to anyone; longer ones than this are an attack. */
const MAX_EXTENSION_BYTES = 1024;
const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const PART = `${TOKEN}(=(${TOKEN}|"([^"\\\\]|\\\\.)*"))?`;
/**
 * RFC 9112 7.1.1, after the first semicolon, without the white space that it lets recipients tolerate. Quotes must match:
 * another parser may look for the line's end behind them.
 */
const EXTENSION = new RegExp(`^${PART}(;${PART})*$`);

const State = {
  size: 0,
  extension: 1,
  sizeLf: 2,
  data: 3,
  dataCr: 4,
  dataLf: 5,
  trailer: 6,
  done: 7,
  fault: 8,
} as const;
type State = (typeof State)[keyof typeof State];

/**
 * Follows a chunked body (RFC 9112 7.1) and passes it on. Chunk extensions are cut out and trailers rewritten; the rest
 * goes on byte for byte, or, with `decode`, the payload alone. Strict: lines end with CRLF, sizes are hex digits without
 * sign or space, because here, too, two readings smuggle requests.
 */
export class ChunkedScanner implements BodyScanner {
  payloadBytes = 0;
  readonly #decode: boolean;
  readonly #trailers: TrailerReader;
  #state: State = State.size;
  #left = 0;
  #digits = 0;
  #extension: number[] = [];

  constructor(options: { readonly decode: boolean; readonly maxTrailerBytes: number; readonly maxFields: number }) {
    this.#decode = options.decode;
    this.#trailers = new TrailerReader(options.maxTrailerBytes, options.maxFields);
  }

  get done(): boolean {
    return this.#state === State.done;
  }

  scan(bytes: Uint8Array, from: number, out: Uint8Array[]): number {
    const end = bytes.length;
    let at = from;
    // bytes[kept, at) is to be passed on and was not yet; -1 when there is nothing.
    let kept = this.#decode || this.#state === State.extension || this.#state >= State.trailer ? -1 : from;
    const flush = (to: number): void => {
      if (kept >= 0 && to > kept) out.push(bytes.subarray(kept, to));
      kept = -1;
    };
    while (at < end) {
      const byte = bytes[at] as number;
      switch (this.#state) {
        case State.size: {
          const digit = hexValue(byte);
          if (digit >= 0) {
            if (++this.#digits > MAX_SIZE_DIGITS) return this.#fail();
            this.#left = this.#left * 16 + digit;
            if (this.#left > Number.MAX_SAFE_INTEGER) return this.#fail();
          } else if (this.#digits === 0) return this.#fail();
          else if (byte === CR) this.#state = State.sizeLf;
          else if (byte === SEMICOLON) {
            flush(at);
            this.#extension = [];
            this.#state = State.extension;
          } else return this.#fail();
          at++;
          break;
        }
        case State.extension:
          if (byte === CR) {
            if (!EXTENSION.test(String.fromCharCode(...this.#extension))) return this.#fail();
            this.#state = State.sizeLf;
            if (!this.#decode) kept = at;
          } else if (fieldValueChars[byte] === 1 && this.#extension.length < MAX_EXTENSION_BYTES) {
            this.#extension.push(byte);
          } else return this.#fail();
          at++;
          break;
        case State.sizeLf:
          if (byte !== LF) return this.#fail();
          at++;
          this.#digits = 0;
          this.#state = this.#left === 0 ? State.trailer : State.data;
          if (this.#state === State.trailer) flush(at);
          else if (this.#decode) kept = at;
          break;
        case State.data: {
          const taken = Math.min(this.#left, end - at);
          if (this.#decode && kept < 0) kept = at;
          at += taken;
          this.#left -= taken;
          this.payloadBytes += taken;
          if (this.#left === 0) {
            this.#state = State.dataCr;
            if (this.#decode) flush(at);
          }
          break;
        }
        case State.dataCr:
          if (byte !== CR) return this.#fail();
          this.#state = State.dataLf;
          at++;
          break;
        case State.dataLf:
          if (byte !== LF) return this.#fail();
          this.#state = State.size;
          at++;
          break;
        case State.trailer: {
          at = this.#trailers.read(bytes, at);
          if (at < 0) return this.#fail();
          const section = this.#trailers.section;
          if (section === undefined) break;
          if (!this.#decode) out.push(section);
          this.#state = State.done;
          return at;
        }
        default:
          return this.#state === State.done ? at : -1;
      }
    }
    flush(at);
    return at;
  }

  finish(): boolean {
    return this.done;
  }

  #fail(): -1 {
    this.#state = State.fault;
    return -1;
  }
}

function hexValue(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
