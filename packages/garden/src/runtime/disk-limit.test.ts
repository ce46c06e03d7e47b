import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { LayerHandle } from '../layers/layer.ts';
import { readDiskSpaceNow } from '../sys/disk-space.ts';
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

const MEBIBYTE = 1024 ** 2;
const LIMIT = 32 * MEBIBYTE;
const limits = { memoryBytes: 128 * MEBIBYTE, cpuShares: 64, pids: 64, nofile: 1024, diskBytes: LIMIT };

const options = testCell();
let garden: Garden;
let image: readonly LayerHandle[];
beforeAll(async () => {
  garden = await openCell(options);
  image = await storeImage(garden, busyboxImage([{ name: 'big', content: Buffer.alloc(4 * MEBIBYTE, 1) }]));
});
afterAll(async () => {
  await garden.teardown();
  expectNothingLeft(options);
});

const shell = (script: string): Parameters<typeof containerSpec>[1] => ({ cmd: ['/bin/sh', '-c', script] });
const spec = (script: string): ReturnType<typeof containerSpec> => containerSpec(image, shell(script), { limits });
const free = (): number => readDiskSpaceNow(options.dataDir).freeBytes;
const filesOf = (handle: string): string => join(options.dataDir, 'containers', handle);

/** Ends only with the container. */
const WAIT = 'echo ready; while :; do sleep 1000; done';

/** Does something when the test says so, and ends only with the container. */
function onSignal(script: string): string {
  return `go=; trap go=1 USR1; while [ -z "$go" ]; do sleep 0.05; done; ${script}; ${WAIT}`;
}

test('the cell says what holds writable layers at their limits, and why', { tags: 'root' }, () => {
  const { kind, reason } = garden.diskLimits;
  expect(['project-quota', 'file-system']).toContain(kind);
  expect(reason).toMatch(kind === 'project-quota' ? /mounted with prjquota/ : /no project quotas/);
});

test('an app writes up to its limit and then gets "no space left"', { tags: 'root' }, async () => {
  const { lines, status } = await runToEnd(
    garden,
    spec('dd if=/dev/zero of=/data bs=64k count=100000 2>&1; wc -c < /data; df -P -k / | tail -n 1'),
  );
  expect(lines.join('\n')).toMatch(/No space left on device|Disk quota exceeded/);
  const written = Number(lines.at(-2));
  expect(written).toBeGreaterThan(LIMIT - MEBIBYTE);
  expect(written).toBeLessThan(LIMIT + 2 * MEBIBYTE);
  // Programs that look at how much room there is see the limit, and not the machine's disk.
  expect(Number(lines.at(-1)?.split(/\s+/)[1]) * 1024).toBeLessThan(LIMIT + 4 * MEBIBYTE);
  expect(status).toBe(0);
});

test('a file of the image counts once it is changed, and so does what the cell lets it write at /etc', {
  tags: 'root',
}, async () => {
  const { lines } = await runToEnd(
    garden,
    spec('echo x >> /big; dd if=/dev/zero of=/etc/hosts bs=64k count=100000 2>&1 | tail -n 1; ' + 'wc -c < /etc/hosts'),
  );
  expect(Number(lines.at(-1))).toBeGreaterThan(LIMIT - 6 * MEBIBYTE);
  expect(Number(lines.at(-1))).toBeLessThan(LIMIT - 3 * MEBIBYTE);
});

test('the figures of what is used are those of now, and what the app deletes is given back', {
  tags: 'root',
}, async () => {
  const fill = 'dd if=/dev/zero of=/data bs=1M count=20 2>/dev/null; sync; echo full';
  const container = await garden.create(spec(`${fill}; ${onSignal('rm /data; sync; echo gone')}`));
  const lines = new Lines();
  container.readLogs(lines.sink);
  await container.start();
  await lines.until('full');
  const before = container.stats()?.diskBytes ?? 0;
  expect(before).toBeGreaterThan(20 * MEBIBYTE);
  expect(before).toBeLessThan(22 * MEBIBYTE);
  expect(garden.layers.ledger().containers).toMatchObject({ promisedBytes: LIMIT, writableBytes: before });
  const file = join(filesOf(container.handle), 'writable.img');
  const onDisk = existsSync(file) ? statSync(file).blocks * 512 : undefined;
  if (onDisk !== undefined) expect(onDisk).toBeGreaterThan(20 * MEBIBYTE);
  container.signal('SIGUSR1');
  await lines.until('gone');
  expect(container.stats()?.diskBytes).toBeLessThan(MEBIBYTE);
  if (onDisk !== undefined) expect(statSync(file).blocks * 512).toBeLessThan(MEBIBYTE);
  await container.delete();
});

test('with the container all of it is free again at once, also what was not written back yet', {
  tags: 'root',
}, async () => {
  const before = free();
  const container = await garden.create(spec(`dd if=/dev/zero of=/data bs=1M count=24 2>/dev/null; ${WAIT}`));
  const lines = new Lines();
  container.readLogs(lines.sink);
  await container.start();
  await lines.until('ready');
  await container.delete();
  expect(existsSync(filesOf(container.handle))).toBe(false);
  expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(container.handle);
  expect(loopFiles().filter((file) => file.includes(container.handle))).toEqual([]);
  // Others write to this disk, too.
  expect(before - free()).toBeLessThan(20 * MEBIBYTE);
});

test('many small files are no more than their bytes', { tags: 'root' }, async () => {
  const { lines } = await runToEnd(
    garden,
    spec('mkdir /d; cd /d; i=0; while [ $i -lt 3000 ]; do echo x > $i || break; i=$((i+1)); done; echo $i'),
  );
  expect(lines.at(-1)).toBe('3000');
});

test('a disk that was taken over is known and limited as before', { tags: 'root' }, async () => {
  const container = await garden.create(
    spec(`echo ready; ${onSignal('dd if=/dev/zero of=/data bs=64k count=100000 2>&1; echo done')}`),
  );
  await container.start();
  await garden.close();
  garden = await openCell(options);
  const adopted = garden.container(container.handle);
  const lines = new Lines();
  adopted?.readLogs(lines.sink);
  await lines.until('ready');
  adopted?.signal('SIGUSR1');
  await lines.until('done');
  expect(lines.all.join('\n')).toMatch(/No space left on device|Disk quota exceeded/);
  expect(adopted?.stats()?.diskBytes).toBeGreaterThan(LIMIT - MEBIBYTE);
  await adopted?.delete();
});

/** The files behind the machine's loop devices. */
function loopFiles(): string[] {
  return readdirSync('/sys/block')
    .filter((name) => name.startsWith('loop'))
    .map((name) => `/sys/block/${name}/loop/backing_file`)
    .filter((path) => existsSync(path))
    .map((path) => readFileSync(path, 'utf8').trim());
}
