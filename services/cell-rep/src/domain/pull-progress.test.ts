import { expect, test } from 'vitest';
import { PullProgress } from './pull-progress.ts';

const layer = (digest: string, state: 'cached' | 'waiting' | 'downloading' | 'ready', bytes: number, size: number) => ({
  digest,
  state,
  bytes,
  size,
});

test('a pull says once what is missing, then from time to time how far it is, then how long it took', () => {
  const progress = new PullProgress(0);
  const said = [
    progress.note(layer('a', 'cached', 9_000_000, 9_000_000), 0),
    progress.note(layer('b', 'waiting', 0, 40_000_000), 0),
    progress.note(layer('c', 'waiting', 0, 2_000_000), 0),
    progress.note(layer('b', 'downloading', 1_000_000, 40_000_000), 100),
    progress.note(layer('c', 'downloading', 2_000_000, 2_000_000), 4_000),
    progress.note(layer('c', 'ready', 2_000_000, 2_000_000), 4_500),
    progress.note(layer('b', 'downloading', 10_500_000, 40_000_000), 5_100),
    progress.note(layer('b', 'downloading', 11_000_000, 40_000_000), 5_200),
    progress.note(layer('b', 'ready', 40_000_000, 40_000_000), 12_000),
    progress.end(12_345),
  ];
  expect(said.filter((line) => line !== undefined)).toEqual([
    'downloading 2 layers, 42.0 MB',
    'downloaded 12.5 MB of 42.0 MB',
    'downloaded 2 layers, 42.0 MB, in 12.3 s',
  ]);
});

test('a pull of what is there says nothing', () => {
  const progress = new PullProgress(0);
  expect(progress.note(layer('a', 'cached', 9, 9), 1)).toBeUndefined();
  expect(progress.end(2)).toBeUndefined();
});
