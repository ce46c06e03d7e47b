/** What another cell says of a layer. */
export type PeerAnswer =
  /** It has it; `busy` serves as many as it can already. */
  | { readonly state: 'have'; readonly archiveBytes: number; readonly busy: boolean }
  /** It is about to have it: `fetching`, or still asking as this cell does. */
  | { readonly state: 'coming'; readonly fetching: boolean }
  | { readonly state: 'none' };

export interface TurnQuestion {
  readonly cellId: string;
  readonly diffId: string;
  readonly answers: ReadonlyMap<string, PeerAnswer>;
  /** Cells that asked this one for the layer while it asked, and have not been heard to do something else since. */
  readonly rivals: ReadonlySet<string>;
  /** This cell has time to wait for another. */
  readonly patient: boolean;
}

export type Turn =
  /** These say more soon. */
  | { readonly kind: 'wait'; readonly for: readonly string[] }
  /** Nobody has it or gets it: fetched elsewhere, it is this cell that others wait for. */
  | { readonly kind: 'fetch' };

/**
 * What a cell that wants a layer, and got it from nobody that has it, does. Of cells that begin at the same moment all but one wait for it: each hears of the
 * others, by their answers or because they asked, and the first in the layer's own order of cells goes ahead.
 */
export function decideTurn({ cellId, diffId, answers, rivals, patient }: TurnQuestion): Turn {
  if (!patient) return { kind: 'fetch' };
  const ahead = new Set<string>();
  for (const [id, answer] of answers) {
    if (answer.state === 'have' || (answer.state === 'coming' && (answer.fetching || precedes(id, cellId, diffId)))) {
      ahead.add(id);
    }
  }
  for (const id of rivals) if (precedes(id, cellId, diffId)) ahead.add(id);
  return ahead.size === 0 ? { kind: 'fetch' } : { kind: 'wait', for: [...ahead] };
}

/** Cells in a layer's own order, the same for whoever asks; another one for each layer, so that work is spread. */
export function inLayerOrder(cellIds: readonly string[], diffId: string): string[] {
  return cellIds.toSorted((a, b) => (precedes(a, b, diffId) ? -1 : 1));
}

function precedes(a: string, b: string, diffId: string): boolean {
  const [rankA, rankB] = [rank(a, diffId), rank(b, diffId)];
  return rankA === rankB ? a < b : rankA < rankB;
}

/** FNV-1a, with murmur3's last step: ids differ in their last characters only. */
function rank(cellId: string, diffId: string): number {
  let hash = 0x811c9dc5;
  for (const character of `${diffId} ${cellId}`) {
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
