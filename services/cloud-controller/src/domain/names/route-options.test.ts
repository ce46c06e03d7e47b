import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  changedOptions,
  manifestOptionFaultText,
  missingOption,
  optionFaultText,
  type RouteOptions,
  readRouteOptions,
} from './route-options.ts';

const texts = (given: Record<string, unknown>, hash = true): string[] => {
  const result = readRouteOptions(given, hash);
  return result.outcome === 'rejected' ? result.faults.map((fault) => optionFaultText(fault, hash)) : [];
};

test.each<[Record<string, unknown>, string]>([
  [
    { loadbalancing: 'random' },
    "Options Loadbalancing must be one of 'round-robin, least-connection, hash' if present",
  ],
  [{ colour: 'blue' }, "Options Unknown field(s): 'colour'"],
  [{ hash_header: 'x'.repeat(129) }, 'Options Hash header must be at most 128 characters'],
  [{ hash_header: 'a b' }, 'Options Hash header must be the name of an HTTP header'],
  [{ hash_balance: '1.05' }, 'Options Hash balance must be either 0 or between 1.1 and 10.0'],
  [{ hash_balance: 'much' }, 'Options Hash balance must be a numeric value'],
  [{ hash_balance: '1'.repeat(17) }, 'Options Hash balance must be at most 16 characters'],
  [
    { loadbalancing: 'round-robin', hash_header: 'X' },
    'Options Hash header can only be set when loadbalancing is hash',
  ],
])('%j: %s', (given, text) => {
  expect(texts(given)).toEqual([text]);
});

test('hash is unknown unless its feature flag is on', () => {
  expect(texts({ loadbalancing: 'hash' }, false)).toEqual([
    "Options Loadbalancing must be one of 'round-robin, least-connection' if present",
  ]);
  expect(texts({ hash_header: 'X' }, false)).toEqual(["Options Unknown field(s): 'hash_header'"]);
  expect(texts({ loadbalancing: 'hash', hash_header: 'X', hash_balance: 1.5 })).toEqual([]);
});

test('manifests say which route it is', () => {
  const said = (given: Record<string, unknown>): string[] => {
    const result = readRouteOptions(given, false);
    return result.outcome === 'read' ? [] : result.faults.map((fault) => manifestOptionFaultText(fault, 'a.b', false));
  };
  expect(said({ colour: 1 })).toEqual([
    "Route 'a.b' contains invalid route option 'colour'. Valid keys: 'loadbalancing'",
  ]);
  expect(said({ loadbalancing: 'x' })).toEqual([
    "Cannot use loadbalancing value 'x' for Route 'a.b'; Valid values are: 'round-robin, least-connection'",
  ]);
  expect(said({ loadbalancing: 7 })).toEqual([
    "Invalid value for 'loadbalancing' for Route 'a.b'; Valid values are: 'round-robin, least-connection'",
  ]);
});

test('null removes, and what only hash needs goes with it', () => {
  const hash: RouteOptions = { loadbalancing: 'hash', hash_header: 'X', hash_balance: '1.5' };
  expect(changedOptions({}, { loadbalancing: 'round-robin' })).toEqual({ loadbalancing: 'round-robin' });
  expect(changedOptions(hash, { hash_balance: null })).toEqual({ loadbalancing: 'hash', hash_header: 'X' });
  expect(changedOptions(hash, { loadbalancing: 'least-connection' })).toEqual({ loadbalancing: 'least-connection' });
  expect(changedOptions(hash, { loadbalancing: null })).toEqual({});
  expect(missingOption({ loadbalancing: 'hash' })).toBe(
    'Hash header must be present when loadbalancing is set to hash.',
  );
  expect(missingOption(hash)).toBeUndefined();
});

test('whatever is accepted can be kept: it is text, and complete or said to be incomplete', () => {
  const value = fc.oneof(
    fc.constantFrom('round-robin', 'least-connection', 'hash', '0', '1.5', 'X-Tenant', null, 2, ''),
    fc.jsonValue(),
  );
  const key = fc.constantFrom('loadbalancing', 'hash_header', 'hash_balance', '__proto__', 'other');
  fc.assert(
    fc.property(fc.dictionary(key, value), fc.boolean(), (given, hash) => {
      const result = readRouteOptions(given, hash);
      if (result.outcome === 'rejected') {
        expect(result.faults.length).toBeGreaterThan(0);
        return;
      }
      const options = changedOptions({}, result.change);
      expect(Object.values(options).every((each) => typeof each === 'string')).toBe(true);
      if (options.hash_balance !== undefined) expect(Number(options.hash_balance)).toBeLessThanOrEqual(10);
      if (options.loadbalancing !== 'hash') expect(Object.keys(options).length).toBeLessThanOrEqual(1);
    }),
  );
});

test.each(['loadbalancing', 'hash_header', 'hash_balance'])(
  'a %s with a toString of its own is just no text',
  (key) => {
    const result = readRouteOptions({ [key]: { toString: '', valueOf: 1 } }, true);
    expect(result).toMatchObject({ outcome: 'rejected' });
    if (result.outcome === 'rejected')
      expect(result.faults.map((fault) => optionFaultText(fault, true))).toHaveLength(1);
  },
);
