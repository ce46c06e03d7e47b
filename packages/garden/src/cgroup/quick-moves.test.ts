import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { findCgroups, parseCgroupMounts } from './hierarchy.ts';
import { ownProcs, withQuickMoves } from './quick-moves.ts';

const V1 = parseCgroupMounts(
  [
    '1 2 0:1 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory',
    '1 2 0:2 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw',
  ].join('\n'),
);
const V2 = parseCgroupMounts('1 2 0:2 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw');

test('finds where this process is in the last hierarchy', () => {
  expect(ownProcs(V1, '5:memory:/a\n0::/b/c\n')).toBe('/sys/fs/cgroup/unified/b/c/cgroup.procs');
  expect(ownProcs(V2, '0::/system.slice/x\n')).toBe('/sys/fs/cgroup/system.slice/x/cgroup.procs');
  expect(ownProcs(V2, '5:memory:/a\n')).toBeUndefined();
});

test('leaves this process where it is, and gives what the work gives', async () => {
  const cgroups = (): string => readFileSync('/proc/self/cgroup', 'latin1');
  const before = cgroups();
  const during = await withQuickMoves(findCgroups(), async () => {
    await new Promise<void>((resolve) => setImmediate(resolve));
    execFileSync('/bin/true');
    return cgroups();
  });
  expect([during, cgroups()]).toEqual([before, before]);
  await expect(withQuickMoves(findCgroups(), () => Promise.reject(new Error('as it was')))).rejects.toThrow(
    'as it was',
  );
});
