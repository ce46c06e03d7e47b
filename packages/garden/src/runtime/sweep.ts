import { readdirSync, readFileSync } from 'node:fs';
import { sep } from 'node:path';
import { listCgroups } from '../cgroup/removal.ts';
import type { CellContext } from './cell-context.ts';
import { findServingProcesses } from './cell-processes.ts';
import { destroyContainer } from './destroy-container.ts';

/** What a sweep found that nobody has any use for, and removed. */
export interface SweepReport {
  /** Handles of containers, or of parts of them. */
  readonly containers: readonly string[];
  readonly devices: readonly string[];
  /** Handles that could not be removed, and why not: they keep nothing else from being removed. */
  readonly failed: ReadonlyMap<string, unknown>;
}

/**
 * Removes whatever there is of this cell that belongs to no container of `keep`: directories, processes, cgroups,
 * mounts, exit files, links. Finds them by their names, needing no record of any.
 */
export async function sweepCell(
  context: CellContext,
  keep: { readonly handles: ReadonlySet<string>; readonly devices: ReadonlySet<string> },
): Promise<SweepReport> {
  const { paths } = context;
  const found = new Set<string>([
    ...findServingProcesses(paths.containers).map(({ handle }) => handle),
    ...readdirSync(paths.containers),
    ...readdirSync(paths.runcRoot),
    ...readdirSync(paths.exits).filter((name) => !isBeingWritten(name, keep.handles)),
    ...readdirSync(paths.rootfs),
    ...mountedHandles(paths.rootfs),
    ...mountedHandles(paths.containers),
    ...listCgroups(context.cgroups, context.cgroupParent),
  ]);
  const containers = [...found].filter((handle) => !keep.handles.has(handle));
  const failed = new Map<string, unknown>();
  await Promise.all(
    containers.map(async (handle) => {
      try {
        await destroyContainer(context, { handle, processes: undefined, hostDevice: undefined });
      } catch (error) {
        failed.set(handle, error);
      }
    }),
  );
  const devices = context.network.devices().filter((device) => !keep.devices.has(device));
  for (const device of devices) context.network.disconnect(device);
  return { containers: containers.filter((handle) => !failed.has(handle)), devices, failed };
}

/** conmon writes an exit status to `HANDLE.XXXXXX` first. */
function isBeingWritten(name: string, handles: ReadonlySet<string>): boolean {
  return handles.has(name.slice(0, -'.XXXXXX'.length));
}

/** Handles with something mounted below their directory, in whatever state the directory is. */
function mountedHandles(parent: string): string[] {
  const prefix = `${parent}${sep}`;
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((path) => path.startsWith(prefix))
    .map((path) => path.slice(prefix.length).split(sep)[0] ?? '');
}
