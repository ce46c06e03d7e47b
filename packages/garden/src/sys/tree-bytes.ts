import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * What directory trees and files take on disk, in blocks, hard links once. By du(1), which keeps millions of files off
 * this process and minds neither deep paths nor strange names. Rejects when one is not there.
 */
export async function treeBytes(paths: readonly string[]): Promise<number> {
  const { stdout } = await run('du', ['--summarize', '--block-size=1', '--one-file-system', '--', ...paths]);
  const lines = stdout.trimEnd().split('\n');
  return lines.reduce((sum, line) => sum + (Number.parseInt(line, 10) || 0), 0);
}
