import { type NatsHandle, startNats } from '@slipway/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectTo, eventually, type LogCapture, startWire } from './bus.test-support.ts';

let nats: NatsHandle;
beforeAll(async () => {
  nats = await startNats();
});
afterAll(() => nats.stop());

test('says why it is not let in while it waits, and is connected once it is', async () => {
  const capture: LogCapture = { events: [] };
  const wire = await startWire(nats);
  wire.cut();
  const connecting = connectTo(nats, 'uaa', undefined, capture, wire.url);
  await eventually(() => capture.events).toEqual(['nats.not-connected']);
  wire.mend();
  expect((await connecting).ready).toBe(true);
});

test('closes although the server hangs, and does not wait until that is found out', async () => {
  const capture: LogCapture = { events: [] };
  const wire = await startWire(nats);
  const bus = await connectTo(nats, 'uaa', undefined, capture, wire.url);
  wire.stall();
  await bus.close();
  expect(capture.events).toEqual(['nats.drain-failed']);
});

test('a callback that throws is logged, and everything after it is heard', async () => {
  const capture: LogCapture = { events: [] };
  const bus = await connectTo(nats, 'log-cache', undefined, capture);
  const { generation } = bus;
  const heard: string[] = [];
  bus.nc.subscribe('router.start', {
    callback: (_, message) => {
      heard.push(message.string());
      if (message.string() === 'one') throw new Error('stumbled');
    },
  });
  await bus.nc.flush();
  const router = await connectTo(nats, 'router');
  for (const each of ['one', 'two']) router.nc.publish('router.start', each);
  await eventually(() => heard).toEqual(['one', 'two']);
  await bus.nc.flush();
  expect(bus.generation).toBe(generation);
  expect(capture.events).toEqual(['nats.callback-failed']);
});
