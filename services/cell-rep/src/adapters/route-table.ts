import { type Bus, type RouteRegistrar, startRouteRegistrar } from '@slipway/bus';
import type { RouterRegister } from '@slipway/contracts';
import { routesGone } from '../domain/routes.ts';

// route-emitter repeats an unregistration, for core NATS may lose it and the address may soon be another's. Routers
// forget by themselves after 120 s.
const REPEAT_INTERVAL_MS = 10_000;
const REPEAT_FOR_MS = 150_000;

interface Gone {
  readonly message: RouterRegister;
  until: number;
}

/** The routes of this cell's instances, registered as long as they stand here, and unregistered until it is sure. */
export class RouteTable {
  readonly #routes = new Map<string, readonly RouterRegister[]>();
  #gone: Gone[] = [];
  #bus: Bus | undefined;
  #registrar: RouteRegistrar | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopListening: () => void = () => undefined;

  attach(bus: Bus): void {
    this.#bus = bus;
    this.#registrar = startRouteRegistrar(bus, () => [...this.#routes.values()].flat());
    this.#timer = setInterval(() => this.#repeatGone(), REPEAT_INTERVAL_MS);
    this.#stopListening = bus.onReset(() => {
      // What was sent into a lost connection reached nobody.
      for (const gone of this.#gone) gone.until = performance.now() + REPEAT_FOR_MS;
      this.#repeatGone();
    });
  }

  /** Registers what is new at once, and takes back what is no longer there. */
  set(instanceGuid: string, routes: readonly RouterRegister[]): void {
    const before = this.#routes.get(instanceGuid) ?? [];
    if (routes.length === 0) this.#routes.delete(instanceGuid);
    else this.#routes.set(instanceGuid, routes);
    const gone = routesGone(before, routes);
    const until = performance.now() + REPEAT_FOR_MS;
    this.#gone.push(...gone.map((message) => ({ message, until })));
    this.#registrar?.unregister(this.#stillGone(gone));
    this.#registrar?.register(routes);
  }

  get size(): number {
    return [...this.#routes.values()].reduce((sum, routes) => sum + routes.length, 0);
  }

  /** Stops repeating; what is registered stays so until the routers' own time is over. */
  close(): void {
    clearInterval(this.#timer);
    this.#stopListening();
    this.#registrar?.stop();
  }

  #repeatGone(): void {
    if (this.#bus?.connected !== true) return;
    const now = performance.now();
    this.#gone = this.#gone.filter(({ until }) => until > now);
    const still = new Set(this.#stillGone(this.#gone.map(({ message }) => message)));
    this.#gone = this.#gone.filter(({ message }) => still.has(message));
    this.#registrar?.unregister([...still]);
  }

  /** Another instance may have got the address, port and route meanwhile. */
  #stillGone(messages: readonly RouterRegister[]): RouterRegister[] {
    return messages.length === 0 ? [] : routesGone(messages, [...this.#routes.values()].flat());
  }
}
