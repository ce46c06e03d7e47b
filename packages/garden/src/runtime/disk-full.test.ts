import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeTemplate, mountImage, writeTemplate } from '../disk/ext4-template.ts';
import type { LayerHandle } from '../layers/layer.ts';
import { readDiskSpaceNow } from '../sys/disk-space.ts';
import { unmount } from '../sys/mount.ts';
import { runCommand } from './command.ts';
import {
  busyboxImage,
  containerSpec,
  expectNothingLeft,
  Lines,
  openCell,
  runToEnd,
  storeImage,
  testCell,
} from './garden.test-support.ts';
import type { Garden } from './garden.ts';

// A cell whose data are on a small disk of its own.
const MEBIBYTE = 1024 ** 2;
const options = testCell();
const disk = `${options.dataDir}.img`;
const ballast = join(options.dataDir, 'somebody-elses');
let garden: Garden;
let image: readonly LayerHandle[];

beforeAll(async () => {
  mkdirSync(options.dataDir);
  writeTemplate(disk, await makeTemplate(128 * MEBIBYTE, options.dataDir, runCommand));
  mountImage({ image: disk, mountPoint: options.dataDir, name: 'test' });
  garden = await openCell({ ...options, diskLimits: 'file-system' });
  image = await storeImage(garden, busyboxImage());
});
afterAll(async () => {
  await garden.teardown();
  while (unmount(options.dataDir));
  rmSync(disk);
  mkdirSync(join(options.dataDir, 'containers'), { recursive: true });
  expectNothingLeft(options);
});

/** Takes all that is free, but for so many bytes. */
function fill(but: number): void {
  const { freeBytes } = readDiskSpaceNow(options.dataDir);
  writeFileSync(ballast, Buffer.alloc(Math.max(0, freeBytes - but), 1));
}

const shell = (script: string): ReturnType<typeof containerSpec> =>
  containerSpec(image, { cmd: ['/bin/sh', '-c', script] });

test('a container whose files find no room is refused with the phase and the figures, and leaves nothing', {
  tags: 'root',
}, async () => {
  fill(0);
  const spec = shell('true');
  const refused = garden.create(spec);
  await expect(refused).rejects.toMatchObject({
    code: 'CELL_DISK_FULL',
    kind: 'exhausted',
    message: expect.stringMatching(/^The cell's disk is full \([a-z]+\): of \d+ MB \d+ MB are free: /),
    details: { phase: expect.any(String), capacityBytes: expect.any(Number), freeBytes: expect.any(Number) },
  });
  expect(existsSync(join(options.dataDir, 'containers', spec.handle))).toBe(false);
  expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(spec.handle);
  rmSync(ballast);
  expect(await runToEnd(garden, shell('echo again'))).toMatchObject({ status: 0, lines: ['again'] });
});

test('disks that an earlier process has mounted where this one cannot see them are known, and removed', {
  tags: 'root',
}, async () => {
  const container = await garden.create(
    shell('dd if=/dev/zero of=/data bs=1M count=8 2>/dev/null; sync; echo ready; while :; do sleep 1000; done'),
  );
  const lines = new Lines();
  container.readLogs(lines.sink);
  await container.start();
  await lines.until('ready');
  const files = join(options.dataDir, 'containers', container.handle);
  // As after the supervisor was restarted: the mounts are in the namespaces of what runs, and nowhere else.
  expect(unmount(join(options.runDir, 'rootfs', container.handle, 'merged'))).toBe(true);
  expect(unmount(join(files, 'writable'))).toBe(true);
  expect(container.stats()?.diskBytes).toBeGreaterThan(8 * MEBIBYTE);
  expect(container.stats()?.diskBytes).toBeLessThan(10 * MEBIBYTE);
  await container.delete();
  expect(existsSync(files)).toBe(false);
  await garden.sweep();
});
