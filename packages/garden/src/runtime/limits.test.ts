import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findCgroups, mountOf } from '../cgroup/hierarchy.ts';
import type { LayerHandle } from '../layers/layer.ts';
import type { Container } from './container.ts';
import { containerSpec, Lines, runToEnd, testCell, useCell } from './garden.test-support.ts';
import type { Garden } from './garden.ts';

// What holds an app at its limits is the kernel's, on cgroup v1 and on v2; both are looked at with what each says itself.
const MEBIBYTE = 1024 ** 2;
const limits = { memoryBytes: 48 * MEBIBYTE, cpuShares: 512, pids: 24, nofile: 256, diskBytes: 64 * MEBIBYTE };

const options = testCell();
let garden: Garden;
let image: readonly LayerHandle[];
useCell(options, (opened, layers) => {
  garden = opened;
  image = layers;
});

const cgroups = findCgroups();
const spec = (script: string, changes: Partial<typeof limits> = {}): ReturnType<typeof containerSpec> =>
  containerSpec(image, { cmd: ['/bin/sh', '-c', script] }, { limits: { ...limits, ...changes } });

function kernelSays(handle: string, controller: string, file: { readonly v1: string; readonly v2: string }): string {
  const name = cgroups.version === 1 ? file.v1 : file.v2;
  const at = join(mountOf(cgroups, controller) ?? '', 'slipway', options.cell, handle, name);
  return readFileSync(at, 'utf8').trim();
}

async function started(script: string, changes: Partial<typeof limits> = {}): Promise<Container> {
  const container = await garden.create(spec(script, changes));
  await container.start();
  return container;
}

test('memory: more than the limit ends the app by SIGKILL, and that is named', { tags: 'root' }, async () => {
  const container = await garden.create(spec('x=y; while :; do x=$x$x; done'));
  const limit = { v1: 'memory.limit_in_bytes', v2: 'memory.max' };
  expect(kernelSays(container.handle, 'memory', limit)).toBe(String(limits.memoryBytes));
  await container.start();
  expect(await container.exited).toMatchObject({ status: 137, outOfMemory: true });
  await container.delete();
});

test('memory: a file in memory counts, one on disk is dropped from the cache instead', { tags: 'root' }, async () => {
  const onDisk = await runToEnd(garden, spec('dd if=/dev/zero of=/data bs=1M count=60 2>/dev/null && wc -c < /data'));
  expect(onDisk).toMatchObject({ status: 0, outOfMemory: false, lines: [String(60 * MEBIBYTE)] });
  const inMemory = await runToEnd(garden, spec('exec dd if=/dev/zero of=/dev/shm/data bs=1M count=60'));
  expect(inMemory).toMatchObject({ status: 137, outOfMemory: true });
});

test('cpu: who has more of the weight gets more of a busy processor', { tags: 'root' }, async () => {
  // Both on one processor, so that they need it at the same time.
  const busy = 'exec taskset 1 sh -c "while :; do :; done"';
  const heavy = await started(busy, { cpuShares: 1024 });
  const light = await started(busy, { cpuShares: 64 });
  const weight = { v1: 'cpu.shares', v2: 'cpu.weight' };
  expect(kernelSays(heavy.handle, 'cpu', weight)).toBe(cgroups.version === 1 ? '1024' : '39');
  expect(kernelSays(light.handle, 'cpu', weight)).toBe(cgroups.version === 1 ? '64' : '3');
  const used = (container: Container): number => Number(container.stats()?.cpuNs ?? 0n) / 1e9;
  const before = { heavy: used(heavy), light: used(light) };
  await expect.poll(() => used(heavy) - before.heavy, { timeout: 100_000 }).toBeGreaterThan(2);
  expect(used(heavy) - before.heavy).toBeGreaterThan(4 * (used(light) - before.light));
  await Promise.all([heavy.delete(), light.delete()]);
});

test('pids: a fork bomb ends at the limit, and only its own container feels it', { tags: 'root' }, async () => {
  const container = await garden.create(spec('while :; do sleep 1000 & done'));
  const lines = new Lines();
  container.readLogs(lines.sink);
  await container.start();
  await lines.until("can't fork");
  expect(container.stats()?.pids ?? 0).toBeLessThanOrEqual(limits.pids);
  expect(kernelSays(container.handle, 'pids', { v1: 'pids.max', v2: 'pids.max' })).toBe(String(limits.pids));
  expect(await runToEnd(garden, spec('sleep 0.01 & wait; echo fine'))).toMatchObject({ lines: ['fine'] });
  await container.delete();
});

test('nofile: no process has more open files than the limit, nor may it raise it', { tags: 'root' }, async () => {
  const { lines } = await runToEnd(
    garden,
    spec(
      'ulimit -Sn; ulimit -Hn; ulimit -n 257 2>/dev/null || echo refused; ' +
        'ulimit -n 12; i=3; while [ $i -lt 20 ]; do eval "exec $i</dev/null" 2>&1 || break; i=$((i+1)); done; echo $i',
    ),
  );
  expect(lines.slice(0, 3)).toEqual(['256', '256', 'refused']);
  expect(lines.join('\n')).not.toContain('20');
});
