import { expect, test } from 'vitest';
import { childTrace, currentTrace, formatTraceparent, parseTraceparent, withTrace } from './trace.ts';

test('a traceparent survives parsing and formatting', () => {
  const header = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const trace = parseTraceparent(header);
  expect(trace && formatTraceparent(trace)).toBe(header);
});

test.each([
  '',
  'x',
  '00-00000000000000000000000000000000-b7ad6b7169203331-01',
  '00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01',
])('the malformed header %j starts a new trace', (header) => expect(parseTraceparent(header)).toBeUndefined());

test('a child keeps the trace and has a span of its own, also across awaits', async () => {
  const root = childTrace();
  const child = childTrace(root);
  expect(child.traceId).toBe(root.traceId);
  expect(child.spanId).not.toBe(root.spanId);
  await withTrace(child, async () => {
    await Promise.resolve();
    expect(currentTrace()).toBe(child);
  });
  expect(currentTrace()).toBeUndefined();
});
