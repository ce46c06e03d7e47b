/** A service instance that an app is bound to, with what the app is told. */
export interface BoundService {
  readonly instance: { readonly guid: string; readonly name: string; readonly tags: readonly string[] };
  readonly binding: { readonly guid: string; readonly name: string | null };
  readonly credentials: Readonly<Record<string, unknown>>;
}
