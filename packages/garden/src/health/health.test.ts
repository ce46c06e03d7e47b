import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runChecks } from './check-definition.ts';
import { httpCheck } from './http-check.ts';
import { tcpCheck } from './tcp-check.ts';

/** A port that nothing listens on. */
async function freePort(): Promise<number> {
  const server = createTcpServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe('port check', () => {
  test('a refused connection is told in Go words', async () => {
    const port = await freePort();
    expect(await tcpCheck('127.0.0.1', port, 1000)).toEqual({
      ok: false,
      message: `failed to make TCP connection to 127.0.0.1:${port}: connect: connection refused`,
    });
  });
  test('a check can be cancelled', async () => {
    const result = await tcpCheck('127.0.0.1', 1, 1000, AbortSignal.abort());
    expect(result).toMatchObject({ ok: false, message: expect.stringContaining('cancelled') });
  });
  test('with several ports all must accept', async () => {
    const server = createTcpServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const open = { type: 'port' as const, port: (server.address() as AddressInfo).port, timeoutMs: 1000 };
    const closed = { ...open, port: await freePort() };
    expect(await runChecks('127.0.0.1', [open, open])).toEqual({ ok: true });
    expect(await runChecks('127.0.0.1', [open, closed])).toMatchObject({
      ok: false,
      message: expect.stringContaining(String(closed.port)),
    });
    await new Promise((resolve) => server.close(resolve));
  });
});

describe('http check', () => {
  let server: Server;
  let port: number;
  const seen: unknown[] = [];
  beforeEach(async () => {
    server = createServer((request, response) => {
      seen.push(request.headers['user-agent'], request.headers['x-forwarded-proto']);
      const [, kind, rest = ''] = (request.url ?? '').split('/');
      if (kind === 'status') response.writeHead(Number(rest)).end('body');
      else if (kind === 'to') response.writeHead(302, { location: decodeURIComponent(rest) }).end();
      else if (kind === 'slow') response.writeHead(200).write('never ends');
      else if (kind === 'broken') request.socket.destroy();
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    port = (server.address() as AddressInfo).port;
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });
  const check = async (path: string, timeoutMs = 5000): Promise<string> => {
    const result = await httpCheck({ address: '127.0.0.1', port, path, timeoutMs });
    return result.ok ? 'ok' : result.message;
  };
  const text = (path: string, reason: string): string =>
    `failed to make HTTP request to '${path}' on port ${port}: ${reason}`;

  test('only 200 is healthy', async () => {
    expect(await check('/status/200')).toBe('ok');
    expect(await check('/status/204')).toMatch(/received status code 204 in \d+ms$/);
    expect(await check('/status/500')).toMatch(/received status code 500 in \d+ms$/);
    expect(seen).toContain('diego-healthcheck');
    expect(seen).toContain('https');
  });
  test('redirects are followed at the app itself and nowhere else', async () => {
    expect(await check('/to/%2Fstatus%2F200')).toBe('ok');
    expect(await check(`/to/${encodeURIComponent('http://169.254.169.254/latest')}`)).toBe(
      text(
        `/to/${encodeURIComponent('http://169.254.169.254/latest')}`,
        'redirected to "http://169.254.169.254/latest", which is not the app\'s own address',
      ),
    );
    expect(await check('/to/%2Fto%2F')).toMatch(/received status code|stopped after 10 redirects/);
  });
  test('the body counts', async () => {
    expect(await check('/slow', 150)).toBe(text('/slow', 'timed out after 0.15 seconds'));
  });
  test('no answer', async () => {
    expect(await check('/broken')).toBe(text('/broken', 'connection failed (ECONNRESET)'));
    port = await freePort();
    expect(await check('/')).toBe(text('/', 'connection refused'));
  });
});
