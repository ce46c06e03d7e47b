import { Turns } from '@slipway/service-kit';
import { GardenError } from '../errors.ts';
import { type SlowLimits, SlowWatch } from './slow-watch.ts';

/** What a download has while it is under way. */
export interface DownloadPlace {
  /** Aborts when the download is to end. */
  readonly signal: AbortSignal;
  /** Watches how fast a source is; to be asked for each source. */
  watch(bytes: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>;
}

/** A source below this is slow: by far the most of what a place is held for is waiting. */
const SLOW: SlowLimits = { stallMs: 10_000, bytesPerStall: 10 * 256 * 1024 };
/** Downloads that go on beside the others without a place; each has a thread that mostly sleeps. */
const SLOW_SEATS = { all: 8, ofOne: 4 };

/**
 * Places for downloads, by turns of whom they are for. Whoever pushes an app chooses its registry, which may send as
 * slowly as it likes: a slow download gives its place to the next and goes on beside the others, as many as there are
 * seats for. One without a seat fails when somebody else waits for its place.
 */
export class DownloadPlaces {
  readonly #turns: Turns;
  readonly #slow: SlowLimits;
  readonly #seated = new Map<string, number>();

  constructor(places: number, slow: SlowLimits = SLOW) {
    this.#turns = new Turns({ places, perKey: places });
    this.#slow = slow;
  }

  /** @throws GardenError LAYER_FETCH_FAILED when its place was given away; what `work` throws; the signal's reason */
  async run<T>(tenant: string, signal: AbortSignal, work: (place: DownloadPlace) => Promise<T>): Promise<T> {
    return await this.#turns.run({
      key: tenant,
      signal,
      work: async (turn) => {
        const ended = new AbortController();
        let seated = false;
        const slowed = (): void => {
          if (seated || ended.signal.aborted) return;
          seated = this.#sit(tenant);
          if (seated) turn.leave();
          else if (turn.wanted) ended.abort(tooSlow(this.#slow));
        };
        try {
          return await work({
            signal: AbortSignal.any([signal, ended.signal]),
            watch: (bytes) => watched(bytes, this.#slow, slowed),
          });
        } catch (error) {
          ended.signal.throwIfAborted();
          throw error;
        } finally {
          if (seated) this.#rise(tenant);
        }
      },
    });
  }

  #sit(tenant: string): boolean {
    const own = this.#seated.get(tenant) ?? 0;
    const all = [...this.#seated.values()].reduce((sum, count) => sum + count, 0);
    if (own >= SLOW_SEATS.ofOne || all >= SLOW_SEATS.all) return false;
    this.#seated.set(tenant, own + 1);
    return true;
  }

  #rise(tenant: string): void {
    const own = (this.#seated.get(tenant) ?? 0) - 1;
    if (own > 0) this.#seated.set(tenant, own);
    else this.#seated.delete(tenant);
  }
}

/** Calls `slowed` as often as the source turns out slow, also while nothing comes. */
async function* watched(
  bytes: AsyncIterable<Uint8Array>,
  limits: SlowLimits,
  slowed: () => void,
): AsyncGenerator<Uint8Array> {
  const watch = new SlowWatch(limits);
  let askedAt = Date.now();
  let asking = true;
  const tell = (arrived: number): void => {
    const now = Date.now();
    const slow = watch.arrived(arrived, now - askedAt);
    askedAt = now;
    if (slow) slowed();
  };
  const timer = setInterval(() => {
    if (asking) tell(0);
  }, limits.stallMs);
  try {
    for await (const piece of bytes) {
      tell(piece.length);
      // The time that the unpacker takes is not the source's.
      asking = false;
      yield piece;
      asking = true;
      askedAt = Date.now();
    }
  } finally {
    clearInterval(timer);
  }
}

function tooSlow({ stallMs, bytesPerStall }: SlowLimits): GardenError {
  const rate = Math.round(bytesPerStall / stallMs / 1.024);
  const message = `The layer came at less than ${rate} KiB/s, while others waited for its place and ${SLOW_SEATS.ofOne} slow downloads of the same organization went on already`;
  return new GardenError('LAYER_FETCH_FAILED', 'layers', message);
}
