import type { TarSink } from './entry.ts';
import { BLOCK_BYTES, isZeroBlock, readHeader } from './header.ts';
import { type Extensions, toEntry } from './header-to-entry.ts';
import type { LayerLimits } from './limits.ts';
import { type PaxRecords, readPaxRecords } from './pax.ts';
import { TarError } from './tar-error.ts';

const NO_PAX: PaxRecords = new Map();
const NO_EXTENSIONS: Extensions = { longName: undefined, longLink: undefined, pax: NO_PAX };

/** Type flags of headers that say something of the next entry, or of none. */
const EXTENSION_FLAGS = new Set(['x', 'g', 'L', 'K', 'V']);

/**
 * Reads a tar archive pushed in pieces of any size and hands its entries to a sink, all within the call. Holds one
 * header and one extended header, never content. Understands v7, ustar, GNU long names and pax; refuses sparse files
 * and multi-volume archives, which layers never are.
 */
export class TarReader {
  readonly #sink: TarSink;
  readonly #limits: Pick<LayerLimits, 'headerBytes'>;
  readonly #literal: (bytes: Uint8Array) => void;
  readonly #block = Buffer.alloc(BLOCK_BYTES);
  #blockFill = 0;
  /** Bytes of content, and then of padding, until the next header. */
  #contentLeft = 0;
  #paddingLeft = 0;
  #inEntry = false;
  /** The extended header being collected. */
  #extension: { readonly flag: string; readonly bytes: Buffer; fill: number } | undefined;
  #pending: Extensions = NO_EXTENSIONS;
  #zeroBlocks = 0;
  #ended = false;

  /** `literal` gets all bytes that the sink does not: headers, padding, and what follows the end marker. */
  constructor(
    sink: TarSink,
    limits: Pick<LayerLimits, 'headerBytes'>,
    literal: (bytes: Uint8Array) => void = (): void => undefined,
  ) {
    this.#sink = sink;
    this.#limits = limits;
    this.#literal = literal;
  }

  push(chunk: Uint8Array): void {
    let at = 0;
    // What follows the end marker is padding of no meaning.
    while (at < chunk.length && !this.#ended) {
      if (this.#contentLeft > 0) at += this.#content(chunk, at);
      else if (this.#paddingLeft > 0) {
        const skip = Math.min(this.#paddingLeft, chunk.length - at);
        this.#literal(chunk.subarray(at, at + skip));
        this.#paddingLeft -= skip;
        at += skip;
      } else at += this.#header(chunk, at);
    }
    if (at < chunk.length) this.#literal(chunk.subarray(at));
  }

  /** To be called after the last piece: an archive that stops in the middle of something is refused. */
  finish(): void {
    if (this.#ended) return;
    const amiss = this.#contentLeft > 0 || this.#blockFill > 0 || this.#pending !== NO_EXTENSIONS;
    // A missing end marker, or missing padding after the last file, is common and harmless.
    if (amiss) throw new TarError('LAYER_TAR_INVALID', 'The tar archive ends in the middle of an entry');
  }

  #content(chunk: Uint8Array, at: number): number {
    const take = Math.min(this.#contentLeft, chunk.length - at);
    const piece = chunk.subarray(at, at + take);
    this.#contentLeft -= take;
    if (this.#extension !== undefined) {
      this.#literal(piece);
      this.#extension.bytes.set(piece, this.#extension.fill);
      this.#extension.fill += take;
      if (this.#contentLeft === 0) this.#endExtension(this.#extension.flag, this.#extension.bytes);
      return take;
    }
    this.#sink.data(piece);
    if (this.#contentLeft === 0) this.#endEntry();
    return take;
  }

  #header(chunk: Uint8Array, at: number): number {
    const take = Math.min(BLOCK_BYTES - this.#blockFill, chunk.length - at);
    const piece = chunk.subarray(at, at + take);
    this.#literal(piece);
    this.#block.set(piece, this.#blockFill);
    this.#blockFill += take;
    if (this.#blockFill < BLOCK_BYTES) return take;
    this.#blockFill = 0;
    if (isZeroBlock(this.#block)) {
      this.#zeroBlocks += 1;
      if (this.#zeroBlocks === 2) this.#end();
      return take;
    }
    if (this.#zeroBlocks > 0) throw new TarError('LAYER_TAR_INVALID', 'The tar archive goes on after a block of zeros');
    this.#beginEntry();
    return take;
  }

  #end(): void {
    if (this.#pending !== NO_EXTENSIONS) {
      throw new TarError('LAYER_TAR_INVALID', 'The tar archive ends with an extended header of nothing');
    }
    this.#ended = true;
  }

  #beginEntry(): void {
    const header = readHeader(this.#block);
    if (EXTENSION_FLAGS.has(header.typeFlag)) {
      if (header.size < 0 || header.size > this.#limits.headerBytes) {
        throw new TarError(
          'LAYER_LIMIT_EXCEEDED',
          `An extended tar header has ${header.size} bytes; the limit is ${this.#limits.headerBytes}`,
          { limit: this.#limits.headerBytes, actual: header.size },
        );
      }
      this.#extension = { flag: header.typeFlag, bytes: Buffer.alloc(header.size), fill: 0 };
      this.#expect(header.size);
      if (header.size === 0) this.#endExtension(header.typeFlag, Buffer.alloc(0));
      return;
    }
    const entry = toEntry(header, this.#pending);
    this.#pending = NO_EXTENSIONS;
    this.#inEntry = true;
    this.#sink.begin(entry);
    this.#expect(entry.size);
    if (entry.size === 0) this.#endEntry();
  }

  #expect(size: number): void {
    this.#contentLeft = size;
    this.#paddingLeft = (BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES;
  }

  #endEntry(): void {
    if (this.#inEntry) this.#sink.end();
    this.#inEntry = false;
  }

  #endExtension(flag: string, bytes: Buffer): void {
    this.#extension = undefined;
    const nul = bytes.indexOf(0);
    const name = bytes.toString('latin1', 0, nul === -1 ? bytes.length : nul);
    if (flag === 'L') this.#pending = { ...this.#pending, longName: name };
    else if (flag === 'K') this.#pending = { ...this.#pending, longLink: name };
    else if (flag === 'x') {
      if (this.#pending.pax !== NO_PAX) {
        throw new TarError('LAYER_TAR_INVALID', 'An entry has two pax headers');
      }
      this.#pending = { ...this.#pending, pax: readPaxRecords(bytes) };
    }
    // Global headers and volume labels say nothing of files; Docker skips them too.
  }
}
