import fc from 'fast-check';
import { expect, test } from 'vitest';
import { lookUp, type Zone } from './zone.ts';

const zone: Zone = {
  domains: ['apps.internal', 'cluster.test'],
  hosts: {
    'backend.apps.internal': [
      { index: 0, address: '10.0.0.2' },
      { index: 1, address: '10.0.1.2' },
      { index: 2 },
      { index: 1, address: '10.0.1.3' },
    ],
    'deep.down.apps.internal': [{ index: 0 }],
    '7.apps.internal': [{ index: 0, address: '10.0.0.9' }],
  },
};

test.each([
  ['backend.apps.internal', 'A', ['10.0.0.2', '10.0.1.2', '10.0.1.3']],
  ['BackEnd.Apps.Internal.', 'A', ['10.0.0.2', '10.0.1.2', '10.0.1.3']],
  ['0.backend.apps.internal', 'A', ['10.0.0.2']],
  ['1.backend.apps.internal', 'A', ['10.0.1.2', '10.0.1.3']],
  ['7.apps.internal', 'A', ['10.0.0.9']],
  // It is there and not to be used, or has no address of that kind, or only names below it.
  ['2.backend.apps.internal', 'A', []],
  ['deep.down.apps.internal', 'A', []],
  ['backend.apps.internal', 'AAAA', []],
  ['backend.apps.internal', 'TXT', []],
  ['down.apps.internal', 'A', []],
  ['apps.internal', 'A', []],
  ['cluster.test', 'NS', []],
])('%s %s: %j', (name, type, addresses) => {
  expect(lookUp(zone, name, type)).toEqual({ kind: 'addresses', addresses });
});

test.each([
  'none.apps.internal',
  '3.backend.apps.internal',
  '00.backend.apps.internal',
  'x.cluster.test',
  'xbackend.apps.internal',
  'constructor.apps.internal',
])('there is no %s', (name) => {
  expect(lookUp(zone, name, 'A')).toEqual({ kind: 'no-such-name' });
  expect(lookUp(zone, name, 'AAAA')).toEqual({ kind: 'no-such-name' });
});

test('whatever ends in an internal domain stays here, and all else is asked elsewhere', () => {
  const label = fc.constantFrom('apps', 'internal', 'backend', '0', 'x', 'cluster', 'test', 'APPS', 'Internal');
  fc.assert(
    fc.property(fc.array(label, { minLength: 1, maxLength: 5 }), fc.boolean(), (labels, dot) => {
      const name = labels.join('.');
      const internal = /(^|\.)(apps\.internal|cluster\.test)$/i.test(name);
      expect(lookUp(zone, dot ? `${name}.` : name, 'A').kind === 'elsewhere').toBe(!internal);
    }),
  );
});
