/** How long to wait for what, in milliseconds. */
export interface Deadlines {
  /** TCP and TLS. */
  readonly connectMs: number;
  /** From the request to the end of the answer's headers. */
  readonly headersMs: number;
  /** From the last byte of an upload that the registry took to its answer: it may hash or move what it got. */
  readonly commitMs: number;
  /** Between two pieces of a body. */
  readonly bodyIdleMs: number;
  /** For a manifest, config or token in all, however steadily it drips in. */
  readonly documentMs: number;
  /** For telling whether a loopback registry speaks TLS. */
  readonly probeMs: number;
  /** How long a blob may stay below `minBytesPerSecond`. */
  readonly blobGraceMs: number;
  /** A blob slower than this is given up: at this rate a layer of 100 MB would take seven hours. */
  readonly minBytesPerSecond: number;
}

export const defaultDeadlines: Deadlines = {
  connectMs: 10_000,
  headersMs: 30_000,
  commitMs: 300_000,
  bodyIdleMs: 30_000,
  documentMs: 60_000,
  probeMs: 2_000,
  blobGraceMs: 60_000,
  minBytesPerSecond: 4_096,
};

/** How often and how patiently to ask again. */
export interface RetryPolicy {
  /** In all, the first included. Diego's builder makes four (`MAX_DOCKER_RETRIES`), without a pause. */
  readonly attempts: number;
  /** How many of them may end in silence. Each lasts a whole deadline, and a registry that is silent mostly stays so. */
  readonly timeouts: number;
  /** The first pause is at most this long; each further one may be twice as long. */
  readonly baseMs: number;
  readonly capMs: number;
  /** A registry that asks for a longer pause (Retry-After) is not asked again; the error tells what it wanted. */
  readonly maxRetryAfterMs: number;
}

export const defaultRetries: RetryPolicy = {
  attempts: 4,
  timeouts: 2,
  baseMs: 250,
  capMs: 8_000,
  maxRetryAfterMs: 60_000,
};

/** containers/image reads no larger tokens (`internal/iolimits`); real ones have a few kilobytes. */
export const MAX_TOKEN_BYTES: number = 1024 * 1024;
/** Of an error's body only the first message is shown. */
export const MAX_ERROR_BYTES: number = 64 * 1024;
/** distribution-spec sets no limit; curl and Go follow 10 at most, and no registry needs more than two. */
export const MAX_REDIRECTS = 5;
/**
 * A download that is broken off after less than this has brought nothing: after as many in a row as there are attempts,
 * the blob is given up. So neither a flaky line nor a hostile registry has it resumed for ever: each further resumption
 * takes a mebibyte.
 */
export const MIN_RESUME_BYTES: number = 1024 * 1024;
