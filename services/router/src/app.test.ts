import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { createInterface } from 'node:readline';
import { startRouteRegistrar, startStreamReader } from '@slipway/bus';
import { type LogEnvelope, logEnvelope, type RouterRegister, routerStartSchema } from '@slipway/contracts';
import { type NatsHandle, startNats } from '@slipway/testing';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { HOST, startBackend } from './adapters/proxy/proxy.test-support.ts';
import { rawClient, rawExchange } from './adapters/proxy/raw-client.test-support.ts';
import { connectAs, createRouter, publish, routerEnv, startRouter } from './router.test-support.ts';

let nats: NatsHandle;
beforeAll(async () => {
  nats = await startNats();
});
afterAll(() => nats.stop());

const APP_GUID = '11111111-2222-4333-8444-555555555555';
const get = (port: number, host = HOST): Promise<string> =>
  rawExchange(port, `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
const statusOf = async (port: number, host?: string): Promise<number> => Number((await get(port, host)).split(' ')[1]);
const metric = async (healthPort: number, name: string): Promise<number> => {
  const text = await (await fetch(`http://127.0.0.1:${healthPort}/metrics`)).text();
  return Number(new RegExp(`^${name}[{ ].*?([0-9.e+]+)$`, 'm').exec(text)?.[1]);
};

async function registrationOf(body: string, more: Partial<RouterRegister> = {}): Promise<RouterRegister> {
  const { port } = await startBackend((_, response) => response.end(body));
  return { host: '127.0.0.1', port, uris: [HOST], ...more };
}

test('a registered route serves, and after its unregistration does not', async () => {
  const router = await startRouter(nats);
  const cell = await connectAs(nats, 'cell-rep', 'cell-1');
  const route = await registrationOf('hello from the app', { private_instance_id: 'instance-1', app: APP_GUID });
  expect(await get(router.port)).toMatch(/^HTTP\/1.1 404 [\s\S]*X-Cf-RouterError: unknown_route/);
  publish(cell, 'register', route);
  await router.untilLogged('endpoint.registered');
  expect(await get(router.port)).toMatch(/^HTTP\/1.1 200 OK[\s\S]*hello from the app$/);
  publish(cell, 'unregister', route);
  await router.untilLogged('endpoint.unregistered');
  expect(await statusOf(router.port)).toBe(404);
  expect(router.logged('endpoint.registered')).toMatchObject([
    { uri: HOST, instanceGuid: 'instance-1', appId: APP_GUID },
  ]);
});

test('who asks is told how often to register', async () => {
  await startRouter(nats, { REGISTER_INTERVAL_SECONDS: '7', PRUNE_THRESHOLD_SECONDS: '90' });
  const cell = await connectAs(nats, 'cell-rep', 'cell-1');
  const reply = await cell.nc.request('router.greet', '', { timeout: 10_000 });
  expect(routerStartSchema.parse(reply.json())).toMatchObject({
    minimumRegisterIntervalInSeconds: 7,
    pruneThresholdInSeconds: 90,
    hosts: ['127.0.0.1'],
  });
});

test.each([
  ['no JSON', 'hello'],
  ['a port as text', { host: '127.0.0.1', port: '80', uris: ['bad.test'] }],
  ['a tag as number', { host: '127.0.0.1', port: 80, uris: ['bad.test'], tags: { a: 1 } }],
  ['an instance index as number', { host: '127.0.0.1', port: 80, uris: ['bad.test'], private_instance_index: 0 }],
  ['no uris', { host: '127.0.0.1', port: 80 }],
  ['a route service', { host: '127.0.0.1', port: 80, uris: ['bad.test'], route_service_url: 'https://a.test' }],
])('a message with %s is dropped whole, with a log line, and the next one counts', async (_, message) => {
  const router = await startRouter(nats);
  const cell = await connectAs(nats, 'cell-rep', 'cell-1');
  publish(cell, 'register', message);
  publish(cell, 'register', await registrationOf('x'));
  await router.untilLogged('endpoint.registered');
  expect(router.logged('route-message.invalid')).toMatchObject([{ subject: 'router.register' }]);
  expect(await statusOf(router.port, 'bad.test')).toBe(404);
  expect(await statusOf(router.port)).toBe(200);
  expect(await metric(router.healthPort, 'router_invalid_route_messages')).toBe(1);
});

test('a route that nobody registers any more is pruned', async () => {
  const router = await startRouter(nats, {
    REGISTER_INTERVAL_SECONDS: '1',
    PRUNE_THRESHOLD_SECONDS: '1',
    PRUNE_INTERVAL_MS: '50',
  });
  const cell = await connectAs(nats, 'cell-rep', 'cell-1');
  publish(cell, 'register', await registrationOf('x'));
  await router.untilLogged('endpoint.registered');
  expect(await statusOf(router.port)).toBe(200);
  await router.untilLogged('endpoint.pruned');
  expect(await statusOf(router.port)).toBe(404);
  expect(await metric(router.healthPort, 'routes_pruned')).toBe(1);
});

test('a restarted router serves at once what was registered before', async () => {
  const cell = await connectAs(nats, 'cell-rep', 'cell-1');
  const route = await registrationOf('still here');
  const registrar = startRouteRegistrar(cell, () => [route]);
  onTestFinished(() => registrar.stop());
  const wait = { START_MAX_WAIT_MS: '30000', START_QUIET_MS: '20' };
  const first = await startRouter(nats, wait);
  expect(await statusOf(first.port)).toBe(200);
  await first.stop();
  // The registrar's own period is 20 s: only `router.start` can have brought the route back.
  const second = await startRouter(nats, wait);
  expect(await get(second.port)).toContain('still here');
});

test('the listener waits for the routes that it was told to wait for', async () => {
  const router = createRouter(nats, {
    START_MAX_WAIT_MS: '60000',
    START_QUIET_MS: '1',
    START_ROUTES: `${HOST}/v3,b.test`,
  });
  const started = router.app.start();
  const cell = await connectAs(nats, 'cell-rep', 'cell-1');
  await expect
    .poll(async () => (await cell.nc.request('router.greet', '').catch(() => undefined)) !== undefined)
    .toBe(true);
  publish(cell, 'register', await registrationOf('a', { uris: [`${HOST}/v3`, HOST] }));
  await router.untilLogged('endpoint.registered', 2);
  const health = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${router.app.healthPort}${path}`);
  expect(router.app.port).toBeUndefined();
  expect((await health('/health')).status).toBe(503);
  expect(await (await health('/readyz')).text()).toContain('routes: not settled yet');
  publish(cell, 'register', await registrationOf('b', { uris: ['b.test'] }));
  await started;
  expect(await statusOf(router.app.port ?? 0, 'b.test')).toBe(200);
  expect(await (await health('/health')).text()).toBe('ok\n');
  expect(await (await health('/routes')).json()).toMatchObject({ 'b.test': [{ protocol: 'http1', ttl: 120 }] });
});

test('while NATS is away nothing is pruned; back again, the router asks for routes, and only then time runs', async () => {
  const own = await startNats();
  onTestFinished(() => own.stop());
  const router = await startRouter(own, {
    REGISTER_INTERVAL_SECONDS: '1',
    PRUNE_THRESHOLD_SECONDS: '1',
    PRUNE_INTERVAL_MS: '50',
  });
  const cell = await connectAs(own, 'cell-rep', 'cell-1');
  publish(cell, 'register', await registrationOf('unharmed'));
  await router.untilLogged('endpoint.registered');
  await own.kill();
  await router.untilLogged('prune.suspended');
  const sinceRegistered = (): Promise<number> => metric(router.healthPort, 'ms_since_last_registry_update');
  await expect.poll(sinceRegistered, { timeout: 20_000 }).toBeGreaterThan(2_500);
  expect(await get(router.port)).toContain('unharmed');
  expect(router.logged('endpoint.pruned')).toEqual([]);
  await own.restart();
  await router.untilLogged('router.announced', 2);
  expect(await get(router.port)).toContain('unharmed');
  await router.untilLogged('endpoint.pruned');
  expect(await statusOf(router.port)).toBe(404);
});

/** The lines of one app as log-cache reads them, from now on. */
async function followLog(appGuid: string): Promise<{ next(count: number): Promise<LogEnvelope[]> }> {
  const bus = await connectAs(nats, 'log-cache');
  const lines: LogEnvelope[] = [];
  const events = new EventEmitter();
  const caughtUp = Promise.withResolvers<void>();
  const reader = startStreamReader(bus, {
    definition: { ...logEnvelope, stream: 'LOGS' },
    onMessage: ({ data }) => {
      if (data.sourceId !== appGuid) return;
      lines.push(data);
      events.emit('line');
    },
    onRestart: () => {},
    onCaughtUp: () => caughtUp.resolve(),
  });
  onTestFinished(() => reader.stop());
  await caughtUp.promise;
  return {
    next: async (count) => {
      while (lines.length < count) await once(events, 'line');
      return lines;
    },
  };
}

const payloadOf = ({ payload }: LogEnvelope): string => Buffer.from(payload, 'base64').toString('utf8');

test('every request to an app is in the app’s log', async () => {
  const router = await startRouter(nats);
  const cell = await connectAs(nats, 'cell-rep', 'cell-1');
  const app = randomUUID();
  const log = await followLog(app);
  const tags = { process_id: app };
  publish(
    cell,
    'register',
    await registrationOf('12345', { app, tags, private_instance_index: '4', private_instance_id: 'i' }),
  );
  await router.untilLogged('endpoint.registered');
  await get(router.port);
  const [envelope] = await log.next(1);
  expect(envelope).toMatchObject({ sourceId: app, instanceId: '4', sourceType: 'RTR', stream: 'OUT', tags });
  expect(envelope && payloadOf(envelope)).toMatch(
    new RegExp(
      `^${HOST} - \\[.*Z\\] "GET / HTTP/1.1" 200 0 5 "-" "-" "127.0.0.1:\\d+" "127.0.0.1:\\d+" .* app_id:"${app}" app_index:"4"`,
    ),
  );
});

test('an app whose requests come too thick has their number in its log', async () => {
  const router = await startRouter(nats, { ACCESS_LOG_LINES_PER_SECOND: '1' });
  const cell = await connectAs(nats, 'cell-rep', 'cell-1');
  const app = randomUUID();
  const log = await followLog(app);
  publish(cell, 'register', await registrationOf('x', { app }));
  await router.untilLogged('endpoint.registered');
  const client = await rawClient(router.port);
  client.send(`GET / HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`.repeat(50));
  await client.until('200 OK', 50);
  const lines = await log.next(2);
  const dropped = lines.find((line) => line.dropped !== undefined);
  expect(dropped).toMatchObject({ sourceType: 'RTR', stream: 'ERR' });
  expect(dropped && payloadOf(dropped)).toBe(
    `${dropped?.dropped?.lines} access log lines were left out: more than 1 requests in a second`,
  );
});

test('the metrics have Gorouter’s names', async () => {
  const router = await startRouter(nats);
  const cell = await connectAs(nats, 'cell-rep', 'cell-1');
  publish(cell, 'register', await registrationOf('x', { tags: { component: 'test' } }));
  await router.untilLogged('endpoint.registered');
  await get(router.port);
  await get(router.port, 'unknown.test');
  await rawExchange(router.port, 'nonsense\r\n\r\n');
  for (const [name, value] of [
    ['total_routes', 1],
    ['total_requests', 2],
    ['rejected_requests', 1],
    ['router_malformed_requests', 1],
    ['latency_count', 2],
  ] as const) {
    expect([name, await metric(router.healthPort, name)]).toEqual([name, value]);
  }
});

test('the process starts, serves, is killed and starts again, and stops when told', async () => {
  const cell = await connectAs(nats, 'cell-rep', 'cell-1');
  const route = await registrationOf('from a process');
  const registrar = startRouteRegistrar(cell, () => [route]);
  onTestFinished(() => registrar.stop());
  const first = await startProcess();
  expect(await get(first.port)).toContain('from a process');
  const killed = once(first.child, 'exit');
  first.child.kill('SIGKILL');
  await killed;
  const second = await startProcess();
  expect(await get(second.port)).toContain('from a process');
  const stopped = once(second.child, 'exit');
  second.child.kill('SIGTERM');
  expect(await stopped).toEqual([0, null]);
});

async function startProcess(): Promise<{ readonly child: ChildProcess; readonly port: number }> {
  const env = routerEnv(nats, { START_MAX_WAIT_MS: '30000', START_QUIET_MS: '20' });
  const main = new URL('./main.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [main], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const lines = createInterface({ input: child.stdout });
  const port = Promise.withResolvers<number>();
  child.once('exit', (code) => port.reject(new Error(`the router ended with ${code}`)));
  lines.on('line', (line) => {
    const entry = JSON.parse(line) as { msg: string; port?: number };
    if (entry.msg === 'router.listening') port.resolve(entry.port ?? 0);
  });
  return { child, port: await port.promise };
}
