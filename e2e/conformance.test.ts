// @module-tag root
import { randomBytes } from 'node:crypto';
import { type LaunchedPlatform, launchPlatform } from '@slipway/infra';
import { CfClient, type RegistryHandle, startAnyRegistry } from '@slipway/testing';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { playCase, type Stage } from './src/conformance/play-case.ts';
import { CONFORMANCE_ROWS } from './src/conformance/rows.ts';

// Each row of docs/conformance.md, played on real containers of a whole platform.

let platform: LaunchedPlatform;
let registry: RegistryHandle;
let stage: Stage;

beforeAll(async () => {
  registry = await startAnyRegistry();
  platform = await launchPlatform({ settings: { SLIPWAY_CELL_ID: `e2e-${randomBytes(3).toString('hex')}` } });
  const login = { username: 'admin', password: platform.adminPassword };
  const cf = new CfClient({ url: platform.url, ...login, checkAnswers: true });
  const spaceGuid = await cf.space('conformance', await cf.organization('conformance'));
  const until: Stage['until'] = (look) =>
    vi.waitUntil(look, { timeout: 90_000, interval: 100 }) as ReturnType<Stage['until']> as never;
  stage = { cf, registry, spaceGuid, until };
});
afterAll(async () => {
  await platform?.stop();
  await registry?.stop();
});

describe.each(CONFORMANCE_ROWS)('$field', ({ cases }) => {
  test.each(cases)('$name', async (each) => {
    const report = await playCase(stage, each);
    const { env = {}, refused, notStaged, logged, stopped, ...exact } = each.see;
    const told = report.log.join('\n');
    expect(report, told).toMatchObject(exact);
    for (const [name, value] of Object.entries(env)) expect(report.env.get(name) ?? null, name).toBe(value);
    if (refused !== undefined) expect(report.refused).toContain(refused);
    if (notStaged !== undefined) expect(report.notStaged).toContain(notStaged);
    if (logged !== undefined) expect(told).toContain(logged);
    if (stopped !== undefined) expect(report.log).toEqual(expect.arrayContaining([...stopped]));
  });
});
