import type { MemberCell } from './keepers.ts';

/**
 * A cell that went is counted on for so long: most come back, after a restart, and a new copy of all their images would
 * be for nothing. A cell that came is not relied on for as long: it has its share of images to fetch first.
 */
export const SETTLE_MS = 600_000;

/** Milliseconds of a monotonic clock. */
interface Member {
  readonly cell: MemberCell;
  readonly since: number;
  readonly goneSince: number | undefined;
}

/** The cells that were heard of, by id. */
export type Membership = ReadonlyMap<string, Member>;

/** What is known after the bucket of cells was read. The first reading is what has always been. */
export function nextMembership(before: Membership, present: readonly MemberCell[], now: number): Membership {
  const after = new Map<string, Member>();
  for (const [id, member] of before) {
    const goneSince = member.goneSince ?? now;
    if (now - goneSince < SETTLE_MS) after.set(id, { ...member, goneSince });
  }
  for (const cell of present) {
    const since = before.get(cell.cellId)?.since ?? (before.size === 0 ? now - SETTLE_MS : now);
    after.set(cell.cellId, { cell, since, goneSince: undefined });
  }
  return after;
}

/** Those that shall keep images, whether they have them yet or not. */
export function expectedCells(members: Membership): readonly MemberCell[] {
  return [...members.values()].map(({ cell }) => cell);
}

/** Those of them that had time to fetch what they shall keep. */
export function settledCells(members: Membership, now: number): readonly MemberCell[] {
  return [...members.values()].filter(({ since }) => now - since >= SETTLE_MS).map(({ cell }) => cell);
}
