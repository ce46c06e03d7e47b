// @module-tag root
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { findCgroups } from '../cgroup/hierarchy.ts';
import { listCgroups } from '../cgroup/removal.ts';
import type { LayerHandle } from '../layers/layer.ts';
import type { Container } from './container.ts';
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

// Real containers, many or large: they need root, runc, conmon, tini, busybox-static and mkfs.ext4.

const MANY = 250;
const FOREVER = 'echo up; while :; do sleep 1000; done';
const few = testCell();
const options = { ...few, subnet: few.subnet.replace(/\d+\/26$/, '0/24'), idBase: 0x7000_0000 + 64 * 64 * 65_536 };
let garden: Garden;
let image: readonly LayerHandle[];
beforeAll(async () => {
  garden = await openCell(options);
  image = await storeImage(garden, busyboxImage());
});
afterAll(async () => {
  await garden.teardown();
  expectNothingLeft(options);
});

const loopTurns = (): number => performance.nodeTiming.uvMetricsInfo.loopCount;

/** The longest that this process was kept from anything else, in ms. */
function watchEventLoop(): () => number {
  const delays = monitorEventLoopDelay({ resolution: 5 });
  delays.enable();
  return () => {
    delays.disable();
    return delays.max / 1e6;
  };
}

test(`${MANY} containers at once are made, run, and go`, { timeout: 600_000 }, async () => {
  const lag = watchEventLoop();
  const began = performance.now();
  let begun = 0;
  const containers: Container[] = [];
  // As many at a time as the rep makes.
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      while (begun < MANY) {
        begun += 1;
        const container = await garden.create(containerSpec(image, { command: FOREVER }));
        const lines = new Lines();
        container.readLogs(lines.sink);
        await container.start();
        await lines.until('up');
        containers.push(container);
      }
    }),
  );
  const running = performance.now();
  const made = lag();
  const going = watchEventLoop();
  const turns = loopTurns();
  expect(new Set(containers.map(({ address }) => address)).size).toBe(MANY);
  expect(listCgroups(findCgroups(), `/slipway/${options.cell}`)).toHaveLength(MANY);
  await Promise.all(containers.map(async (container) => await container.delete()));
  const gone = performance.now();
  // The rest of the process had its turns between the steps of all of them.
  expect(loopTurns() - turns).toBeGreaterThan(4 * MANY);
  expect(garden.containers()).toEqual([]);
  expect(listCgroups(findCgroups(), `/slipway/${options.cell}`)).toEqual([]);
  console.log(
    `${MANY} containers: up in ${Math.round(running - began)} ms, gone in ${Math.round(gone - running)} ms, ` +
      `the event loop waited ${Math.round(made)} and ${Math.round(going())} ms at most`,
  );
});

test('a root file system of a million files goes beside everything else', { timeout: 600_000 }, async () => {
  const large = await garden.create(containerSpec(image, { command: FOREVER }));
  const upper = join(options.dataDir, 'containers', large.handle, 'writable', 'upper', 'many');
  mkdirSync(join(upper, '0'), { recursive: true });
  // Names for a thousand files: to be removed one by one like a million files, and made much faster.
  const make = `const fs = require('fs');
    for (let i = 0; i < 1000; i++) fs.writeFileSync('0/' + i, '');
    for (let d = 1; d < 1000; d++) {
      fs.mkdirSync(String(d));
      for (let i = 0; i < 1000; i++) fs.linkSync('0/' + i, d + '/' + i);
    }`;
  execFileSync(process.execPath, ['-e', make], { cwd: upper });
  const order: string[] = [];
  const lag = watchEventLoop();
  const began = performance.now();
  const deletion = large.delete().then(() => order.push('the large one is gone'));
  // As many as come and go until it is gone.
  while (order.at(-1) !== 'the large one is gone') {
    await runToEnd(garden, containerSpec(image, { command: 'exit 3' }));
    if (order.at(-1) !== 'the large one is gone') order.push('another has come and gone');
  }
  await deletion;
  console.log(
    `a million files: gone in ${Math.round(performance.now() - began)} ms, the event loop waited ${Math.round(lag())} ms at most`,
  );
  expect(order[0]).toBe('another has come and gone');
});

test('on a full disk nothing is half made, what runs can be removed, and there is room again for others', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'garden-small-disk-'));
  const small = testCell();
  const mountPoint = join(dir, 'disk');
  execFileSync('truncate', ['--size', '200M', join(dir, 'disk.img')]);
  execFileSync('mkfs.ext4', ['-q', join(dir, 'disk.img')]);
  mkdirSync(mountPoint);
  execFileSync('mount', ['-o', 'loop', join(dir, 'disk.img'), mountPoint]);
  onTestFinished(() => {
    execFileSync('umount', [mountPoint]);
    rmSync(dir, { recursive: true });
  });
  const cell = { ...small, dataDir: join(mountPoint, 'cell') };
  const crowded = await openCell(cell);
  try {
    const layers = await storeImage(crowded, busyboxImage());
    const running = await crowded.create(containerSpec(layers, { command: FOREVER }));
    await running.start();
    const filler = join(mountPoint, 'filler');
    // Up to the last block.
    expect(() => execFileSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=1M'], { stdio: 'pipe' })).toThrow();
    execFileSync('sh', ['-c', `yes >>${filler} || true`], { stdio: 'pipe' });
    expect(statfsSync(mountPoint).bavail).toBe(0);
    await expect(crowded.create(containerSpec(layers, { command: FOREVER }))).rejects.toMatchObject({
      name: 'GardenError',
      message: expect.stringMatching(/ENOSPC|no space|full/i),
    });
    expect(crowded.containers()).toEqual([running]);
    expect(listCgroups(findCgroups(), `/slipway/${cell.cell}`)).toEqual([running.handle]);
    await running.delete();
    rmSync(filler);
    expect((await runToEnd(crowded, containerSpec(layers, { command: 'exit 3' }))).status).toBe(3);
  } finally {
    await crowded.teardown();
  }
});
