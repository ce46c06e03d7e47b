import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { BindMount } from '../bundle/oci-config.ts';
import { GardenError } from '../errors.ts';
import type { ContainerPaths } from './cell-paths.ts';
import type { FilesSpec } from './container-spec.ts';

/** Plain names: no `.`, no `..`, no NUL, nothing absolute. */
const PATH = /^(?!\.{1,2}(?:\/|$))[A-Za-z0-9._-]{1,255}(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._-]{1,255}){0,7}$/;

/**
 * Writes directories of files for a container and gives the mounts that show them there. They belong to the container's
 * root, everybody in it may read them, and nobody write: the mounts are read-only.
 * @throws GardenError CONTAINER_FILES_INVALID
 */
export function writeFiles(paths: ContainerPaths, specs: readonly FilesSpec[], owner: number): BindMount[] {
  return specs.map(({ destination, files }, index) => {
    checkPaths(files.map(({ path }) => path));
    const directory = paths.files(index);
    makeDirectory(directory, owner);
    const made = new Set([directory]);
    for (const { path, content } of files) {
      for (const parent of parents(path)) {
        const at = join(directory, parent);
        if (!made.has(at)) makeDirectory(at, owner);
        made.add(at);
      }
      const file = join(directory, path);
      writeFileSync(file, content, { mode: 0o644, flag: 'wx' });
      chmodSync(file, 0o644); // the mode goes through the umask
      chownSync(file, owner, owner);
    }
    return { source: directory, destination, readOnly: true };
  });
}

/** No path is wrong, given twice, or at once a file and a directory. */
export function checkPaths(paths: readonly string[]): void {
  const files = new Set<string>();
  for (const path of paths) {
    if (!PATH.test(path)) refuse(path, 'is not made of plain names');
    if (files.has(path)) refuse(path, 'is given twice');
    files.add(path);
  }
  for (const path of paths) {
    if (parents(path).some((parent) => files.has(parent))) refuse(path, 'is below a file');
  }
}

function refuse(path: string, why: string): never {
  throw new GardenError('CONTAINER_FILES_INVALID', 'bundle', `The file ${JSON.stringify(path.slice(0, 300))} ${why}`);
}

/** `a/b/c` has the parents `a` and `a/b`. */
function parents(path: string): string[] {
  const result: string[] = [];
  for (let at = dirname(path); at !== '.'; at = dirname(at)) result.unshift(at);
  return result;
}

function makeDirectory(path: string, owner: number): void {
  mkdirSync(path, { mode: 0o755 });
  chmodSync(path, 0o755);
  chownSync(path, owner, owner);
}
