import { statfs } from 'node:fs/promises';
import { totalmem } from 'node:os';
import type { Machine } from '../domain/capacity.ts';

const MEBIBYTE = 1024 * 1024;

/** What this machine has. `usedByContainers` in bytes: what instances hold already is theirs to use. */
export async function readMachine(dataDirectory: string, usedByContainers: number): Promise<Machine> {
  const { bavail, bsize } = await statfs(dataDirectory);
  return {
    memoryMb: Math.floor(totalmem() / MEBIBYTE),
    diskMb: Math.floor((bavail * bsize + usedByContainers) / MEBIBYTE),
  };
}
