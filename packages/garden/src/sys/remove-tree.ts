import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Removes a directory tree of any size and depth, made by anyone; fine when it is not there. rm(1) does it: it walks
 * by open directories, so that paths longer than the kernel takes and links put in the way do not matter, it stays on
 * one file system, and it keeps a million deletions off this process. Rejects with an AbortError when `signal` aborts;
 * what was removed until then is gone.
 */
export async function removeTree(path: string, signal?: AbortSignal): Promise<void> {
  const killed = signal === undefined ? {} : { signal, killSignal: 'SIGKILL' as const };
  await run('rm', ['-rf', '--one-file-system', '--', path], killed);
}
