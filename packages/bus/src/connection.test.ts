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
