import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Entry, FairQueue } from './fair-queue.ts';

function drain(queue: FairQueue<string>): Entry<string>[] {
  const entries: Entry<string>[] = [];
  for (let entry = queue.take(); entry !== undefined; entry = queue.take()) entries.push(entry);
  return entries;
}

const textOf = (entry: Entry<string>): string =>
  entry.kind === 'line' ? entry.line : `gap of ${entry.lines} (${entry.bytes})`;

test('whoever writes one line waits for no more than a turn of whoever writes thousands', () => {
  const queue = new FairQueue<string>(100_000_000);
  for (let n = 0; n < 10_000; n++) queue.push('loud', `loud ${n}`, 100);
  queue.push('quiet', 'quiet', 5);
  expect(drain(queue).slice(0, 20).map(textOf)).toContain('quiet');
});

test('short lines are no way around a turn', () => {
  const queue = new FairQueue<string>(100_000_000);
  for (let n = 0; n < 1_000; n++) {
    queue.push('short', 'short', 1);
    queue.push('long', 'long', 1);
  }
  const first = drain(queue).slice(0, 500).map(textOf);
  expect(first.filter((text) => text === 'short').length).toBeGreaterThan(200);
  expect(first.filter((text) => text === 'long').length).toBeGreaterThan(200);
});

test('without room the longest queue gives way, where it would have been, and the others lose nothing', () => {
  const queue = new FairQueue<string>(10 * 612);
  for (let n = 0; n < 12; n++) queue.push('loud', `loud ${n}`, 100);
  for (let n = 0; n < 3; n++) queue.push('quiet', `quiet ${n}`, 100);
  const texts = drain(queue).map(textOf);
  expect(texts.filter((text) => text.startsWith('quiet'))).toEqual(['quiet 0', 'quiet 1', 'quiet 2']);
  const loud = texts.filter((text) => !text.startsWith('quiet'));
  expect(loud.slice(0, -1)).toEqual(Array.from({ length: loud.length - 1 }, (_, n) => `loud ${n}`));
  expect(loud.at(-1)).toBe(`gap of ${12 - (loud.length - 1)} (${(12 - (loud.length - 1)) * 100})`);
});

test('whatever comes and goes, each line of an origin leaves in its order or is counted in a gap at its place', () => {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.record({ origin: fc.nat(3), bytes: fc.nat(3_000) }) },
    { weight: 1, arbitrary: fc.constant('take' as const) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), fc.integer({ min: 1_000, max: 30_000 }), (steps, room) => {
      const queue = new FairQueue<{ origin: number; n: number; bytes: number }>(room);
      const pushed = [0, 0, 0, 0];
      const bytesIn = [0, 0, 0, 0];
      const next = [0, 0, 0, 0];
      const bytesOut = [0, 0, 0, 0];
      const check = (entry: ReturnType<typeof queue.take>): void => {
        if (entry === undefined) return;
        const line = entry.kind === 'line' ? entry.line : entry.first;
        expect(line.n).toBe(next[line.origin]);
        next[line.origin] = line.n + (entry.kind === 'line' ? 1 : entry.lines);
        bytesOut[line.origin] = (bytesOut[line.origin] ?? 0) + entry.bytes;
      };
      for (const each of steps) {
        if (each === 'take') {
          check(queue.take());
          continue;
        }
        const { origin, bytes } = each;
        const n = pushed[origin] ?? 0;
        pushed[origin] = n + 1;
        bytesIn[origin] = (bytesIn[origin] ?? 0) + bytes;
        queue.push(String(origin), { origin, n, bytes }, bytes);
      }
      while (!queue.empty) check(queue.take());
      expect(next).toEqual(pushed);
      expect(bytesOut).toEqual(bytesIn);
      for (const origin of [0, 1, 2, 3]) expect(queue.costOf(String(origin))).toBe(0);
    }),
  );
});
