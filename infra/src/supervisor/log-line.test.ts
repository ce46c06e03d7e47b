import fc from 'fast-check';
import { expect, test } from 'vitest';
import { logLevels, readLogLine } from './log-line.ts';

test.each([
  [
    '{"level":"info","time":"2026-11-20T21:00:00.000Z","service":"router","msg":"route.registered","uri":"a.apps.localhost","port":8080}',
    { level: 'info', text: 'route.registered uri=a.apps.localhost port=8080' },
  ],
  [
    '{"level":"error","msg":"pull.failed","err":{"message":"no such image","stack":"…"},"traceId":"00"}',
    { level: 'error', text: 'pull.failed (no such image)' },
  ],
  ['[12] 2026/11/20 21:12:03.000000 [WRN] slow consumer', { level: 'warn', text: 'slow consumer' }],
  [
    '[12] 2026/11/20 21:12:03.000000 [WRN] Plaintext passwords detected, use nkeys or bcrypt',
    { level: 'debug', text: 'Plaintext passwords detected, use nkeys or bcrypt' },
  ],
  [
    'time="2026-11-20T21:12:03Z" level=info msg="listening on 127.0.0.1:5000" go.version=go1.19',
    { level: 'debug', text: '"listening on 127.0.0.1:5000"' },
  ],
  ['(node:12) Warning: something', { level: 'info', text: '(node:12) Warning: something' }],
  ['{"not":"ours"}', { level: 'info', text: '{"not":"ours"}' }],
])('%s', (line, expected) => {
  expect(readLogLine(line, 'stdout')).toEqual(expected);
});

test('what comes on stderr without a level is a warning', () => {
  expect(readLogLine('Segmentation fault', 'stderr').level).toBe('warn');
});

test('long values are cut', () => {
  expect(
    readLogLine(JSON.stringify({ level: 'info', msg: 'x', env: 'y'.repeat(5_000) }), 'stdout').text.length,
  ).toBeLessThan(200);
});

test('every line can be read', () => {
  const anyLine = fc.oneof(
    fc.string(),
    fc.json(),
    fc
      .record({ level: fc.constantFrom(...logLevels), msg: fc.string(), err: fc.jsonValue() })
      .map((v) => JSON.stringify(v)),
  );
  fc.assert(
    fc.property(anyLine, fc.constantFrom('stdout' as const, 'stderr' as const), (line, stream) => {
      expect(logLevels).toContain(readLogLine(line, stream).level);
    }),
  );
});
