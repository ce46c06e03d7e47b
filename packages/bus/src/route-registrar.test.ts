import { type RouterRegister, type RouterStart, routerSubjects } from '@slipway/contracts';
import { type NatsHandle, startNats } from '@slipway/testing';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { connectTo, eventually, type LogCapture } from './bus.test-support.ts';
import { type Bus, type RouteRegistrar, startRouteRegistrar } from './index.ts';

let nats: NatsHandle;
beforeEach(async () => {
  nats = await startNats();
});
afterEach(() => nats.stop());

const route = (uri: string): RouterRegister => ({ host: '10.254.0.2', port: 8080, uris: [uri] });
const start = (seconds: number): RouterStart => ({
  id: 'router',
  hosts: ['127.0.0.1'],
  minimumRegisterIntervalInSeconds: seconds,
  pruneThresholdInSeconds: 120,
});

/** What a router hears: `register a`, `unregister a`, `greet`. */
async function listen(greeting?: () => string | undefined): Promise<{ readonly bus: Bus; readonly heard: string[] }> {
  const bus = await connectTo(nats, 'router');
  const heard: string[] = [];
  for (const [subject, word] of [
    [routerSubjects.register, 'register'],
    [routerSubjects.unregister, 'unregister'],
  ] as const) {
    bus.nc.subscribe(subject, {
      callback: (_, message) => void heard.push(`${word} ${message.json<RouterRegister>().uris.join(' ')}`),
    });
  }
  bus.nc.subscribe(routerSubjects.greet, {
    callback: (_, message) => {
      heard.push('greet');
      const answer = greeting?.();
      if (answer !== undefined) message.respond(answer);
    },
  });
  await bus.nc.flush();
  return { bus, heard };
}

function register(bus: Bus, routes: () => readonly RouterRegister[]): RouteRegistrar {
  const registrar = startRouteRegistrar(bus, routes);
  onTestFinished(() => registrar.stop());
  return registrar;
}

test('greets, registers, and repeats it at the interval that the router asks for', async () => {
  const { heard } = await listen(() => JSON.stringify(start(1)));
  register(await connectTo(nats, 'cell-rep', 'cell-1'), () => [route('a.example'), route('b.example')]);
  await eventually(() => heard.length).toBeGreaterThanOrEqual(7);
  expect(heard.slice(0, 7)).toEqual([
    'greet',
    ...['register a.example', 'register b.example'],
    ...['register a.example', 'register b.example'],
    ...['register a.example', 'register b.example'],
  ]);
});

test('registers without a router that answers, and again at once when a router starts', async () => {
  const { bus, heard } = await listen();
  let routes = [route('a.example')];
  register(await connectTo(nats, 'cell-rep', 'cell-1'), () => routes);
  await eventually(() => heard).toEqual(['greet', 'register a.example']);
  routes = [route('b.example')];
  bus.nc.publish(routerSubjects.start, JSON.stringify(start(20)));
  await eventually(() => heard).toEqual(['greet', 'register a.example', 'register b.example']);
});

test('takes what a broken router.start says for a start, and keeps its interval', async () => {
  const capture: LogCapture = { events: [] };
  const { bus, heard } = await listen(() => JSON.stringify(start(20)));
  register(await connectTo(nats, 'cell-rep', 'cell-1', capture), () => [route('a.example')]);
  await eventually(() => heard).toEqual(['greet', 'register a.example']);
  for (const payload of ['', 'not JSON', '{"minimumRegisterIntervalInSeconds":0}']) {
    bus.nc.publish(routerSubjects.start, payload);
  }
  await eventually(() => heard).toEqual(['greet', ...Array.from({ length: 4 }, () => 'register a.example')]);
  expect(capture.events).toEqual(['router-start.invalid', 'router-start.invalid', 'router-start.invalid']);
});

test('one bad route does not keep the others away', async () => {
  const capture: LogCapture = { events: [] };
  const { heard } = await listen(() => JSON.stringify(start(20)));
  const bad = { host: '', port: 99_999, uris: ['bad.example'] };
  register(await connectTo(nats, 'cell-rep', 'cell-1', capture), () => [bad, route('a.example')]);
  await eventually(() => heard).toEqual(['greet', 'register a.example']);
  expect(capture.events).toEqual(['route.invalid']);
});

test('registers and unregisters on demand, and nothing any more once stopped', async () => {
  const late = Promise.withResolvers<void>();
  const { bus, heard } = await listen();
  const cell = await connectTo(nats, 'cell-rep', 'cell-1');
  const replies: string[] = [];
  bus.nc.subscribe(routerSubjects.greet, {
    callback: (_, message) => {
      void late.promise.then(() => {
        message.respond(JSON.stringify(start(1)));
        replies.push('late');
      });
    },
  });
  await bus.nc.flush();
  const registrar = register(cell, () => [route('a.example')]);
  registrar.register([route('a.example')]);
  registrar.unregister([route('a.example')]);
  await eventually(() => heard.toSorted()).toEqual(['greet', 'register a.example', 'unregister a.example']);
  registrar.stop();
  // The answer to the greeting comes after the stop, and so does another router.
  late.resolve();
  await eventually(() => replies).toEqual(['late']);
  bus.nc.publish(routerSubjects.start, JSON.stringify(start(1)));
  await bus.nc.flush();
  await cell.nc.flush();
  await bus.nc.flush();
  expect(heard.toSorted()).toEqual(['greet', 'register a.example', 'unregister a.example']);
});

test('registers again when the connection is back', async () => {
  const { heard } = await listen(() => JSON.stringify(start(20)));
  let rounds = 0;
  register(await connectTo(nats, 'cell-rep', 'cell-1'), () => {
    rounds++;
    return [route('a.example')];
  });
  await eventually(() => heard).toEqual(['greet', 'register a.example']);
  await nats.restart();
  // Who listens here reconnects in its own time and may miss the message, so the round itself is what is waited for.
  await eventually(() => rounds).toBe(2);
});
