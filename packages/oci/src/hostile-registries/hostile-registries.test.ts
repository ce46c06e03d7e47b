// @module-tag root
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { HOSTILE_REGISTRIES } from './corpus.test-support.ts';
import type { Ending, Played } from './hostile-registry.test-support.ts';

// All are played in one process of a network namespace of its own, in which metadata addresses, private ones and public
// ones are all its own: what must not be reached could be, and would be noticed. Needs root, unshare and ip.

const played = new Map<string, Played>();
let traps: Ending['traps'];

beforeAll(async () => {
  const script = fileURLToPath(new URL('./play-registries.test-support.ts', import.meta.url));
  const { stdout } = await promisify(execFile)('unshare', ['--net', process.execPath, script], {
    maxBuffer: 64 * 1024 * 1024,
  });
  for (const line of stdout.trim().split('\n')) {
    const told = JSON.parse(line) as Played | Ending;
    if ('traps' in told) traps = told.traps;
    else played.set(`${told.title}: ${told.name}`, told);
  }
}, 600_000);

describe.each(HOSTILE_REGISTRIES)('$title', ({ title, registries }) => {
  test.each(registries)('$name', ({ name, expect: outcome }) => {
    expect(played.get(`${title}: ${name}`)).toMatchObject({
      outcome: 'refused' in outcome ? outcome.refused : 'pulled',
      stolen: [],
    });
  });
});

test('there are at least 150 hostile registries', () => {
  const names = HOSTILE_REGISTRIES.flatMap(({ title, registries }) =>
    registries.map(({ name }) => `${title}: ${name}`),
  );
  expect(new Set(names).size).toBe(names.length);
  expect(names.length).toBeGreaterThanOrEqual(150);
});

test('nobody was asked at a special or private address, where someone was waiting', () => {
  expect(traps).toEqual({ armed: true, sprung: [] });
});
