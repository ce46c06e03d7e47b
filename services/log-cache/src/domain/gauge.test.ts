import { expect, test } from 'vitest';
import { gaugeEnvelope, gaugeNames } from './gauge.ts';

const usage = {
  instanceGuid: '2f4e6d8c-0b1a-4c3d-9e5f-7a6b8c9d0e1f',
  processGuid: '5f3c1f1e-6d0a-4c7e-9a54-0d7f5a0e4b11-0b9e3c52-77c1-4f0a-8a43-3d1f6f1f9a20',
  index: 3,
  cpu: 0.125,
  cpuEntitlement: 0.5,
  memoryBytes: 1_000,
  memoryQuotaBytes: 2_000,
  diskBytes: 30,
  diskQuotaBytes: 40,
  logBytesPerSecond: 7,
  logRateLimit: -1,
  ageMs: 1_500.25,
  sourceId: 'app-1',
  tags: { app_name: 'dora', instance_id: 'not this' },
};

test('says what an instance uses as Cloud Foundry does', () => {
  const envelope = gaugeEnvelope(usage);
  expect(envelope?.sourceId).toBe('app-1');
  const rendered = JSON.parse(envelope?.render(17n) ?? '');
  expect(rendered).toEqual({
    timestamp: '17',
    source_id: 'app-1',
    instance_id: '3',
    deprecated_tags: {},
    tags: { app_name: 'dora', instance_id: '3', process_instance_id: usage.instanceGuid },
    gauge: {
      metrics: {
        cpu: { unit: 'percentage', value: 12.5 },
        cpu_entitlement: { unit: 'percentage', value: 50 },
        memory: { unit: 'bytes', value: 1_000 },
        memory_quota: { unit: 'bytes', value: 2_000 },
        disk: { unit: 'bytes', value: 30 },
        disk_quota: { unit: 'bytes', value: 40 },
        log_rate: { unit: 'B/s', value: 7 },
        log_rate_limit: { unit: 'B/s', value: -1 },
        container_age: { unit: 'nanoseconds', value: 1_500_000_000 },
      },
    },
  });
  expect(Object.keys(rendered.gauge.metrics)).toEqual([...gaugeNames]);
});

test('leaves out what a cell did not say, and says nothing of an app that it did not name', () => {
  const { cpuEntitlement: _, logRateLimit: __, ...less } = usage;
  const metrics = JSON.parse(gaugeEnvelope(less)?.render(1n) ?? '').gauge.metrics;
  expect(Object.keys(metrics)).toEqual(gaugeNames.filter((name) => !/entitlement|limit/.test(name)));
  const { sourceId: ___, ...nameless } = usage;
  expect(gaugeEnvelope(nameless)).toBeUndefined();
});
