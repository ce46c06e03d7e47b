// `npm run test:vm`: tests of containers on a machine that this one is not: Debian's kernel, cgroup v2 alone, project
// quotas of XFS and ext4. It boots in seconds, sees this machine's files read-only, and leaves nothing.
import { accessSync, constants, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repositoryRoot } from '../process/repository-root.ts';
import { listenForStop } from '../process/stop-signal.ts';
import { guestKernel } from './guest-kernel.ts';
import type { GuestRun } from './guest-scripts.ts';
import { makeInitramfs } from './initramfs.ts';
import { runMachine, VIRTIOFSD } from './machine.ts';

const LIMITS = ['--project', 'garden', 'src/runtime/disk-limit.test.ts', 'src/runtime/limits.test.ts'];

/** Without arguments: what differs with the machine. With arguments: vitest's own, on XFS. */
function chooseRuns(given: readonly string[]): readonly GuestRun[] {
  if (given.length > 0) return [{ disk: 'xfs', arguments: given }];
  const lifecycle = ['src/runtime/lifecycle.test.ts', 'src/runtime/adoption.test.ts', 'src/cgroup', 'src/rootfs'];
  return [
    { disk: 'xfs', arguments: [...LIMITS, ...lifecycle] },
    { disk: 'ext4-quota', arguments: LIMITS },
    { disk: 'ext4', arguments: LIMITS },
  ];
}

function whatLacks(): string[] {
  const lacks: string[] = [];
  if (process.arch !== 'x64') lacks.push('an x86-64 processor');
  if (process.getuid?.() !== 0) lacks.push('root');
  try {
    accessSync(VIRTIOFSD, constants.X_OK);
  } catch {
    lacks.push(`${VIRTIOFSD} (Debian 12's package qemu-system-common)`);
  }
  if (statSync(repositoryRoot).dev !== statSync('/').dev) lacks.push('the checkout on the root file system');
  return lacks;
}

async function main(): Promise<number> {
  const lacks = whatLacks();
  if (lacks.length > 0) {
    console.error(`A test machine cannot run here; this machine lacks ${lacks.join(', ')}.`);
    return 1;
  }
  const stopped = listenForStop();
  const cache = join(repositoryRoot, '.slipway/vm');
  mkdirSync(cache, { recursive: true });
  const kernel = guestKernel(cache);
  const dir = mkdtempSync(join(tmpdir(), 'slipway-vm-'));
  try {
    const runs = chooseRuns(process.argv.slice(2));
    const { modulesDir } = kernel;
    const order = { modulesDir, repository: repositoryRoot, node: process.execPath, runs };
    const initramfs = makeInitramfs(dir, kernel.bootModules, order);
    const results = await runMachine({ dir, kernel: kernel.image, initramfs, signal: stopped });
    const failed = runs.filter((_, index) => results.get(index) !== 0);
    console.log(`${runs.length - failed.length} of ${runs.length} runs passed`);
    return failed.length === 0 ? 0 : 1;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

process.exitCode = await main();
