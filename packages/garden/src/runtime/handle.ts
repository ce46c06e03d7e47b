import { GardenError } from '../errors.ts';

/** Goes into paths, a cgroup name and command lines. */
const PATTERN = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;

/** @throws GardenError CONTAINER_HANDLE_INVALID */
export function checkHandle(handle: string): void {
  if (PATTERN.test(handle)) return;
  throw new GardenError(
    'CONTAINER_HANDLE_INVALID',
    'allocate',
    `Not a handle: ${JSON.stringify(handle).slice(0, 100)}`,
  );
}
