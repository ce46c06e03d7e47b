import { randomBytes } from 'node:crypto';
import { chmodSync, closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';

/**
 * Replaces a small file so that readers, and a process killed at any moment, see the old or the new content and never
 * a part. With `durable` it also outlives the machine losing power.
 */
export function writeFileAtomically(
  path: string,
  content: string,
  options: { readonly mode?: number; readonly durable?: boolean } = {},
): void {
  const temporary = `${path}.${randomBytes(4).toString('hex')}.tmp`;
  const fd = openSync(temporary, 'wx', options.mode ?? 0o600);
  try {
    try {
      writeFileSync(fd, content);
      if (options.durable === true) fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    if (options.mode !== undefined) chmodSync(temporary, options.mode);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}
