import { type Access, type Caller, readsAll } from '../domain/access.ts';
import type { SourceMeta } from '../domain/log-store.ts';

/** So many questions at a time to cloud-controller for one caller. */
const CONCURRENCY = 8;

export type ReadableSources =
  | { readonly outcome: 'known'; readonly sources: ReadonlyMap<string, SourceMeta> }
  | { readonly outcome: 'unknown'; readonly cause: unknown };

/** Those of the sources that the caller may read, by the rule that reading follows. */
export async function readableSources(
  sources: ReadonlyMap<string, SourceMeta>,
  caller: Caller,
  checkAccess: (sourceId: string, caller: Caller) => Promise<Access>,
): Promise<ReadableSources> {
  if (readsAll(caller)) return { outcome: 'known', sources };
  const readable = new Map<string, SourceMeta>();
  let failure: { readonly cause: unknown } | undefined;
  const waiting = sources.entries();
  const work = async (): Promise<void> => {
    // All workers take from the same iterator.
    for (const [sourceId, meta] of waiting) {
      const access = await checkAccess(sourceId, caller);
      if (access.outcome === 'allowed') readable.set(sourceId, meta);
      if (access.outcome === 'unknown') failure = { cause: access.cause };
      if (failure !== undefined) return;
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  return failure === undefined ? { outcome: 'known', sources: readable } : { outcome: 'unknown', ...failure };
}
