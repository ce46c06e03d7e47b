/** What one place said when it was asked for a layer. */
export interface PlaceFailure {
  readonly place: string;
  /** Undefined: it does not have it. */
  readonly error: unknown;
}

/** The places that are asked for one layer, one after the other, and what came of it. */
export class LayerSearch<P extends { readonly name: string; readonly tries: number }> {
  readonly #places: readonly P[];
  readonly #failures: PlaceFailure[] = [];
  #index = 0;
  #tries = 0;
  #lastBad: unknown;

  constructor(places: readonly P[]) {
    this.#places = places;
  }

  /** Whom to ask; undefined when all have failed. */
  get place(): P | undefined {
    return this.#places[this.#index];
  }

  /** Whom to ask if that fails. */
  get after(): P | undefined {
    return this.#places[this.#index + 1];
  }

  get failures(): readonly PlaceFailure[] {
    return this.#failures;
  }

  /** It answered, and what it sent was no good: another try may get better, up to a limit. Says whether it was the last. */
  sentBad(error: unknown): boolean {
    this.#tries += 1;
    this.#lastBad = error;
    if (this.#tries < (this.place?.tries ?? 0)) return false;
    this.failed(error);
    return true;
  }

  /**
   * It does not have it (no error), or could not be asked. Returns the error; of a place that has it no more, that of
   * what it sent before.
   */
  failed(error: unknown = this.#lastBad): unknown {
    const place = this.place;
    if (place === undefined) return error;
    this.#failures.push({ place: place.name, error });
    this.#index += 1;
    this.#tries = 0;
    this.#lastBad = undefined;
    return error;
  }
}
