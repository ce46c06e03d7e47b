import type { OciErrorCode } from '../errors.ts';
import { evictOldest } from './evict-oldest.ts';
import type { RegistryError } from './registry-error.ts';

/** Long enough for a pull of many layers to find a dead mirror once, short enough to notice that it is back. */
const REST_MS = 60_000;
/** However long a mirror asks to be left alone, it is asked again after this. */
const MAX_REST_MS = 10 * 60_000;
const MAX_RESTS = 1_000;

/**
 * Faults that documents have by themselves, wherever they come from: whoever pushes such an image must not keep everybody
 * else from the mirror.
 */
const OF_DOCUMENTS: ReadonlySet<OciErrorCode> = new Set([
  'SIZE_MISMATCH',
  'DOCUMENT_TOO_LARGE',
  'DOCUMENT_MALFORMED',
  'DOCUMENT_AMBIGUOUS',
  'MEDIA_TYPE_MISMATCH',
  'MEDIA_TYPE_UNSUPPORTED',
  'SCHEMA1_UNSUPPORTED',
  'NOT_AN_IMAGE',
  'LAYER_COUNT_MISMATCH',
]);

/** Mirrors that failed a moment ago and are not asked for a while, so that each request does not wait for them anew. */
export class MirrorRests {
  readonly #now: () => number;
  readonly #rests = new Map<string, { readonly since: number; readonly until: number; readonly why: string }>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Takes note of a failure. One of the thing asked for (404, no access, a bad manifest) says nothing of the mirror. */
  failed(mirror: string, error: RegistryError): void {
    if (error.status !== undefined && error.status < 500 && !error.transient) return;
    if (error.phase !== 'blob' && OF_DOCUMENTS.has(error.code)) return;
    const since = this.#now();
    const until = since + Math.min(Math.max(error.retryAfterMs ?? 0, REST_MS), MAX_REST_MS);
    this.#rests.delete(mirror);
    this.#rests.set(mirror, { since, until, why: error.detail });
    evictOldest(this.#rests, MAX_RESTS);
  }

  /** Why a mirror is not asked now, in words; undefined when it may be. */
  reason(mirror: string): string | undefined {
    const rest = this.#rests.get(mirror);
    if (rest === undefined || this.#now() >= rest.until) return undefined;
    return `${Math.round((this.#now() - rest.since) / 1000)} s ago: ${rest.why}`;
  }

  /** Its settings may have been what was wrong. */
  forget(): void {
    this.#rests.clear();
  }
}
