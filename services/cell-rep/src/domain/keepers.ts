/** Of how many cells each image is, besides those that run it. */
export const COPIES = 2;

/** What of a cell decides whether it may start an image. */
export interface MemberCell {
  readonly cellId: string;
  readonly platform: { readonly os: string; readonly architecture: string };
  readonly placementTags: readonly string[];
  readonly optionalPlacementTags: readonly string[];
}

/** What of an image decides which cells keep it. */
export interface KeptImage {
  readonly manifestDigest: string;
  readonly platform: { readonly os: string; readonly architecture: string };
  readonly placementTags: readonly string[];
}

/**
 * The cells that keep an image, best first: rendezvous hashing, so that all cells agree without a word, images are
 * spread evenly, and a cell that comes or goes moves only its own share. Images of one digest go together.
 */
export function keepersOf(image: KeptImage, cells: readonly MemberCell[], copies: number = COPIES): readonly string[] {
  return cells
    .filter((cell) => mayStart(cell, image))
    .map(({ cellId }) => ({ cellId, weight: weightOf(`${image.manifestDigest} ${cellId}`) }))
    .sort((a, b) => b.weight - a.weight || (a.cellId < b.cellId ? -1 : 1))
    .slice(0, copies)
    .map(({ cellId }) => cellId);
}

/** The scheduler's filters that do not change from one minute to the next. */
function mayStart(cell: MemberCell, { platform, placementTags: wanted }: KeptImage): boolean {
  const { platform: own, placementTags, optionalPlacementTags } = cell;
  return (
    own.os === platform.os &&
    own.architecture === platform.architecture &&
    placementTags.every((tag) => wanted.includes(tag)) &&
    wanted.every((tag) => placementTags.includes(tag) || optionalPlacementTags.includes(tag))
  );
}

/** FNV-1a with MurmurHash3's last steps, which make of similar texts numbers that have nothing in common. */
function weightOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
