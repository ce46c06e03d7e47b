import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseFieldLines } from '../http/field-lines.ts';
import { pickEndpoint } from './balance.ts';
import type { Endpoint } from './endpoint.ts';
import { hashKeyOf, preferenceOf, readHashRouting } from './hash-routing.ts';
import { Pool } from './pool.ts';
import { endpointOf } from './test-endpoints.test-support.ts';

const settings = { maxWaiting: 10, failureMarkMs: 30_000 };
const hash = { header: 'x-tenant', balance: 0 };

function poolOf(count: number, balance = 0): Pool {
  const pool = new Pool('a.com', '/', 'round-robin', 0);
  pool.hash = { ...hash, balance };
  for (let i = 0; i < count; i++) pool.add(endpointOf(i));
  return pool;
}
const ask = (pool: Pool, hashKey: string | undefined, tried: Endpoint[] = []): number | string => {
  const query = { now: 0, random: () => 0.5, tried: new Set(tried), ...(hashKey === undefined ? {} : { hashKey }) };
  const pick = pickEndpoint(pool, query, settings);
  return typeof pick === 'string' ? pick : pick.spec.port;
};
const fieldsOf = (text: string) => {
  const fields = parseFieldLines(text, 0, 10);
  if (typeof fields === 'string') throw new Error(fields);
  return fields;
};

test('requests of one value go to one instance, those without to each in turn', () => {
  const pool = poolOf(3);
  const home = ask(pool, 'tenant-1');
  for (let i = 0; i < 5; i++) expect(ask(pool, 'tenant-1')).toBe(home);
  expect([ask(pool, undefined), ask(pool, undefined), ask(pool, undefined)]).toEqual([0, 1, 2]);
});

test('a retry goes to the next that the value prefers; a marked or busy one is passed over', () => {
  const pool = poolOf(3);
  const order = preferenceOf('t', pool.endpoints);
  expect(ask(pool, 't', order.slice(0, 1))).toBe(order[1]?.spec.port);
  order[0]?.backend.markFailed(0);
  expect(ask(pool, 't')).toBe(order[1]?.spec.port);
  if (order[1] !== undefined) order[1].backend.waiting = 10;
  expect(ask(pool, 't')).toBe(order[2]?.spec.port);
});

test('an instance with too much of what is under way is passed over, unless all have', () => {
  const pool = poolOf(3, 1.5);
  const order = preferenceOf('t', pool.endpoints);
  const [first, second] = order as [Endpoint, Endpoint];
  first.backend.waiting = 3;
  expect(ask(pool, 't')).toBe(second.spec.port);
  for (const { backend } of order) backend.waiting = 3;
  expect(ask(pool, 't')).toBe(first.spec.port);
});

test('the field is found whatever its case, and not when it is in disguise or empty', () => {
  expect(hashKeyOf(fieldsOf('Host: a\r\nX-TENANT: blue\r\n'), hash)).toBe('blue');
  expect(hashKeyOf(fieldsOf('X_Tenant: blue\r\n'), hash)).toBeUndefined();
  expect(hashKeyOf(fieldsOf('X-Tenant:\r\n'), hash)).toBeUndefined();
  expect(readHashRouting('X-Tenant', 1.5)).toEqual({ header: 'x-tenant', balance: 1.5 });
  for (const [header, balance] of [
    [undefined, 0],
    ['', 0],
    ['a b', 0],
    ['x', -1],
    ['x', Number.NaN],
  ] as const) {
    expect(readHashRouting(header, balance)).toBeUndefined();
  }
});

test('when an instance leaves only its own values move, and every value has a home', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 12 }), fc.array(fc.string({ minLength: 1 })), fc.nat(), (count, keys, n) => {
      const pool = poolOf(count);
      const before = new Map(keys.map((key) => [key, ask(pool, key)]));
      const gone = pool.endpoints[n % count] as Endpoint;
      pool.remove(gone, 0);
      for (const [key, home] of before) {
        const now = ask(pool, key);
        if (home === gone.spec.port) expect(now).not.toBe(home);
        else expect(now).toBe(home);
      }
    }),
  );
});

test('values spread over the instances', () => {
  const pool = poolOf(4);
  const counts = new Map<number | string, number>();
  for (let i = 0; i < 4_000; i++) {
    const port = ask(pool, `tenant-${i}`);
    counts.set(port, (counts.get(port) ?? 0) + 1);
  }
  expect(counts.size).toBe(4);
  for (const count of counts.values()) {
    expect(count).toBeGreaterThan(800);
    expect(count).toBeLessThan(1_200);
  }
});
