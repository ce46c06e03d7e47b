import { type FlightPassenger, SharedFlights } from './shared-flight.ts';

/** A manifest, index or config as a registry sent it, verified by whoever fetched it. */
export interface SharedDocument {
  readonly body: Buffer;
  readonly contentType: string | undefined;
  /** The Link header, which names the next page of a list. */
  readonly link: string | undefined;
  readonly url: URL;
}

export interface DocumentCacheOptions {
  /** Of all documents together; those used last stay. */
  readonly maxBytes: number;
}

interface Kept {
  readonly document: SharedDocument;
  /** Milliseconds since 1970 when the request for it was begun. */
  readonly askedAt: number;
}

/** What a map entry and its key take besides the body, roughly. */
const OVERHEAD_BYTES = 1_024;
/** Should the clocks of two machines be far apart, a tag that was looked at longer ago is looked at again all the same. */
const MAX_TAG_AGE_MS = 120_000;

/**
 * Documents that several builds want are asked for once. A key holds whose credentials read which repository, so nobody
 * gets what his own credentials have not read.
 *
 * What a digest names never changes and is kept while there is room. What a build begins with (a tag, or a digest that
 * the user named) shows what the tag means now, and that the repository may still be read: it is shared only when it was
 * asked for after the build had been requested, so that no build sees anything older than itself.
 */
export class DocumentCache {
  readonly #maxBytes: number;
  readonly #flights = new SharedFlights<SharedDocument>();
  /** Least recently used first. */
  readonly #kept = new Map<string, Kept>();
  #bytes = 0;

  constructor({ maxBytes }: DocumentCacheOptions) {
    this.#maxBytes = maxBytes;
  }

  /** For metrics. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * `owner` tells repositories and credentials apart, `path` is what is asked for. `freshSince` (milliseconds since 1970):
   * only what was asked for then or later will do; undefined: a digest names it, and it does not change.
   *
   * `fetch` gives verified documents only, and tells its steps to all who wait.
   */
  async get(
    owner: string,
    path: string,
    freshSince: number | undefined,
    { onKept, ...passenger }: Omit<FlightPassenger, 'notBefore'> & { readonly onKept: () => void },
    fetch: (signal: AbortSignal, onStep: (text: string) => void) => Promise<SharedDocument>,
  ): Promise<SharedDocument> {
    const key = `${owner} ${path}`;
    const known = this.#find(key, freshSince);
    if (known !== undefined) {
      onKept();
      return known;
    }
    const { value, startedAt } = await this.#flights.join(key, { ...passenger, notBefore: freshSince }, fetch);
    this.#keep(key, { document: value, askedAt: startedAt });
    return value;
  }

  #find(key: string, freshSince: number | undefined): SharedDocument | undefined {
    const kept = this.#kept.get(key);
    if (kept === undefined) return undefined;
    const age = Date.now() - kept.askedAt;
    if (freshSince !== undefined && (kept.askedAt < freshSince || age < 0 || age > MAX_TAG_AGE_MS)) return undefined;
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    return kept.document;
  }

  #keep(key: string, entry: Kept): void {
    const before = this.#kept.get(key);
    // Those who shared a request keep its answer once; a later one stays.
    if (before !== undefined && before.askedAt >= entry.askedAt) return;
    this.#drop(key);
    // A small body is a piece of a larger buffer, which it would keep in memory as a whole.
    const body = Buffer.allocUnsafeSlow(entry.document.body.length);
    entry.document.body.copy(body);
    this.#kept.set(key, { ...entry, document: { ...entry.document, body } });
    this.#bytes += sizeOf(key, entry);
    for (const oldest of this.#kept.keys()) {
      if (this.#bytes <= this.#maxBytes) break;
      this.#drop(oldest);
    }
  }

  #drop(key: string): void {
    const entry = this.#kept.get(key);
    if (entry === undefined) return;
    this.#kept.delete(key);
    this.#bytes -= sizeOf(key, entry);
  }
}

function sizeOf(key: string, { document }: Kept): number {
  return document.body.length + key.length + OVERHEAD_BYTES;
}
