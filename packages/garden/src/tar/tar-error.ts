/** Codes of what a layer's bytes can be refused for. They are GardenError codes too; the unpacker thread uses only these. */
export type TarErrorCode =
  | 'LAYER_TAR_INVALID'
  | 'LAYER_PATH_INVALID'
  | 'LAYER_ENTRY_INVALID'
  | 'LAYER_LIMIT_EXCEEDED'
  | 'LAYER_COMPRESSION_INVALID'
  | 'LAYER_DIGEST_MISMATCH'
  | 'LAYER_DIFF_ID_MISMATCH'
  | 'LAYER_SIZE_MISMATCH'
  | 'LAYER_STORE_FULL'
  | 'LAYER_STORE_FAILED';

/** A layer refused. `details` are plain data: they cross a thread boundary. */
export class TarError extends Error {
  readonly code: TarErrorCode;
  readonly details: Readonly<Record<string, string | number>>;

  constructor(code: TarErrorCode, message: string, details: Readonly<Record<string, string | number>> = {}) {
    super(message);
    this.name = 'TarError';
    this.code = code;
    this.details = details;
  }
}

/** A path for a message: printable, and short. */
export function showPath(path: string): string {
  const short = path.length > 200 ? `${path.slice(0, 200)}…` : path;
  return JSON.stringify(short);
}
