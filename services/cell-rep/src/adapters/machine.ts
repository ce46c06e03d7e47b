import { statfs } from 'node:fs/promises';
import { totalmem } from 'node:os';
import type { Machine } from '../domain/capacity.ts';

const MEBIBYTE = 1024 * 1024;
// Below this neither a record nor a layer can be written with any certainty.
const MIN_FREE_MB = 64;

/** What this machine has. `usedBytes`: what instances hold already is theirs to use, and what would give way to them. */
export async function readMachine(dataDirectory: string, usedBytes: number): Promise<Machine> {
  return {
    memoryMb: Math.floor(totalmem() / MEBIBYTE),
    diskMb: (await freeMb(dataDirectory)) + Math.floor(usedBytes / MEBIBYTE),
  };
}

/** Why no container could be written to this directory; undefined when one could. */
export async function diskProblem(dataDirectory: string): Promise<string | undefined> {
  const free = await freeMb(dataDirectory);
  return free >= MIN_FREE_MB
    ? undefined
    : `the disk of ${dataDirectory} is full: ${free} MB are free, and it takes ${MIN_FREE_MB}`;
}

async function freeMb(directory: string): Promise<number> {
  const { bavail, bsize } = await statfs(directory);
  return Math.floor((bavail * bsize) / MEBIBYTE);
}
