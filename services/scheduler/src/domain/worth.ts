import type { Placed, Stray } from './inventory.ts';

export const isRunning = ({ instance }: Placed): boolean => instance?.state === 'RUNNING';
export const hasCrashed = ({ instance }: Placed): boolean => instance?.state === 'CRASHED';

/** A lost cell may come back with what it was starting; an evacuating one gives only what runs. */
export const startsForNothing = (placed: Placed): boolean => placed.where === 'evacuating' && !isRunning(placed);

/** RUNNING first, what its cell is stopping last; among equals the oldest. */
export function byWorth(a: Placed, b: Placed): number {
  const rank = ({ instance }: Placed): number =>
    instance?.state === 'RUNNING' ? 0 : instance?.state === 'STOPPING' ? 2 : 1;
  return (
    rank(a) - rank(b) ||
    Date.parse(a.placement.placedAt) - Date.parse(b.placement.placedAt) ||
    (a.placement.instanceGuid < b.placement.instanceGuid ? -1 : 1)
  );
}

export function strayByWorth(a: Stray, b: Stray): number {
  const rank = ({ instance, where }: Stray): number =>
    (instance.state === 'RUNNING' ? 0 : 2) + (where === 'evacuating' ? 1 : 0);
  return rank(a) - rank(b) || (a.instance.instanceGuid < b.instance.instanceGuid ? -1 : 1);
}
