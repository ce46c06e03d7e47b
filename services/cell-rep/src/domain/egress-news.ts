/** A connection that an app tried to open. */
export interface EgressAttempt {
  readonly verdict: 'accepted' | 'refused';
  readonly protocol: string;
  readonly destination: string;
  readonly port: number | undefined;
}

/** An app that tries again and again is told once in so long. */
const REPEAT_MS = 60_000;
/** Destinations of one instance that are remembered. */
const REMEMBERED = 200;

/**
 * What an instance's log says of the connections that it tries. Refused ones once in a minute for each destination;
 * accepted ones each time, for somebody asked for them.
 */
export class EgressNews {
  readonly #told = new Map<string, Map<string, number>>();

  /** `now`: milliseconds of a monotonic clock. Undefined: nothing. */
  say(instance: string, { verdict, protocol, destination, port }: EgressAttempt, now: number): string | undefined {
    const to = `${protocol} ${destination}${port === undefined ? '' : `:${port}`}`;
    if (verdict === 'accepted') return `let a connection to ${to} pass for instance`;
    const told = this.#told.get(instance) ?? new Map<string, number>();
    this.#told.set(instance, told);
    const last = told.get(to);
    if (last !== undefined && now - last < REPEAT_MS) return undefined;
    told.delete(to);
    if (told.size >= REMEMBERED) told.delete(told.keys().next().value ?? '');
    told.set(to, now);
    return `refused a connection to ${to} of instance`;
  }

  /** Of instances that are gone nothing is remembered. */
  keep(instances: { has(instance: string): boolean }): void {
    for (const instance of this.#told.keys()) if (!instances.has(instance)) this.#told.delete(instance);
  }
}
