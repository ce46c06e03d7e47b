import { expect, test } from 'vitest';
import { explainCheck } from './explain-check.ts';

const address = '10.254.0.2';
const times = { invocationTimeoutMs: 1_000, intervalMs: 30_000 };
const port = { type: 'port', ...times } as const;
const http = { type: 'http', endpoint: '/health', ...times } as const;
const everywhere = (...ports: number[]) => ports.map((each) => ({ address: '0.0.0.0', port: each }));

test.each([
  [port, [8080], undefined, '(port check at 10.254.0.2:8080)'],
  [port, [8080], everywhere(8080), '(port check at 10.254.0.2:8080)'],
  [port, [8080], [], '(port check at 10.254.0.2:8080; the app listens on no port, expected 8080)'],
  [port, [8080], everywhere(3000), '(port check at 10.254.0.2:8080; the app listens on 3000, expected 8080)'],
  [
    port,
    [8080, 8443],
    everywhere(9090, 3000, 8080),
    '(port check at 10.254.0.2:8080, 10.254.0.2:8443; the app listens on 3000, 8080 and 9090 and not on 8443: each port of it is checked)',
  ],
  [http, [80, 81], everywhere(81), '(http check of /health at 10.254.0.2:80; the app listens on 81, expected 80)'],
  [http, [80], [{ address: '::', port: 80 }], '(http check of /health at 10.254.0.2:80)'],
  [port, [80], [{ address, port: 80 }], '(port check at 10.254.0.2:80)'],
  [
    port,
    [80],
    [{ address: '127.0.0.1', port: 80 }, ...everywhere(22)],
    '(port check at 10.254.0.2:80; the app listens on 127.0.0.1:80 only, where nothing outside of its container reaches it: it has to listen on 0.0.0.0)',
  ],
  [
    port,
    [80],
    [{ address: '::1', port: 80 }],
    '(port check at 10.254.0.2:80; the app listens on [::1]:80 only, where nothing outside of its container reaches it: it has to listen on 0.0.0.0)',
  ],
  [
    port,
    [1],
    everywhere(2, 3, 4, 5, 6, 7),
    '(port check at 10.254.0.2:1; the app listens on 2, 3, 4, 5, 6 and others, expected 1)',
  ],
])('%j of %j when %j listen: %s', (check, ports, listeners, text) => {
  expect(explainCheck(check, { address, ports }, listeners)).toBe(text);
});
