// @module-tag root
import { describe, expect, onTestFinished, test } from 'vitest';
import { type CommandLine, runCommandLine } from './src/command-line.ts';
import { leftovers } from './src/leftovers.ts';

/** At which of its own lines the demo is interrupted. */
const moments = [
  'Starting Slipway',
  'platform ready',
  'push it to the registry',
  'stage ',
  'map a route',
  'start an instance',
];

describe('Ctrl-C during the demo', () => {
  test.each(moments)('at "%s" leaves nothing behind', async (moment) => {
    const platform = await runCommandLine(['demo']);
    onTestFinished(() => platform.dispose());
    await said(platform, moment);
    platform.interrupt();
    expect([0, 130]).toContain(await platform.exited());
    expect(await leftovers(platform)).toEqual([]);
  });

  test('that is left to itself with --exit ends with status 0 and leaves nothing', async () => {
    const platform = await runCommandLine(['demo', '--exit']);
    onTestFinished(() => platform.dispose());
    expect(await platform.exited()).toBe(0);
    expect(platform.output()).toMatch(/answers 200/);
    expect(platform.output()).toMatch(/sha256:[0-9a-f]{64}/);
    expect(await leftovers(platform)).toEqual([]);
  });
});

async function said(platform: CommandLine, text: string): Promise<void> {
  await expect.poll(() => platform.output(), { timeout: 120_000 }).toContain(text);
}
