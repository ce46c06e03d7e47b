import { OciError, type OciErrorCode } from '../errors.ts';

/** The step during which a registry was asked. */
export type RegistryPhase =
  | 'authentication'
  | 'resolve'
  | 'manifest'
  | 'platform'
  | 'config'
  | 'policy'
  | 'blob'
  | 'copy';

/** Who is asked for what, in the words of the error and of the log. */
export interface Ask {
  readonly phase: RegistryPhase;
  /** As in the reference: `docker.io`, `localhost:5000`. */
  readonly registry: string;
  /** `manifest library/nginx:latest`. */
  readonly what: string;
}

export interface RegistryErrorOptions {
  readonly url?: URL | undefined;
  readonly status?: number | undefined;
  /** What the registry asked to wait. */
  readonly retryAfterMs?: number | undefined;
  /** Asking again may help. */
  readonly transient?: boolean;
  readonly cause?: unknown;
  readonly details?: Readonly<Record<string, unknown>>;
}

/**
 * What went wrong between Slipway and a registry. The message says which phase failed, what was asked of which registry,
 * and what came of it. Neither it nor any field holds a password, a token or a signed URL's query.
 */
export class RegistryError extends OciError {
  readonly phase: RegistryPhase;
  readonly registry: string;
  readonly asked: string;
  /** What the registry answered, or what was wrong with the answer. */
  readonly detail: string;
  /** Without user info and query. */
  readonly url: string | undefined;
  readonly status: number | undefined;
  readonly retryAfterMs: number | undefined;
  /** Asking again later may help. */
  readonly transient: boolean;

  constructor(code: OciErrorCode, ask: Ask, detail: string, options: RegistryErrorOptions = {}) {
    super(code, `${ask.phase}: asked ${ask.registry} for ${ask.what}: ${detail}`, {
      cause: options.cause,
      details: options.details ?? {},
    });
    this.phase = ask.phase;
    this.registry = ask.registry;
    this.asked = ask.what;
    this.detail = detail;
    this.url = options.url === undefined ? undefined : printableUrl(options.url);
    this.status = options.status;
    this.retryAfterMs = options.retryAfterMs;
    this.transient = options.transient ?? false;
  }
}

/** Gives an error of the image itself (a digest, a document) its place: who was asked for it. */
export function placeError(error: unknown, ask: Ask, url?: URL): unknown {
  if (error instanceof OciError && !(error instanceof RegistryError)) {
    return new RegistryError(error.code, ask, error.message, { url, cause: error, details: error.details });
  }
  return error;
}

/** Queries hold signatures of object stores, and user info holds passwords. */
export function printableUrl(url: URL): string {
  return `${url.origin}${url.pathname}`;
}
