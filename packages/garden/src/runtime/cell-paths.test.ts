import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { HIGH_IDS_PER_CONTAINER } from '../layers/owned-ids.ts';
import { CellPaths } from './cell-paths.ts';
import { IDS_PER_CONTAINER, Slots } from './slots.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'cell-paths-'));
  chmodSync(dir, 0o711);
});
afterEach(() => rmSync(dir, { recursive: true }));

test('containers can pass through the run directory whatever the umask, and nobody into the data', () => {
  const umask = process.umask(0o077);
  try {
    new CellPaths(join(dir, 'data'), join(dir, 'a/b/run')).make();
  } finally {
    process.umask(umask);
  }
  for (const path of ['a', 'a/b', 'a/b/run', 'a/b/run/rootfs'])
    expect(statSync(join(dir, path)).mode & 0o777).toBe(0o711);
  for (const path of ['data', 'data/containers', 'a/b/run/exits'])
    expect(statSync(join(dir, path)).mode & 0o777).toBe(0o700);
});

test('a run directory below a closed one is refused by name', () => {
  mkdirSync(join(dir, 'closed'));
  chmodSync(join(dir, 'closed'), 0o700);
  expect(() => new CellPaths(join(dir, 'data'), join(dir, 'closed/run')).make()).toThrow(
    expect.objectContaining({ code: 'CELL_CONFIG_INVALID', message: expect.stringContaining(join(dir, 'closed')) }),
  );
});

test('numbers are given out once each, the longest unused first, with ranges that do not overlap', () => {
  const slots = new Slots(0x7000_0000, 4);
  slots.take(1);
  const given = [slots.allocate(), slots.allocate(), slots.allocate()];
  expect(given).toEqual([2, 3, 0]);
  expect(() => slots.allocate()).toThrow(expect.objectContaining({ code: 'CELL_FULL' }));
  slots.free(2);
  slots.free(1);
  expect([slots.allocate(), slots.allocate()]).toEqual([1, 2]);
  expect(slots.range(3).base - slots.range(2).base).toBe(IDS_PER_CONTAINER);
  expect(slots.highBase(0)).toBe(slots.range(3).base + IDS_PER_CONTAINER);
  expect(slots.highBase(3) - slots.highBase(2)).toBe(HIGH_IDS_PER_CONTAINER);
});

test('ids of the host itself, and ids beyond the last, are refused', () => {
  for (const base of [0, 65_535, 0xffff_0000, 0xfffe_ff00, 1.5]) {
    expect(() => new Slots(base, 4)).toThrow(expect.objectContaining({ code: 'CELL_CONFIG_INVALID' }));
  }
  expect(() => {
    const slots = new Slots(0xfffd_0000, 4);
    expect(slots.highBase(1) + 255).toBeLessThan(0xffff_ffff);
    for (let i = 0; i < 3; i += 1) slots.allocate();
  }).toThrow(expect.objectContaining({ code: 'CELL_FULL' }));
});
