import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Trigger } from './trigger.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

function counting(work: () => Promise<void> = async () => undefined): { trigger: Trigger; runs: () => number } {
  let runs = 0;
  const trigger = new Trigger(async () => {
    runs++;
    await work();
  });
  return { trigger, runs: () => runs };
}

test('a burst of requests gives one run, after it has paused', async () => {
  const { trigger, runs } = counting();
  for (let i = 0; i < 4; i++) {
    trigger.request();
    await vi.advanceTimersByTimeAsync(20);
  }
  expect(runs()).toBe(0);
  await vi.advanceTimersByTimeAsync(10);
  expect(runs()).toBe(1);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(runs()).toBe(1);
});

test('requests that never pause are not kept waiting for longer than 100 ms', async () => {
  const { trigger, runs } = counting();
  for (let i = 0; i < 100; i++) {
    trigger.request();
    await vi.advanceTimersByTimeAsync(10);
  }
  expect(runs()).toBeGreaterThanOrEqual(9);
});

test('a request during a run gives one more after it, never two at once', async () => {
  let inside = 0;
  const { trigger, runs } = counting(async () => {
    inside++;
    expect(inside).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 50));
    inside--;
  });
  trigger.request();
  await vi.advanceTimersByTimeAsync(30);
  for (let i = 0; i < 5; i++) trigger.request();
  expect(runs()).toBe(1);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(runs()).toBe(2);
});

test('after a long run it rests, so that runs take no more than a third of the time', async () => {
  const { trigger, runs } = counting(() => new Promise((resolve) => setTimeout(resolve, 90)));
  for (let i = 0; i < 300; i++) {
    trigger.request();
    await vi.advanceTimersByTimeAsync(10);
  }
  expect(runs()).toBeGreaterThanOrEqual(10);
  expect(runs()).toBeLessThanOrEqual(12);
});

test('a stop waits for the run under way and allows no other', async () => {
  let ended = false;
  const { trigger, runs } = counting(async () => {
    await new Promise((resolve) => setTimeout(resolve, 50));
    ended = true;
  });
  trigger.request();
  await vi.advanceTimersByTimeAsync(30);
  trigger.request();
  const stopped = trigger.stop();
  await vi.advanceTimersByTimeAsync(100);
  await stopped;
  expect(ended).toBe(true);
  trigger.request();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(runs()).toBe(1);
});
