/** Follows a body through the byte stream of a connection, finds its end, and passes its bytes on. */
export interface BodyScanner {
  /** The body's last byte was seen; nothing more must be scanned. */
  readonly done: boolean;
  /** Body bytes seen so far, without chunk framing. */
  readonly payloadBytes: number;
  /**
   * Reads `bytes` from index `from`, appends to `out` what is to be sent to the other side (mostly views of `bytes`), and
   * returns the index of the first byte that is not part of the body, or -1 when the body is malformed.
   */
  scan(bytes: Uint8Array, from: number, out: Uint8Array[]): number;
  /** The connection ended. True when that completes the body; what is left to send is appended to `out`. */
  finish(out: Uint8Array[]): boolean;
}
