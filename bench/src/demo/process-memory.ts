import { readdir, readFile } from 'node:fs/promises';

/** The pids of a process and of all that it started, directly or not. */
export async function processTree(root: number): Promise<readonly number[]> {
  const children = new Map<number, number[]>();
  for (const name of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
    const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => undefined);
    // The command name, in parentheses, may hold anything.
    const parent = Number(stat?.replace(/^.*\) /s, '').split(' ')[1]);
    if (Number.isInteger(parent)) children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const tree = [root];
  for (const pid of tree) tree.push(...(children.get(pid) ?? []));
  return tree;
}

/** Reads `Pss:` of smaps_rollup, in KiB: shared pages count by their share. Throws when it is not there. */
export function parsePss(rollup: string): number {
  const match = /^Pss:\s+(\d+) kB$/m.exec(rollup);
  if (match === null) throw new Error('no Pss in smaps_rollup');
  return Number(match[1]);
}

/** Proportional set size of a process tree by process, in MB (10^6 bytes). */
export async function pssOfTree(
  root: number,
): Promise<readonly { readonly pid: number; readonly name: string; readonly mb: number }[]> {
  const found = await Promise.all(
    (await processTree(root)).map(async (pid) => {
      try {
        const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0');
        // A program of ours is known by its script, not by node and its flags.
        const name = words.find((word) => word.endsWith('.ts')) ?? words[0] ?? '';
        return { pid, name, mb: (parsePss(await readFile(`/proc/${pid}/smaps_rollup`, 'utf8')) * 1024) / 1e6 };
      } catch (error) {
        // It ended meanwhile.
        if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
        throw error;
      }
    }),
  );
  return found.filter((entry) => entry !== undefined);
}
