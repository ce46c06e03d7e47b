import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readOomKills, readStats } from './figures.ts';
import { type CgroupHierarchies, countsSwap, findCgroups, makeParent, parseCgroupMounts } from './hierarchy.ts';
import { listCgroups, removeCgroup } from './removal.ts';

describe('mounts', () => {
  test('a hybrid machine is v1 with a v2 mount beside', () => {
    const found = parseCgroupMounts(
      [
        '31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755',
        '32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct',
        '35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory',
        '35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory',
        '40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd',
        '41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw',
      ].join('\n'),
    );
    expect(found).toEqual({
      version: 1,
      mounts: [
        { path: '/sys/fs/cgroup/cpu,cpuacct', controllers: ['cpu', 'cpuacct'] },
        { path: '/sys/fs/cgroup/memory', controllers: ['memory'] },
        { path: '/sys/fs/cgroup/systemd', controllers: ['name=systemd'] },
        { path: '/sys/fs/cgroup/unified', controllers: [] },
      ],
    });
  });
  test('a unified machine is v2', () => {
    const found = parseCgroupMounts('29 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate');
    expect(found).toEqual({ version: 2, mounts: [{ path: '/sys/fs/cgroup', controllers: [] }] });
  });
});

describe('figures of v2, from files as the kernel writes them', () => {
  let root: string;
  let cgroups: CgroupHierarchies;
  const put = (file: string, text: string): void => writeFileSync(join(root, 'a/b', file), text);
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'cgroup-test-'));
    mkdirSync(join(root, 'a/b'), { recursive: true });
    cgroups = { version: 2, mounts: [{ path: root, controllers: [] }] };
    put('memory.current', '10485760\n');
    put('memory.stat', 'anon 4096\nfile 8192\nactive_file 1\ninactive_file 485760\n');
    put('memory.max', '67108864\n');
    put('cpu.stat', 'usage_usec 123456\nuser_usec 1\n');
    put('pids.current', '3\n');
    put('memory.events', 'low 0\nhigh 0\nmax 12\noom 2\noom_kill 1\noom_group_kill 0\n');
  });
  afterEach(() => rmSync(root, { recursive: true }));
  test('are read', () => {
    expect(readStats(cgroups, '/a/b')).toEqual({
      memoryBytes: 10_000_000,
      memoryUsageBytes: 10_485_760,
      memoryLimitBytes: 67_108_864,
      cpuNs: 123_456_000n,
      pids: 3,
    });
    expect(readOomKills(cgroups, '/a/b')).toBe(1);
    put('memory.max', 'max\n');
    expect(readStats(cgroups, '/a/b')?.memoryLimitBytes).toBeUndefined();
  });
  test('a cgroup that is gone has none', () => {
    expect(readStats(cgroups, '/a/c')).toBeUndefined();
    expect(readOomKills(cgroups, '/a/c')).toBe(0);
  });
  test('whether swap is counted shows below the root only', () => {
    expect(countsSwap(cgroups, '/a/b')).toBe(false);
    put('memory.swap.max', '0');
    expect(countsSwap(cgroups, '/a/b')).toBe(true);
  });
});

// Of whichever version they are.
describe("this machine's cgroups", { tags: 'root' }, () => {
  const cgroups = findCgroups();
  const parent = `/garden-test-${randomBytes(4).toString('hex')}`;
  afterEach(async () => await removeCgroup(cgroups, parent));

  test('a cgroup with processes in it is emptied and removed everywhere', async () => {
    const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
    const exited = new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal)));
    // On v2 a cgroup counts nothing before its parent has been told to have that counted.
    makeParent(cgroups, parent);
    for (const mount of cgroups.mounts) {
      mkdirSync(join(mount.path, parent, 'inner'), { recursive: true });
      // v1 cpusets take no process before they have cpus.
      if (!mount.controllers.includes('cpuset'))
        writeFileSync(join(mount.path, parent, 'inner/cgroup.procs'), String(child.pid));
    }
    expect(listCgroups(cgroups, parent)).toEqual(['inner']);
    expect(readStats(cgroups, `${parent}/inner`)?.pids).toBe(1);
    await removeCgroup(cgroups, parent);
    expect(await exited).toBe('SIGKILL');
    for (const mount of cgroups.mounts) expect(existsSync(join(mount.path, parent))).toBe(false);
    await removeCgroup(cgroups, parent);
    expect(listCgroups(cgroups, parent)).toEqual([]);
  });
});
