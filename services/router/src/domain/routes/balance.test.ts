import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type BalancerSettings, type PickQuery, pickEndpoint } from './balance.ts';
import type { Endpoint } from './endpoint.ts';
import { type BalancingAlgorithm, balancingAlgorithms, Pool } from './pool.ts';
import { endpointOf } from './test-endpoints.test-support.ts';

const settings: BalancerSettings = { maxWaiting: 10, failureMarkMs: 30_000 };

function poolOf(count: number, algorithm: BalancingAlgorithm = 'round-robin'): Pool {
  const pool = new Pool('a.com', '/', algorithm, 0);
  for (let i = 0; i < count; i++) pool.add(endpointOf(i));
  return pool;
}

const ask = (pool: Pool, more: Partial<PickQuery> = {}): Endpoint | 'busy' | 'none' =>
  pickEndpoint(pool, { now: 0, random: () => 0.99, tried: new Set(), ...more }, settings);

const picks = (pool: Pool, count: number, more: Partial<PickQuery> = {}): (number | string)[] =>
  Array.from({ length: count }, () => {
    const pick = ask(pool, more);
    return typeof pick === 'string' ? pick : pick.spec.port;
  });

const at = (pool: Pool, index: number): Endpoint => pool.endpoints[index] as Endpoint;

test('endpoints take turns, also when one leaves or comes', () => {
  const pool = poolOf(3);
  expect(picks(pool, 4)).toEqual([0, 1, 2, 0]);
  pool.remove(at(pool, 0), 0);
  expect(picks(pool, 3)).toEqual([1, 2, 1]);
  pool.add(endpointOf(9));
  expect(picks(pool, 3)).toEqual([2, 9, 1]);
});

test('a marked backend is passed over until the mark is old', () => {
  for (const algorithm of balancingAlgorithms) {
    const pool = poolOf(2, algorithm);
    at(pool, 0).backend.markFailed(0);
    expect(picks(pool, 3, { now: 29_999 })).toEqual([1, 1, 1]);
    expect(picks(pool, 2, { now: 30_000 })).toContain(0);
  }
});

test('when all are marked all marks are cleared', () => {
  const pool = poolOf(2);
  for (const { backend } of pool.endpoints) backend.markFailed(0);
  expect(picks(pool, 3)).toEqual([0, 1, 0]);
});

test('a backend at its limit is passed over; when all are, that is the answer', () => {
  const pool = poolOf(2);
  at(pool, 0).backend.waiting = 10;
  expect(picks(pool, 2)).toEqual([1, 1]);
  at(pool, 1).backend.waiting = 10;
  expect(ask(pool)).toBe('busy');
  expect(pickEndpoint(pool, { now: 0, random: () => 0, tried: new Set() }, { ...settings, maxWaiting: 0 })).not.toBe(
    'busy',
  );
});

test('a marked backend serves rather than one at its limit', () => {
  const pool = poolOf(2);
  at(pool, 0).backend.markFailed(0);
  at(pool, 1).backend.waiting = 10;
  expect(picks(pool, 1)).toEqual([0]);
});

test('least-connection takes the one with the fewest unanswered requests, and among equals each in turn of chance', () => {
  const pool = poolOf(3, 'least-connection');
  at(pool, 0).backend.waiting = 1;
  expect(picks(pool, 2)).toEqual([1, 1]);
  expect(picks(pool, 1, { random: () => 0 })).toEqual([2]);
});

test('whatever the state, a pick is wanted, untried and not at its limit, and there is one if any is left', () => {
  const state = fc.record({
    waiting: fc.integer({ min: 8, max: 11 }),
    marked: fc.boolean(),
    tried: fc.boolean(),
    wanted: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.array(state, { maxLength: 6 }),
      fc.constantFrom(...balancingAlgorithms),
      fc.nat(50),
      (states, algorithm, cursor) => {
        const pool = poolOf(states.length, algorithm);
        pool.cursor = cursor;
        const tried = new Set<Endpoint>();
        for (const [i, { waiting, marked, tried: isTried }] of states.entries()) {
          at(pool, i).backend.waiting = waiting;
          if (marked) at(pool, i).backend.markFailed(0);
          if (isTried) tried.add(at(pool, i));
        }
        const among = (endpoint: Endpoint): boolean => states[endpoint.spec.port]?.wanted === true;
        const left = states.filter((one) => one.wanted && !one.tried);
        const free = left.filter(({ waiting }) => waiting < settings.maxWaiting);
        const pick = ask(pool, { tried, among });
        if (left.length === 0) expect(pick).toBe('none');
        else if (free.length === 0) expect(pick).toBe('busy');
        else {
          const chosen = typeof pick === 'string' ? undefined : states[pick.spec.port];
          expect(free).toContain(chosen);
          if (free.some(({ marked }) => !marked)) expect(chosen?.marked).toBe(false);
        }
      },
    ),
  );
});
