import { createServer } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { listenersOf, parseSockets } from './listeners.ts';

const HEADER = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';

describe('the tables of the kernel', () => {
  test.each([
    ['0100007F:0BB8', { address: '127.0.0.1', port: 3000 }],
    ['00000000:1F90', { address: '0.0.0.0', port: 8080 }],
    ['00000000000000000000000000000000:1F90', { address: '::', port: 8080 }],
    ['00000000000000000000000001000000:0050', { address: '::1', port: 80 }],
    ['0000000000000000FFFF00000100007F:0050', { address: '127.0.0.1', port: 80 }],
    ['B80D0120000000000000000001000000:FFFF', { address: '2001:db8::1', port: 65_535 }],
  ])('%s', (local, listener) => {
    const line = (state: string): string => `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:0 0 0 0 1 1\n`;
    expect(parseSockets(`${HEADER}${line('01')}${line('0A')}${line('06')}`)).toEqual([listener]);
  });

  test('of any other form say nothing', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(parseSockets(text)).toEqual([]);
      }),
    );
    expect(parseSockets('0: 0100007F:0BB 0:0 0A\n0: 0100007:0BB8 0:0 0A\n0: 0100007F:0BB8\n')).toEqual([]);
  });
});

test('what this process listens on is found, on both kinds of addresses', async () => {
  const servers = ['127.0.0.1', '::1'].map((host) => createServer().listen(0, host));
  try {
    await Promise.all(servers.map((server) => new Promise((resolve) => server.once('listening', resolve))));
    const ports = servers.map((server) => (server.address() as { port: number }).port);
    expect(listenersOf(process.pid)).toEqual(
      expect.arrayContaining([
        { address: '127.0.0.1', port: ports[0] },
        { address: '::1', port: ports[1] },
      ]),
    );
  } finally {
    for (const server of servers) server.close();
  }
});

test('a process that is gone listens nowhere', () => {
  expect(listenersOf(2 ** 22 + 1)).toEqual([]);
});
