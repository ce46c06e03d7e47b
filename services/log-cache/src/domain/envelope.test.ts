import type { LogEnvelope } from '@slipway/contracts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { envelopeTimestamp, renderLogEnvelope } from './envelope.ts';

const envelope: LogEnvelope = {
  timestamp: '1700000000000000001',
  sourceId: '0b4e1c0e-5f0e-4c66-8f0a-6a0f4b4e0d11',
  instanceId: '2',
  sourceType: 'APP/PROC/WEB',
  stream: 'ERR',
  payload: 'aGVsbG8=',
  tags: { process_type: 'web' },
};

test('an envelope has the names and the order that the gateway of log-cache writes', () => {
  expect(renderLogEnvelope(envelope, 1700000000000000002n)).toBe(
    '{"timestamp":"1700000000000000002","source_id":"0b4e1c0e-5f0e-4c66-8f0a-6a0f4b4e0d11","instance_id":"2",' +
      '"deprecated_tags":{},"tags":{"process_type":"web","source_type":"APP/PROC/WEB"},' +
      '"log":{"payload":"aGVsbG8=","type":"ERR"}}',
  );
});

test('the source type of the envelope wins over a tag of that name', () => {
  const rendered = renderLogEnvelope({ ...envelope, tags: { source_type: 'STG' } }, 1n);
  expect(JSON.parse(rendered).tags).toEqual({ source_type: 'APP/PROC/WEB' });
});

test('whatever is in the tags, the envelope is ASCII JSON of valid Unicode with no key but the known ones', () => {
  const unicode = fc.string({ unit: 'binary' });
  const broken = fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units));
  const text = fc.oneof(unicode, broken, fc.constant('__proto__'));
  fc.assert(
    fc.property(text, text, fc.array(fc.tuple(text, text)), (instanceId, sourceType, tags) => {
      const rendered = renderLogEnvelope({ ...envelope, instanceId, sourceType, tags: Object.fromEntries(tags) }, 5n);
      expect(rendered).toMatch(/^[\x20-\x7e]*$/);
      const parsed = JSON.parse(rendered);
      expect(Object.keys(parsed)).toEqual(['timestamp', 'source_id', 'instance_id', 'deprecated_tags', 'tags', 'log']);
      expect(parsed.instance_id).toBe(instanceId.toWellFormed());
      expect(parsed.tags.source_type).toBe(sourceType.toWellFormed());
      for (const [name, value] of Object.entries<string>(parsed.tags)) {
        expect(name.isWellFormed() && value.isWellFormed()).toBe(true);
      }
    }),
  );
});

test('a time that no client could read as int64 is refused', () => {
  expect(envelopeTimestamp(envelope.timestamp)).toBe(1700000000000000001n);
  expect(envelopeTimestamp('-5')).toBe(-5n);
  expect(envelopeTimestamp('9999999999999999999')).toBeUndefined();
  expect(envelopeTimestamp((2n ** 63n - 1n).toString())).toBeUndefined();
});
