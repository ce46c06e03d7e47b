/** One message of a connection: a number that says of what kind, and its bytes. */
export interface Frame {
  readonly kind: number;
  readonly bytes: Buffer;
}

const HEADER_BYTES = 5;

/** Of a single frame; who has more sends several. */
export const MAX_FRAME_BYTES = 64 * 1024;

/** A frame as it is sent: its kind (0 to 255), its length in four bytes, its bytes. */
export function encodeFrame(kind: number, bytes: Uint8Array | string = ''): Buffer {
  const content = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
  if (content.length > MAX_FRAME_BYTES) throw new RangeError(`a frame of ${content.length} bytes`);
  const frame = Buffer.allocUnsafe(HEADER_BYTES + content.length);
  frame.writeUInt8(kind, 0);
  frame.writeUInt32BE(content.length, 1);
  frame.set(content, HEADER_BYTES);
  return frame;
}

/** Bytes of any length in as many frames as they need. */
export function* encodeFrames(kind: number, bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += MAX_FRAME_BYTES) {
    yield encodeFrame(kind, bytes.subarray(at, at + MAX_FRAME_BYTES));
  }
}

/** Takes frames out of a stream of bytes, however these are cut into pieces. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  /** The frames that are complete now. @throws RangeError for one that is too long */
  push(piece: Buffer): Frame[] {
    let rest = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    const frames: Frame[] = [];
    while (rest.length >= HEADER_BYTES) {
      const length = rest.readUInt32BE(1);
      if (length > MAX_FRAME_BYTES) throw new RangeError(`a frame of ${length} bytes`);
      if (rest.length < HEADER_BYTES + length) break;
      frames.push({ kind: rest.readUInt8(0), bytes: rest.subarray(HEADER_BYTES, HEADER_BYTES + length) });
      rest = rest.subarray(HEADER_BYTES + length);
    }
    this.#rest = rest;
    return frames;
  }
}
