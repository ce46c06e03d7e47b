import fc from 'fast-check';
import { expect, test } from 'vitest';
import { leavesMemory, lrpSidecars, memoryBesideSidecars, type SidecarSettings, sameSidecars } from './sidecars.ts';

const sidecar = (name: string, memoryMb: number | null, types: string[] = ['web']): SidecarSettings => ({
  name,
  command: `run ${name}`,
  memoryMb,
  types,
});

test('a sidecar is told of its own share, or of all of the process’s memory', () => {
  const [proxy, other] = lrpSidecars({
    process: { type: 'web', memoryMb: 256 },
    sidecars: [sidecar('proxy', 64), sidecar('Other one', null)],
    vcapApplication: (memoryMb) => ({ limits: { mem: memoryMb } }),
  });
  expect(proxy).toEqual({
    name: 'proxy',
    argv: ['/bin/sh', '-c', 'run proxy'],
    environment: { VCAP_APPLICATION: '{"limits":{"mem":64}}', MEMORY_LIMIT: '64m' },
    sourceType: 'APP/PROC/WEB/SIDECAR/PROXY',
  });
  expect(other).toMatchObject({
    environment: { MEMORY_LIMIT: '256m' },
    sourceType: 'APP/PROC/WEB/SIDECAR/OTHER ONE',
  });
});

test('shares are accepted exactly when something is left for the app', () => {
  const shares = fc.array(fc.option(fc.integer({ min: 1, max: 4_096 })), { maxLength: 5 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 8_192 }), shares, (memoryMb, memories) => {
      const sidecars = memories.map((share, i) => sidecar(String(i), share));
      const sum = memories.reduce<number>((total, share) => total + (share ?? 0), 0);
      expect(leavesMemory(memoryMb, sidecars)).toBe(sum < memoryMb);
      expect(memoryBesideSidecars(memoryMb, sidecars)).toBe(memoryMb - sum);
    }),
  );
});

test('what is compared is what runs, in whatever order it is kept', () => {
  const both = [sidecar('a', 1, ['web', 'worker']), sidecar('b', null)];
  expect(sameSidecars(both, [sidecar('b', 7), sidecar('a', 2, ['worker', 'web'])])).toBe(true);
  expect(sameSidecars(both, [sidecar('a', 1), sidecar('b', null)])).toBe(false);
  expect(sameSidecars(both, [{ ...sidecar('a', 1, ['web', 'worker']), command: 'x' }, sidecar('b', null)])).toBe(false);
  expect(sameSidecars(both, [])).toBe(false);
});
