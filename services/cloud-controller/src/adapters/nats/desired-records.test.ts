import { randomUUID } from 'node:crypto';
import { type Bus, KvStore } from '@slipway/bus';
import { buckets, type DesiredLrp, jetStreamPrefix, keys } from '@slipway/contracts';
import { type NatsHandle, startNats } from '@slipway/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { stagedResult } from '../../../testing/fixtures.ts';
import { connectAs } from '../../../testing/test-platform.ts';
import { buildRunInfo, toDesiredLrp } from '../../domain/lrp/run-info.ts';
import { DesiredRecords, desiredLrps } from './desired-records.ts';

let nats: NatsHandle;
let bus: Bus;
let records: Awaited<ReturnType<typeof openRecords>>;
const openRecords = (on: Bus) => DesiredRecords.open(on, desiredLrps, () => undefined);
beforeEach(async () => {
  nats = await startNats();
  bus = await connectAs(nats, 'cloud-controller');
  records = await openRecords(bus);
});
afterEach(async () => {
  records.close();
  await bus.close();
  await nats.stop();
});

const now = '2026-11-20T10:00:00.000Z';

function lrp(instances = 1): DesiredLrp {
  const guid = randomUUID();
  const { image, execution } = stagedResult(guid);
  const result = buildRunInfo({
    apiUrl: 'http://localhost:8080',
    app: { guid, name: 'demo' },
    space: { guid: randomUUID(), name: 'dev' },
    organization: { guid: randomUUID(), name: 'acme' },
    process: {
      guid,
      version: randomUUID(),
      type: 'web',
      command: null,
      memoryMb: 64,
      diskMb: 64,
      logRateBytesPerSecond: -1,
      healthCheck: { type: 'port', endpoint: null, invocationTimeoutS: null, intervalS: null },
      readinessCheck: { type: 'process', endpoint: null, invocationTimeoutS: null, intervalS: null },
      user: null,
      startTimeoutS: 60,
    },
    image,
    execution,
    credentials: undefined,
    userVariables: {},
    services: [],
    serviceMode: 'environment',
    sidecars: [],
    placementTags: [],
    runningGroup: {},
    destinations: [],
  });
  if (result.outcome === 'rejected') throw new Error(result.reason);
  return toDesiredLrp(result.runInfo, { instances, routes: [], updatedAt: now, retire: [] });
}

test('a record is written, read back the same, and seen by the view', async () => {
  const record = lrp();
  expect(await records.write(record.processGuid, record, { kind: 'absent' })).toBe(true);
  expect(await records.read(record.processGuid)).toMatchObject({
    kind: 'stored',
    fingerprint: records.fingerprintOf(record),
  });
  await expect.poll(() => records.all().get(record.processGuid)).toBe(records.fingerprintOf(record));
});

test('of two writers the one that looked earlier changes nothing', async () => {
  const record = lrp();
  const guid = record.processGuid;
  await records.write(guid, record, { kind: 'absent' });
  const before = await records.read(guid);
  expect(await records.write(guid, { ...record, instances: 2 }, before)).toBe(true);
  expect(await records.write(guid, { ...record, instances: 3 }, before)).toBe(false);
  expect(await records.write(guid, record, { kind: 'absent' })).toBe(false);
  expect(await records.remove(guid, before)).toBe(false);
  expect(await records.read(guid)).toMatchObject({ fingerprint: records.fingerprintOf({ ...record, instances: 2 }) });
  expect(await records.remove(guid, await records.read(guid))).toBe(true);
  expect(await records.read(guid)).toEqual({ kind: 'absent' });
});

test('a record that cannot be read is told from one that is not there, and can be replaced or removed', async () => {
  const record = lrp();
  const guid = record.processGuid;
  bus.nc.publish(`${jetStreamPrefix}.$KV.desired-lrps.${keys.desiredLrp(guid)}`, '{"v":1}');
  await bus.nc.flush();
  await expect.poll(() => [...records.all()]).toEqual([[guid, undefined]]);
  const broken = await records.read(guid);
  expect(broken).toEqual({ kind: 'invalid' });
  expect(await records.write(guid, record, broken)).toBe(true);
  expect((await records.read(guid)).kind).toBe('stored');
  bus.nc.publish(`${jetStreamPrefix}.$KV.desired-lrps.${keys.desiredLrp(guid)}`, '{"v":1}');
  await bus.nc.flush();
  expect(await records.remove(guid, await records.read(guid))).toBe(true);
  expect(await records.read(guid)).toEqual({ kind: 'absent' });
});

test('the marker is renewed as often as wanted', async () => {
  for (let count = 0; count < 5; count++) expect(await records.markFresh(now, count)).toBe(true);
  const store = await KvStore.open(bus, buckets.desiredLrps);
  expect((await store.get(keys.domain('cf-apps')))?.value).toMatchObject({ lrpCount: 4, ttlMs: 120_000 });
});

test('no marker gets into a bucket that was lost and made anew behind its back', async () => {
  expect(await records.markFresh(now, 7)).toBe(true);
  const operator = await nats.connectOperator();
  await operator.jsm.streams.delete('KV_desired-lrps');
  await operator.close();
  const other = await connectAs(nats, 'scheduler');
  const store = await KvStore.open(other, buckets.desiredLrps);
  // Its view still holds what was there before.
  expect(await records.markFresh(now, 7)).toBe(false);
  expect(await store.get(keys.domain('cf-apps'))).toBeUndefined();
  await other.close();
});
