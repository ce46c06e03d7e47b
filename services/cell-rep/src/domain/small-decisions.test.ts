import { expect, test } from 'vitest';
import { cellCapacity, freeCapacity } from './capacity.ts';
import { afterFailure, healthyCell } from './cell-health.ts';
import { pullRetryMs } from './pull-retry.ts';
import { cpuEntitlement, usageRates } from './usage.ts';

test('a pull is tried again with growing pauses, and not when the image is at fault', () => {
  expect([1, 2, 3, 4, 5].map((failures) => pullRetryMs('unavailable', failures, 0.5))).toEqual([
    1_000,
    2_000,
    4_000,
    8_000,
    undefined,
  ]);
  expect(pullRetryMs('unavailable', 1, 0)).toBe(750);
  for (const kind of ['not-found', 'invalid', 'unauthenticated', 'forbidden'] as const) {
    expect(pullRetryMs(kind, 1, 0.5)).toBeUndefined();
  }
});

test('usage is the difference of two samples over their time', () => {
  const before = { at: 1_000, cpuNanoseconds: 5e9, logBytes: 100 };
  expect(usageRates(before, { at: 3_000, cpuNanoseconds: 6e9, logBytes: 1_100 })).toEqual({
    cpu: 0.5,
    logBytesPerSecond: 500,
  });
  expect(usageRates(before, { at: 2_000, cpuNanoseconds: 0, logBytes: 0 })).toEqual({ cpu: 0, logBytesPerSecond: 0 });
  expect(usageRates(before, before)).toEqual({ cpu: 0, logBytesPerSecond: 0 });
});

test('capacity is what the operator says, else the machine less a reserve', () => {
  const machine = { memoryMb: 16_384, diskMb: 100_000 };
  const unset = { memoryMb: undefined, diskMb: undefined, containers: 250 };
  expect(cellCapacity(unset, machine)).toEqual({ memoryMb: 14_336, diskMb: 100_000, containers: 250 });
  expect(cellCapacity(unset, { memoryMb: 1_024, diskMb: 5 })).toEqual({ memoryMb: 512, diskMb: 5, containers: 250 });
  expect(cellCapacity({ memoryMb: 100, diskMb: 200, containers: 3 }, machine)).toEqual({
    memoryMb: 100,
    diskMb: 200,
    containers: 3,
  });
});

test('what is free is what nobody was promised, and never less than nothing', () => {
  const capacity = { memoryMb: 100, diskMb: 50, containers: 2 };
  expect(freeCapacity(capacity, [])).toEqual(capacity);
  const claim = { memoryMb: 30, diskMb: 40 };
  expect(freeCapacity(capacity, [claim])).toEqual({ memoryMb: 70, diskMb: 10, containers: 1 });
  expect(freeCapacity(capacity, [claim, claim, claim])).toEqual({ memoryMb: 10, diskMb: 0, containers: 0 });
});

test('a cell that fails twice in its own right is suspect, or has no room; images that fail say nothing of it', () => {
  const own = { step: 'create', kind: 'internal', code: 'RUNTIME_FAILED' } as const;
  const once = afterFailure(healthyCell, own, 'runc failed');
  expect(once).toMatchObject({ reason: undefined, suspect: false });
  // It may be what it was asked to run: a container of its own will show.
  expect(afterFailure(once, own, 'runc failed')).toMatchObject({ reason: undefined, suspect: true });
  // One that does not go is no reason to make no other.
  expect(afterFailure(once, { ...own, step: 'delete', kind: 'timeout' }, 'frozen')).toBe(once);
  const full = { step: 'pull', kind: 'exhausted', code: 'LAYER_STORE_FULL' } as const;
  expect(afterFailure(once, full, 'disk full').reason).toBe('disk full');
  expect(afterFailure(once, { ...full, neededBytes: 200_000_000 }, 'disk full').reason).toBe('disk full');
  // An image that fits nowhere says nothing of the cell.
  expect(afterFailure(once, { ...full, neededBytes: 40_000_000_000 }, 'disk full')).toBe(once);
  for (const foreign of [
    { step: 'pull', kind: 'unavailable', code: 'LAYER_FETCH_FAILED' },
    { step: 'start', kind: 'not-found', code: 'USER_NOT_FOUND' },
    { step: 'create', kind: 'invalid', code: 'IMAGE_ID_UNMAPPED' },
  ] as const) {
    expect(afterFailure(once, foreign, 'bad image')).toBe(once);
  }
});

test('half a core of an instance with a quarter of the memory of two cores is all that it may count on', () => {
  expect(cpuEntitlement(0.5, 256, { cores: 2, memoryMb: 1_024 })).toBe(1);
  expect(cpuEntitlement(1, 256, { cores: 2, memoryMb: 1_024 })).toBe(2);
  expect(cpuEntitlement(1, 256, { cores: 2, memoryMb: 0 })).toBe(0);
});
