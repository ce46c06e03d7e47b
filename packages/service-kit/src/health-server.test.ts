import { expect, onTestFinished, test } from 'vitest';
import { startHealthServer } from './health-server.ts';
import { createMetrics } from './metrics.ts';

test('readiness says what is missing, health and metrics answer meanwhile', async () => {
  let missing: string | undefined = 'NATS: not connected';
  const server = await startHealthServer(0, { notReady: () => missing, metrics: createMetrics('test') });
  onTestFinished(() => server.close());
  const get = (path: string) => fetch(`http://127.0.0.1:${server.port}${path}`);
  const notReady = await get('/readyz');
  expect(notReady.status).toBe(503);
  expect(await notReady.text()).toContain('NATS: not connected');
  expect((await get('/healthz')).status).toBe(200);
  missing = undefined;
  expect((await get('/readyz')).status).toBe(200);
  expect(await (await get('/metrics')).text()).toContain('process_cpu_user_seconds_total{service="test"}');
  expect((await get('/other')).status).toBe(404);
});

test('a service may answer further paths', async () => {
  const more = { '/routes': () => ({ status: 200, body: '{}', type: 'application/json' }) };
  const server = await startHealthServer(0, { notReady: () => undefined, metrics: createMetrics('test'), more });
  onTestFinished(() => server.close());
  const answer = await fetch(`http://127.0.0.1:${server.port}/routes`);
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toBe('application/json');
  expect(await answer.text()).toBe('{}');
  const unknown = await fetch(`http://127.0.0.1:${server.port}/constructor`);
  expect(unknown.status).toBe(404);
  expect(await unknown.text()).toContain('/routes');
});
