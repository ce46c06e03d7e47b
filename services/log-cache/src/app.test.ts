import { randomUUID } from 'node:crypto';
import { createServer } from 'node:net';
import { type Bus, connectService, emitMessage, LogEmitter, nowNanoseconds } from '@slipway/bus';
import { busAccess, instanceMetrics, type RouterRegister } from '@slipway/contracts';
import { createLogger, Secret } from '@slipway/service-kit';
import { type NatsHandle, startNats } from '@slipway/testing';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { type Partners, startPartners } from './partners.test-support.ts';
import { type LogCacheProcess, startProcess, untilReady } from './process.test-support.ts';

let nats: NatsHandle;
let partners: Partners;
let ports: [number, number];
let service: LogCacheProcess;

beforeEach(async () => {
  nats = await startNats();
  onTestFinished(() => nats.stop());
  partners = await startPartners();
  ports = [await freePort(), await freePort()];
});

/** A restart must come back on the same port, hence one picked beforehand. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function operator(): Promise<Bus> {
  const bus = await nats.connectOperator();
  onTestFinished(() => bus.close());
  return bus;
}

async function cell(): Promise<LogEmitter> {
  return new LogEmitter(await cellBus());
}

async function cellBus(): Promise<Bus> {
  const user = 'cell-rep-cell-1';
  const bus = await connectService(busAccess('cell-rep', 'cell-1'), {
    config: { NATS_URL: nats.url, NATS_USER: user, NATS_PASSWORD: new Secret(nats.password(user)) },
    source: user,
    logger: createLogger(user, 'silent'),
  });
  onTestFinished(() => bus.close());
  return bus;
}

async function read(sourceId: string): Promise<string[]> {
  const token = await partners.token({ scope: ['logs.admin'] });
  const response = await fetch(`${service.url}/api/v1/read/${sourceId}?limit=1000&envelope_types=LOG`, {
    headers: { authorization: `bearer ${token}` },
  });
  if (response.status !== 200) throw new Error(`read answered ${response.status}: ${await response.text()}`);
  const { envelopes } = (await response.json()) as { envelopes: { batch: { log: { payload: string } }[] } };
  return envelopes.batch.map(({ log }) => Buffer.from(log.payload, 'base64').toString('utf8'));
}

/** One line, once it can be read: the lines of an emitter arrive in order. */
async function untilRead(sourceId: string, last: string): Promise<string[]> {
  await expect.poll(() => read(sourceId), { timeout: 30_000 }).toContain(last);
  return read(sourceId);
}

test('a line published on NATS can be read over HTTP, and a restart of the service loses none', async () => {
  const app = randomUUID();
  const emitter = await cell();
  const lines = Array.from({ length: 1_000 }, (_, n) => `line ${n} äöü`);
  for (const line of lines.slice(0, 500)) emitter.emit({ sourceId: app, sourceType: 'APP/PROC/WEB', line });
  service = startProcess(nats, partners, ports);
  await untilReady(service);
  // Half of them were there before the service, the others come while it follows.
  for (const line of lines.slice(500)) emitter.emit({ sourceId: app, sourceType: 'APP/PROC/WEB', line });
  expect(await untilRead(app, 'line 999 äöü')).toEqual(lines);

  await service.kill();
  service = startProcess(nats, partners, ports);
  await untilReady(service);
  expect(await read(app)).toEqual(lines);
});

test('what a cell tells of its instances can be read as gauges of their app', async () => {
  const app = randomUUID();
  const bus = await cellBus();
  service = startProcess(nats, partners, ports);
  await untilReady(service);
  const token = await partners.token({ scope: ['logs.admin'] });
  const tell = (cellId: string, memoryBytes: number): void => {
    const instance = {
      instanceGuid: randomUUID(),
      processGuid: `${randomUUID()}-${randomUUID()}`,
      index: 1,
      ...{ cpu: 0.5, memoryBytes, diskBytes: 2, logBytesPerSecond: 3, ageMs: 4, sourceId: app },
    };
    const data = { cellId, timestamp: nowNanoseconds().toString(), instances: [instance] };
    emitMessage(bus, { ...instanceMetrics, subjectFor: () => 'metrics.instances.cell-1' }, data);
  };
  const memory = async (): Promise<unknown[]> => {
    const url = `${service.url}/api/v1/read/${app}?envelope_types=GAUGE&limit=1000`;
    const response = await fetch(url, { headers: { authorization: `bearer ${token}` } });
    const { envelopes } = (await response.json()) as {
      envelopes: { batch: { instance_id: string; gauge: { metrics: { memory: { value: number } } } }[] };
    };
    return envelopes.batch.map(({ instance_id, gauge }) => [instance_id, gauge.metrics.memory.value]);
  };
  // Of another cell it may not tell.
  tell('cell-2', 1_000);
  tell('cell-1', 2_000);
  await expect.poll(memory, { timeout: 30_000 }).toEqual([['1', 2_000]]);
});

test('while NATS is down what was read is served, and what came in between follows', async () => {
  const app = randomUUID();
  const emitter = await cell();
  service = startProcess(nats, partners, ports);
  await untilReady(service);
  emitter.emit({ sourceId: app, sourceType: 'STG', line: 'before' });
  await untilRead(app, 'before');

  await nats.kill();
  await expect.poll(() => fetch(`${service.healthUrl}/readyz`).then((r) => r.status)).toBe(503);
  expect(await read(app)).toEqual(['before']);
  await nats.restart();
  emitter.emit({ sourceId: app, sourceType: 'STG', line: 'after' });
  expect(await untilRead(app, 'after')).toEqual(['before', 'after']);
});

test('a wiped NATS store heals by itself', async () => {
  const app = randomUUID();
  const emitter = await cell();
  service = startProcess(nats, partners, ports);
  await untilReady(service);
  emitter.emit({ sourceId: app, sourceType: 'STG', line: 'before' });
  await untilRead(app, 'before');
  await nats.restart({ wipe: true });
  emitter.emit({ sourceId: app, sourceType: 'STG', line: 'after' });
  expect(await untilRead(app, 'after')).toEqual(['after']);
});

test('a message that is no envelope is passed over', async () => {
  const app = randomUUID();
  const emitter = await cell();
  service = startProcess(nats, partners, ports);
  await untilReady(service);
  const { nc } = await operator();
  nc.publish(`log.envelope.${app}`, 'not json');
  nc.publish(`log.envelope.${app}`, '{"type":"log.envelope","v":1}');
  await nc.flush();
  emitter.emit({ sourceId: app, sourceType: 'STG', line: 'good' });
  expect(await untilRead(app, 'good')).toEqual(['good']);
});

test('starts before NATS does, says so, and is ready once it is there', async () => {
  await nats.kill();
  service = startProcess(nats, partners, ports);
  const health = (): Promise<string> =>
    fetch(`${service.healthUrl}/readyz`).then(
      (r) => r.text(),
      () => '',
    );
  await expect.poll(health, { timeout: 30_000 }).toBe('not ready: NATS: not connected\n');
  await nats.restart();
  await untilReady(service);
});

test('registers its routes, again when a router starts, and takes them back when it is told to end', async () => {
  const { nc } = await operator();
  const registered = nc.subscribe('router.register', { max: 2 });
  const unregistered = nc.subscribe('router.unregister', { max: 1 });
  await nc.flush();
  service = startProcess(nats, partners, ports);
  const messages: RouterRegister[] = [];
  for await (const message of registered) {
    messages.push(message.json<RouterRegister>());
    if (messages.length > 1) break;
    const start = { id: 'r', hosts: [], minimumRegisterIntervalInSeconds: 20, pruneThresholdInSeconds: 120 };
    await expect.poll(() => nc.publish('router.start', JSON.stringify(start)) ?? registered.getReceived()).toBe(2);
  }
  for (const message of messages) {
    expect(message).toMatchObject({
      host: '127.0.0.1',
      port: ports[0],
      uris: ['localhost/api/v1', '127.0.0.1/api/v1'],
    });
  }
  expect(await service.terminate()).toBe(0);
  for await (const message of unregistered) expect(message.json<RouterRegister>()).toEqual(messages[0]);
});

test('metrics tell what is held', async () => {
  const app = randomUUID();
  const emitter = await cell();
  service = startProcess(nats, partners, ports);
  await untilReady(service);
  emitter.emit({ sourceId: app, sourceType: 'STG', line: 'one' });
  await untilRead(app, 'one');
  const text = await (await fetch(`${service.healthUrl}/metrics`)).text();
  expect(text).toMatch(/^log_cache_store_size\{service="log-cache"\} 1$/m);
  expect(text).toMatch(/^log_cache_ingress\{service="log-cache"\} 1$/m);
  expect(text).toMatch(/^log_cache_missed\{service="log-cache"\} 0$/m);
});
