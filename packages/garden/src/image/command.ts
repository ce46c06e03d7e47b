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
  throw invalidWorkdir(path, 'it must not be below /proc, /sys, /dev or /.slipway, nor longer than 4095 bytes');
}

/**
 * Refuses a working directory that the image has a link to the same places for, or to nowhere: /proc is empty in an image,
 * and what leads nowhere here could lead to a directory of the host when the runtime follows it. So is one that is a file.
 * @throws GardenError PROCESS_WORKDIR_INVALID
 */
export function checkWorkdir(path: string, view: Pick<RootfsView, 'kindOf' | 'realPath'>): void {
  const kind = view.kindOf(path);
  if (kind === 'other') throw invalidWorkdir(path, 'the image has something there that is no directory');
  if (kind !== 'link') return;
  const real = whereItLeads(path, view);
  if (real === undefined) throw invalidWorkdir(path, 'the image has a link there that leads nowhere');
  if (isForbidden(real)) throw invalidWorkdir(path, `the image has a link there to ${JSON.stringify(real)}`);
}

/** All links followed, of what is there of it; the rest would be made there. Undefined behind a link that leads nowhere. */
function whereItLeads(path: string, view: Pick<RootfsView, 'kindOf' | 'realPath'>): string | undefined {
  for (let there = path; ; there = posix.dirname(there)) {
    const real = view.realPath(there);
    if (real === undefined) continue;
    const rest = path.slice(there.length).split('/').filter(Boolean);
    const [next] = rest;
    if (next !== undefined && view.kindOf(posix.join(real, next)) !== 'nothing') return undefined;
    return posix.join(real, ...rest);
  }
}

function isForbidden(path: string): boolean {
  return FORBIDDEN.some((each) => path === each || path.startsWith(`${each}/`));
}

function invalidWorkdir(path: string, why: string): GardenError {
  const shown = JSON.stringify(path.slice(0, 200));
  return new GardenError('PROCESS_WORKDIR_INVALID', 'process', `No process can start in ${shown}: ${why}`);
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
