import { GardenError } from '../errors.ts';
import type { LayerHandle } from '../layers/layer.ts';
import { HIGH_IDS_PER_CONTAINER } from '../layers/owned-ids.ts';

/** Host ids of a container. Its ids 0 to `size`-1 are host ids from `base` on; what else it has is in `high`. */
export interface IdRange {
  readonly base: number;
  readonly size: number;
  /** Ids of `size` and above that its image or its users have, ascending. */
  readonly high?: readonly HighId[] | undefined;
}

/** One container id, and the host id that it is. */
export interface HighId {
  readonly id: number;
  readonly host: number;
}

/** A run of ids, as a user namespace is told. */
export interface IdMapping {
  readonly containerId: number;
  readonly hostId: number;
  readonly size: number;
}

/** Both maps of the user namespace, for uids and gids are mapped alike; at most 257 runs that do not touch. */
export function idMappings({ base, size, high = [] }: IdRange): readonly IdMapping[] {
  const runs: { containerId: number; hostId: number; size: number }[] = [{ containerId: 0, hostId: base, size }];
  for (const { id, host } of high) {
    const last = runs.at(-1);
    if (last !== undefined && id === last.containerId + last.size && host === last.hostId + last.size) last.size += 1;
    else runs.push({ containerId: id, hostId: host, size: 1 });
  }
  return runs;
}

/**
 * The range with these ids too, each one a host id of its own from `highBase` on.
 * @throws GardenError IMAGE_ID_UNMAPPED when there are more than a container can have
 */
export function withHighIds(range: IdRange, ids: Iterable<number>, highBase: number): IdRange {
  const all = [...new Set(ids)].filter((id) => id >= range.size).sort((a, b) => a - b);
  if (all.length > HIGH_IDS_PER_CONTAINER) throw tooMany(all, `${all.length}`);
  return all.length === 0
    ? { base: range.base, size: range.size }
    : { base: range.base, size: range.size, high: all.map((id, index) => ({ id, host: highBase + index })) };
}

/** Ids of `range.size` and above that the files of these layers have. @throws GardenError IMAGE_ID_UNMAPPED */
export function highIdsOf(layers: readonly LayerHandle[]): readonly number[] {
  const high = layers.flatMap((layer) => layer.ids.high);
  if (layers.some((layer) => layer.ids.more)) throw tooMany(high, `more than ${HIGH_IDS_PER_CONTAINER}`);
  return high;
}

/** The host's id of one that the container has. */
export function hostIdOf({ base, size, high = [] }: IdRange, id: number): number | undefined {
  return id < size ? base + id : high.find((each) => each.id === id)?.host;
}

/** Those of `ids` that the container has not. */
export function unmappedIds({ size, high = [] }: IdRange, ids: readonly number[]): readonly number[] {
  return ids.filter((id) => id >= size && !high.some((each) => each.id === id));
}

function tooMany(ids: readonly number[], count: string): GardenError {
  const listed = [...new Set(ids)].slice(0, 5).join(', ');
  return new GardenError(
    'IMAGE_ID_UNMAPPED',
    'rootfs',
    `The image's files and users have ${count} different uids and gids above 65535 (${listed}, …); a container can have ` +
      `${HIGH_IDS_PER_CONTAINER} of them. Give the files owners below 65536 when the image is built, e.g. by COPY --chown`,
    { details: { high: ids.slice(0, 64), limit: HIGH_IDS_PER_CONTAINER } },
  );
}
