import { untilAborted } from './deadline.ts';

interface Flight<T> {
  readonly result: Promise<T>;
  readonly controller: AbortController;
  readonly listeners: Set<(text: string) => void>;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  waiting: number;
}

/** One who wants a result that others may want as well. */
export interface FlightPassenger {
  readonly signal: AbortSignal | undefined;
  /** Told what happens, whoever began it. */
  readonly onStep: (text: string) => void;
  /** Told at once when another has begun the work. */
  readonly onJoin?: () => void;
  /** In milliseconds since 1970: work that began before will not do. Default: any that is under way. */
  readonly notBefore?: number | undefined;
}

export interface FlightResult<T> {
  readonly value: T;
  /** Milliseconds since 1970 when the work began. */
  readonly startedAt: number;
}

/** Work that is done once for all who want it at the same time. It ends when the last of them gives up. */
export class SharedFlights<T> {
  readonly #flights = new Map<string, Flight<T>>();

  /** @throws what the work throws, to all alike; the signal's reason to the one who gave up */
  async join(
    key: string,
    { signal, onStep, onJoin, notBefore = 0 }: FlightPassenger,
    work: (signal: AbortSignal, onStep: (text: string) => void) => Promise<T>,
  ): Promise<FlightResult<T>> {
    signal?.throwIfAborted();
    const known = this.#flights.get(key);
    const joined = known !== undefined && known.startedAt >= notBefore && !known.controller.signal.aborted;
    if (joined) onJoin?.();
    const flight = joined ? known : this.#begin(key, work);
    // Each caller has a listener of its own, also when two gave the same function.
    const listener = (text: string): void => onStep(text);
    flight.waiting += 1;
    flight.listeners.add(listener);
    try {
      return { value: await untilAborted(flight.result, signal), startedAt: flight.startedAt };
    } finally {
      flight.listeners.delete(listener);
      flight.waiting -= 1;
      if (flight.waiting === 0) {
        flight.controller.abort();
        if (this.#flights.get(key) === flight) this.#flights.delete(key);
      }
    }
  }

  #begin(key: string, work: (signal: AbortSignal, onStep: (text: string) => void) => Promise<T>): Flight<T> {
    const controller = new AbortController();
    const listeners = new Set<(text: string) => void>();
    const startedAt = Date.now();
    // Begun a moment later, so that the one who began it hears the first step.
    const result = Promise.resolve().then(() =>
      work(controller.signal, (text) => {
        for (const listener of listeners) listener(text);
      }),
    );
    const flight = { result, controller, listeners, startedAt, waiting: 0 };
    this.#flights.set(key, flight);
    const land = (): void => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key);
    };
    result.then(land, land);
    return flight;
  }
}
