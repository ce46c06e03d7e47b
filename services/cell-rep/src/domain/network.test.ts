import type { Instance, NetworkRecord } from '@slipway/contracts';
import { expect, test } from 'vitest';
import { addressesOf, type HeldNetwork, holdNetwork, policiesOf, zoneOf } from './network.ts';
import { sampleGuid, sampleProcessGuid } from './samples.test-support.ts';

const policy = (source: number, destination: number): NetworkRecord => ({
  v: 1,
  kind: 'policy',
  source: sampleGuid(source),
  destination: sampleGuid(destination),
  ports: [{ protocol: 'tcp', start: 8080, end: 8080 }],
});
const keyOf = (record: NetworkRecord): string =>
  record.kind === 'policy' ? `${record.source}.${record.destination}` : record.kind;
const none: HeldNetwork = new Map();
const hold = (before: HeldNetwork, records: NetworkRecord[], complete: boolean, deleted: readonly string[] = []) =>
  holdNetwork(before, { records, complete, deleted: (key) => deleted.includes(key) }, keyOf);

test('what is missing goes only when all is known, or when its deletion was seen; what is new holds at once', () => {
  const [ab, cd] = [policy(1, 2), policy(3, 4)];
  const both = hold(none, [ab, cd], true);
  expect(policiesOf(both)).toEqual([ab, cd]);
  // The store was lost.
  expect(policiesOf(hold(both, [], false))).toEqual([ab, cd]);
  expect(policiesOf(hold(both, [policy(5, 6)], false))).toEqual([ab, cd, policy(5, 6)]);
  expect(policiesOf(hold(both, [cd], false, [keyOf(ab)]))).toEqual([cd]);
  expect(policiesOf(hold(both, [cd], true))).toEqual([cd]);
});

let n = 100;
const instance = (changes: Partial<Instance>): Instance => ({
  v: 1,
  instanceGuid: sampleGuid(n++),
  processGuid: sampleProcessGuid(1),
  index: 0,
  cellId: 'cell-1',
  state: 'RUNNING',
  since: '2026-01-01T00:00:00.000Z',
  routable: true,
  address: '10.0.0.2',
  appGuid: sampleGuid(1),
  internalHosts: ['Backend.apps.internal'],
  ...changes,
});

test('a name leads to what runs and is ready, and is there also while nothing is', () => {
  const domains: HeldNetwork = new Map([['d', { v: 1, kind: 'internal-domain', name: 'apps.internal' }]]);
  const instances = [
    instance({}),
    instance({ index: 1, address: '10.0.0.3', routable: false }),
    instance({ index: 2, address: '10.0.0.4', state: 'STOPPING' }),
    instance({ index: 3, state: 'CLAIMED', internalHosts: ['other.apps.internal', '__proto__'] }),
  ];
  const zone = zoneOf(domains, instances);
  expect(zone.domains).toEqual(['apps.internal']);
  expect(zone.hosts['backend.apps.internal']).toEqual([{ index: 0, address: '10.0.0.2' }, { index: 1 }, { index: 2 }]);
  expect(zone.hosts['other.apps.internal']).toEqual([{ index: 3 }]);
});

test('an address is its latest owner’s, and of nobody whose process has ended', () => {
  const [a, b] = [sampleGuid(1), sampleGuid(2)];
  const later = instance({ appGuid: b, since: '2026-01-02T00:00:00.000Z' });
  expect(addressesOf([later, instance({ state: 'STOPPING' }), instance({ state: 'CRASHED' })])).toEqual([
    { address: '10.0.0.2', group: a },
    { address: '10.0.0.2', group: b },
  ]);
});
