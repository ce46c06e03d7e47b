import { decideStart, type StartGateSettings } from '../domain/start-gate.ts';

export interface StartGateOptions extends StartGateSettings {
  readonly hasRequiredRoutes: () => boolean;
  /** Monotonic ms. */
  readonly now: () => number;
}

/** Holds the listener back until the table has settled; see `decideStart`. */
export class StartGate {
  readonly #options: StartGateOptions;
  readonly #startedAt: number;
  #lastNewAt: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #open: (() => void) | undefined;
  #isStopped = false;

  /** The wait begins now. */
  constructor(options: StartGateOptions) {
    this.#options = options;
    this.#startedAt = options.now();
  }

  /** A route came that was not known. */
  noteNew(): void {
    this.#lastNewAt = this.#options.now();
    this.#look();
  }

  /** Resolves when the listener may open. */
  async opened(): Promise<void> {
    if (this.#isStopped) return;
    await new Promise<void>((resolve) => {
      this.#open = resolve;
      this.#look();
    });
  }

  /** Opens at once: the router is stopping. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#open?.();
    this.#open = undefined;
  }

  #look(): void {
    if (this.#open === undefined) return;
    const { now, hasRequiredRoutes } = this.#options;
    const state = {
      startedAt: this.#startedAt,
      lastNewAt: this.#lastNewAt,
      hasRequiredRoutes: hasRequiredRoutes(),
    };
    const decision = decideStart(state, now(), this.#options);
    clearTimeout(this.#timer);
    if (decision === 'open') this.stop();
    else this.#timer = setTimeout(() => this.#look(), Math.max(1, Math.ceil(decision.lookAt - now())));
  }
}
