import { RepError } from './errors.ts';

/** Throws RepError REP_NOT_ROOT. */
export function requireRoot(): void {
  if (process.getuid?.() === 0) return;
  throw new RepError(
    'REP_NOT_ROOT',
    'the cell makes namespaces, mounts, cgroups and network links: start it as root (the other services need no root)',
  );
}
