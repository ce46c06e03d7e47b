import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type GuestOrder, initScript, runScript } from './guest-scripts.ts';

/** Writes what the kernel starts with: a static busybox, the first modules and the two scripts. Returns its path. */
export function makeInitramfs(dir: string, bootModules: readonly string[], order: GuestOrder): string {
  const tree = join(dir, 'initramfs');
  mkdirSync(join(tree, 'bin'), { recursive: true });
  mkdirSync(join(tree, 'modules'));
  copyFileSync('/bin/busybox', join(tree, 'bin/busybox'));
  chmodSync(join(tree, 'bin/busybox'), 0o755);
  for (const path of bootModules) copyFileSync(path, join(tree, 'modules', basename(path)));
  writeFileSync(join(tree, 'init'), initScript(bootModules.map((path) => basename(path))), { mode: 0o755 });
  writeFileSync(join(tree, 'run.sh'), runScript(order));
  const archive = join(dir, 'initramfs.cpio');
  execFileSync('sh', ['-c', 'find . | cpio --quiet -o -H newc -F "$0"', archive], { cwd: tree });
  return archive;
}
