// @module-tag root
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ESCAPES, isolationProbes, runSealed } from '@slipway/testing';
import { beforeAll, describe, expect, test } from 'vitest';
import type { IsolationReport } from './isolation-player.test-support.ts';

// All is played at once, in real containers on a machine with a network and mounts of its own; here is what came of it.
// docs/isolation.md has the same table, with Docker's column beside it.

let report: IsolationReport;
beforeAll(async () => {
  const player = fileURLToPath(new URL('./isolation-player.test-support.ts', import.meta.url));
  report = (await runSealed(player)) as IsolationReport;
}, 300_000);

/** Programs of system calls are made for x86-64. */
const playable = ({ calls }: { readonly calls?: unknown }): boolean => calls === undefined || process.arch === 'x64';

describe.each(isolationProbes(process.pid))('$title', ({ probes }) => {
  test.each(probes.filter(playable))('$name: $slipway', ({ name, slipway, withAppArmor = slipway }) => {
    expect(report.probes[name]).toBe(report.isolation.appArmorProfile === undefined ? slipway : withAppArmor);
  });
});

test('the cell says what this machine has', () => {
  const appArmor = existsSync('/sys/kernel/security/apparmor/profiles');
  expect(report.isolation).toMatchObject({ userIds: 'own', seccomp: true });
  expect(report.isolation.cgroups === 'v2').toBe(existsSync('/sys/fs/cgroup/cgroup.controllers'));
  if (!appArmor) expect(report.isolation).not.toHaveProperty('appArmorProfile');
});

describe('images that lead runtimes astray', () => {
  test.each(ESCAPES)('$name: $slipway', ({ name, slipway }) => {
    expect(report.escapes[name]).toBe(slipway);
  });
});
