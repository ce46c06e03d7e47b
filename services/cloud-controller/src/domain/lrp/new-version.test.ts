import { expect, test } from 'vitest';
import { needsNewVersion, type VersionedPart } from './new-version.ts';
import { lrpGuid, parseLrpGuid } from './process-guid.ts';

const before: VersionedPart = {
  memoryMb: 512,
  healthCheckType: 'port',
  healthCheckEndpoint: null,
  readinessType: 'process',
  readinessEndpoint: null,
  ports: [8080, 9090],
};

test('the same needs no new version', () => {
  expect(needsNewVersion(before, { ...before, ports: [8080, 9090] })).toBe(false);
});

test.each<Partial<VersionedPart>>([
  { memoryMb: 256 },
  { healthCheckType: 'http' },
  { healthCheckEndpoint: '/health' },
  { readinessType: 'http' },
  { readinessEndpoint: '/ready' },
  { ports: [9090, 8080] },
])('%j needs one', (change) => {
  expect(needsNewVersion(before, { ...before, ...change })).toBe(true);
});

test("Diego's process guid comes apart as it was put together, and nothing else does", () => {
  const process = '11111111-2222-4333-8444-555555555555';
  const version = '66666666-7777-4888-9999-aaaaaaaaaaaa';
  expect(parseLrpGuid(lrpGuid(process, version))).toEqual({ processGuid: process, version });
  for (const guid of ['', process, `${process}_${version}`, `${process}-${version}x`]) {
    expect(parseLrpGuid(guid)).toBeUndefined();
  }
});
