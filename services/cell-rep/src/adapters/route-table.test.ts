import { type RouterRegister, routerStartSchema, routerSubjects } from '@slipway/contracts';
import { type NatsHandle, startNats } from '@slipway/testing';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { routesOf } from '../domain/routes.ts';
import { sampleGuid, sampleInstance, sampleLrp } from '../domain/samples.test-support.ts';
import { connectAs } from './bus.test-support.ts';
import { RouteTable } from './route-table.ts';

let nats: NatsHandle;
beforeAll(async () => {
  nats = await startNats();
});
afterAll(() => nats.stop());

interface Heard {
  readonly subject: string;
  readonly uri: string | undefined;
  readonly host: string;
}

/** A router's ear: everything that cells say about routes, in order. */
async function listen(): Promise<{ heard: Heard[]; announce: () => void }> {
  const router = await connectAs(nats, 'router');
  const heard: Heard[] = [];
  for (const subject of [routerSubjects.register, routerSubjects.unregister]) {
    router.nc.subscribe(subject, {
      callback: (_, message) => {
        const { uris, host } = message.json<RouterRegister>();
        heard.push({ subject, uri: uris[0], host });
      },
    });
  }
  await router.nc.flush();
  const start = routerStartSchema.parse({
    id: 'router',
    hosts: ['127.0.0.1'],
    minimumRegisterIntervalInSeconds: 3_600,
    pruneThresholdInSeconds: 7_200,
  });
  return { heard, announce: () => router.nc.publish(routerSubjects.start, JSON.stringify(start)) };
}

async function startTable(): Promise<RouteTable> {
  const table = new RouteTable();
  onTestFinished(() => table.close());
  table.attach(await connectAs(nats, 'cell-rep', 'cell-1'));
  return table;
}

const routes = (address: string, uri = 'dora.apps.localhost'): RouterRegister[] =>
  routesOf(sampleLrp({ routes: [{ uri, port: 8080, protocol: 'http1' }] }), sampleInstance(1, { address }), 'z1');

test('registers what is new, takes back what is gone, and tells a router that comes', async () => {
  const { heard, announce } = await listen();
  const table = await startTable();
  table.set(sampleGuid(1), routes('10.254.0.2'));
  await expect
    .poll(() => heard)
    .toContainEqual({
      subject: 'router.register',
      uri: 'dora.apps.localhost',
      host: '10.254.0.2',
    });
  table.set(sampleGuid(1), routes('10.254.0.2', 'other.apps.localhost'));
  await expect.poll(() => heard.at(-1)).toMatchObject({ subject: 'router.register', uri: 'other.apps.localhost' });
  expect(heard.at(-2)).toMatchObject({ subject: 'router.unregister', uri: 'dora.apps.localhost' });
  const before = heard.length;
  announce();
  await expect
    .poll(() => heard.slice(before))
    .toEqual([{ subject: 'router.register', uri: 'other.apps.localhost', host: '10.254.0.2' }]);
  expect(table.size).toBe(1);
  table.set(sampleGuid(1), []);
  await expect.poll(() => heard.at(-1)).toMatchObject({ subject: 'router.unregister', uri: 'other.apps.localhost' });
  expect(table.size).toBe(0);
});

test('what was taken back while NATS was away is taken back after it, unless it is there again', async () => {
  const { heard } = await listen();
  const table = await startTable();
  table.set(sampleGuid(1), routes('10.254.0.2'));
  table.set(sampleGuid(2), routes('10.254.0.3'));
  await expect.poll(() => heard.length).toBeGreaterThanOrEqual(2);
  await nats.kill();
  table.set(sampleGuid(1), []);
  table.set(sampleGuid(2), []);
  table.set(sampleGuid(3), routes('10.254.0.3'));
  heard.length = 0;
  await nats.restart();
  await expect
    .poll(() => heard, { timeout: 20_000 })
    .toContainEqual({
      subject: 'router.unregister',
      uri: 'dora.apps.localhost',
      host: '10.254.0.2',
    });
  await expect
    .poll(() => heard, { timeout: 20_000 })
    .toContainEqual({
      subject: 'router.register',
      uri: 'dora.apps.localhost',
      host: '10.254.0.3',
    });
  expect(heard).not.toContainEqual(expect.objectContaining({ subject: 'router.unregister', host: '10.254.0.3' }));
});
