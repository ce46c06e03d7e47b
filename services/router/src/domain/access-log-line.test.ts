import { expect, test } from 'vitest';
import { accessLogLine } from './access-log-line.ts';
import type { AccessRecord } from './access-record.ts';
import { parseRequestHead } from './http/request-head.ts';
import { specOf } from './routes/test-endpoints.test-support.ts';

function recordOf(head: string, more: Partial<AccessRecord> = {}): AccessRecord {
  const request = parseRequestHead(head, 20);
  if (typeof request === 'string') throw new Error(request);
  return {
    request,
    receivedAt: Date.UTC(2026, 10, 20, 1, 2, 3, 4),
    status: 200,
    requestBytes: 5,
    responseBytes: 67,
    remoteAddress: '1.2.3.4:5678',
    requestId: 'the-id',
    endpoint: specOf(80),
    attempts: 1,
    totalMs: 12.345,
    routerMs: 0.5,
    routerError: '',
    ...more,
  };
}

const fields = 'Referer: http://r/\r\nUser-Agent: cur"l\r\nX-Forwarded-For: 9.9.9.9\r\n';

test('the line has Gorouter’s form', () => {
  expect(accessLogLine(recordOf(`GET /a?b HTTP/1.1\r\nHost: a.com:80\r\n${fields}`), 'keep')).toBe(
    'a.com:80 - [2026-11-20T01:02:03.004000000Z] "GET /a?b HTTP/1.1" 200 5 67 "http://r/" "cur\\"l" "1.2.3.4:5678" ' +
      '"10.0.0.1:80" x_forwarded_for:"9.9.9.9, 1.2.3.4" x_forwarded_proto:"http" vcap_request_id:"the-id" ' +
      'response_time:0.012345 gorouter_time:0.000500 app_id:"app" app_index:"0" instance_id:"instance-80" x_cf_routererror:"-"',
  );
});

test('what is not there is a dash; what was not forwarded is as the client sent it', () => {
  const record = recordOf('GET / HTTP/1.0\r\nX-Forwarded-For: 9.9.9.9\r\n', {
    endpoint: undefined,
    status: 0,
    routerError: 'unknown_route',
    remoteAddress: '[fd00::1]:5',
  });
  const line = accessLogLine(record, 'https');
  expect(line).toContain(
    ' - [2026-11-20T01:02:03.004000000Z] "GET / HTTP/1.0" "-" 5 67 "-" "-" "[fd00::1]:5" "-" x_forwarded_for:"9.9.9.9"',
  );
  expect(line).toContain('x_forwarded_proto:"-"');
  expect(line).toContain('app_id:"-" app_index:"-" instance_id:"-" x_cf_routererror:"unknown_route"');
});

test('long values are cut, and none can end the line', () => {
  const long = recordOf(`GET /${'a'.repeat(30_000)} HTTP/1.1\r\nHost: a\r\nUser-Agent: ${'b'.repeat(2_000)}\t"\r\n`);
  const line = accessLogLine(long, 'keep');
  expect(line.length).toBeLessThan(24_000);
  expect(line.match(/TRUNCATED/g)).toHaveLength(2);
  expect(line).not.toMatch(/[\r\n\t]/);
});
