import { posix } from 'node:path';
import { GardenError } from '../errors.ts';
import type { RootfsView } from '../rootfs/rootfs-files.ts';

/** What may say what to run. */
export interface CommandSource {
  /** The user's own start command; replaces the image's. */
  readonly command?: string | undefined;
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
}

/**
 * The argument list: a start command through the image's /bin/sh, else ENTRYPOINT and CMD as they are.
 * @throws GardenError PROCESS_NO_COMMAND
 */
export function buildArguments(source: CommandSource): readonly string[] {
  const custom = source.command !== undefined && source.command !== '';
  const args = custom ? ['/bin/sh', '-c', source.command ?? ''] : [...source.entrypoint, ...source.cmd];
  if (args.length === 0 || args[0] === '') {
    throw new GardenError('PROCESS_NO_COMMAND', 'process', 'No start command found or specified');
  }
  if (args.some((arg) => arg.includes('\0'))) {
    throw new GardenError('PROCESS_NO_COMMAND', 'process', 'The start command has a NUL in it');
  }
  return args;
}

/** Directories that are the kernel's or the cell's, in which no process may start. */
const FORBIDDEN = ['/proc', '/sys', '/dev', '/.slipway'];

/**
 * The working directory, absolute and without `..`. The runtime makes it when the image has none.
 * @throws GardenError PROCESS_WORKDIR_INVALID: a directory below /proc can be one of the host (CVE-2024-21626)
 */
export function buildWorkdir(workdir: string): string {
  const path = posix.normalize(posix.join('/', workdir)).replace(/(?<=.)\/$/, '');
  if (!isForbidden(path) && !path.includes('\0') && path.length < 4096) return path;
  throw invalidWorkdir(path);
}

/**
 * Refuses a working directory that the image has a link to the same places for, or to nowhere: /proc is empty in an image,
 * and what leads nowhere here could lead to a directory of the host when the runtime follows it.
 * @throws GardenError PROCESS_WORKDIR_INVALID
 */
export function checkWorkdir(path: string, view: Pick<RootfsView, 'kindOf' | 'realPath'>): void {
  if (view.kindOf(path) !== 'link') return;
  const real = view.realPath(path);
  if (real === undefined || isForbidden(real)) throw invalidWorkdir(path);
}

function isForbidden(path: string): boolean {
  return FORBIDDEN.some((each) => path === each || path.startsWith(`${each}/`));
}

function invalidWorkdir(path: string): GardenError {
  const shown = JSON.stringify(path.slice(0, 200));
  return new GardenError('PROCESS_WORKDIR_INVALID', 'process', `No process can start in ${shown}`);
}

/**
 * The places where execvp(3) looks for a program: its own path when that has a slash (relative to the working
 * directory), else each directory of PATH.
 */
export function executableCandidates(program: string, workdir: string, searchPath: string): readonly string[] {
  if (program.includes('/')) return [posix.resolve(workdir, program)];
  // An empty element means the working directory.
  return searchPath.split(':').map((directory) => posix.resolve(workdir, directory, program));
}
