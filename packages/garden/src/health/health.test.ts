import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runChecks } from './check-definition.ts';
import { exitTexts } from './exit-text.ts';
import { httpCheck } from './http-check.ts';
import { applyCheck, goDuration, type MonitorState, resumeMonitor, startMonitor } from './monitor.ts';
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

describe('monitor', () => {
  const settings = { startTimeoutMs: 60_000, startupIntervalMs: 2_000, intervalMs: 30_000 };
  const bad = { ok: false as const, message: 'failed' };
  const good = { ok: true as const };

  test('checks every 2 s until the first success, then every 30 s', () => {
    const first = startMonitor(settings, 1000);
    expect(first.nextCheckAt).toBe(3000);
    const second = applyCheck(settings, first, bad, 3100);
    expect(second).toMatchObject({ state: { phase: 'starting', nextCheckAt: 5100 }, outcome: { kind: 'unchanged' } });
    const third = applyCheck(settings, second.state, good, 5200);
    expect(third).toMatchObject({
      state: { phase: 'healthy', nextCheckAt: 35_200 },
      outcome: { kind: 'became-healthy' },
    });
    expect(applyCheck(settings, third.state, good, 40_000).outcome).toEqual({ kind: 'unchanged' });
  });

  test('a start that takes too long is told with the attempts and the last failure', () => {
    const state: MonitorState = { ...startMonitor(settings, 0), attempts: 29 };
    expect(applyCheck(settings, state, bad, 60_000).outcome).toEqual({
      kind: 'failed',
      log: 'Timed out after 1m0s (30 attempts) waiting for startup check to succeed: failed',
      reason:
        'Instance never healthy after 1m0s: Timed out after 1m0s (30 attempts) waiting for startup check to succeed: failed',
    });
    expect(applyCheck(settings, state, good, 60_000).outcome.kind).toBe('became-healthy');
    expect(applyCheck({ ...settings, startTimeoutMs: 0 }, state, bad, 1e9).outcome.kind).toBe('unchanged');
  });

  test('one failure of a healthy app ends it', () => {
    expect(applyCheck(settings, resumeMonitor(settings, 0), bad, 1).outcome).toMatchObject({
      kind: 'failed',
      reason: 'Instance became unhealthy: Liveness check unsuccessful: failed',
    });
  });

  test('it fails at most once, always by the timeout, and is never told to check in the past', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean()), fc.integer({ min: 1, max: 20_000 }), (results, late) => {
        let state = startMonitor(settings, 0);
        let failures = 0;
        for (const ok of results) {
          if (state.phase === 'failed') break;
          const now = state.nextCheckAt + late;
          const next = applyCheck(settings, state, ok ? good : bad, now);
          if (next.outcome.kind === 'failed') failures += 1;
          expect(next.state.nextCheckAt).toBeGreaterThanOrEqual(now);
          if (next.state.phase === 'starting') expect(now).toBeLessThan(settings.startTimeoutMs);
          state = next.state;
        }
        expect(failures).toBeLessThanOrEqual(1);
      }),
    );
  });

  test.each([
    [0, '0s'],
    [500, '500ms'],
    [1500, '1.5s'],
    [60_000, '1m0s'],
    [180_000, '3m0s'],
    [3_661_000, '1h1m1s'],
  ])('%d ms is %s', (ms, expected) => expect(goDuration(ms)).toBe(expected));
});

test('ends of apps are told as on Cloud Foundry', () => {
  const exit = { status: 137, outOfMemory: true, at: '' };
  expect(exitTexts(exit)).toEqual({
    log: 'Exit status 137 (out of memory)',
    reason: 'Exited with status 137 (out of memory)',
  });
  expect(exitTexts({ ...exit, outOfMemory: false }, 10_000).log).toBe(
    'Exit status 137 (exceeded 10s graceful shutdown interval)',
  );
  expect(exitTexts({ ...exit, status: 0 }).log).toBe('Exit status 0');
  expect(exitTexts({ ...exit, status: null }).reason).toBe('Exited with unknown status');
});
