import { once } from 'node:events';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { selfSigned } from '@slipway/testing';
import { expect, onTestFinished, test } from 'vitest';
import { emptySettings } from '../settings/registry-settings.ts';
import { parseHostRules } from '../settings/settings-list.ts';
import { type Endpoint, EndpointResolver } from './endpoint.ts';

/** A server on a port of its own that treats each connection as it is told at the moment. */
async function listen(behaviour: () => (socket: Socket) => void): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    behaviour()(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const { keyPem: key, certPem: cert } = selfSigned(['127.0.0.1']);
const https = createHttpsServer({ key, cert });
const speakTls = (socket: Socket): void => void https.emit('connection', socket);
const speakHttp = (socket: Socket): void =>
  void socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
const hangUp = (socket: Socket): void => void socket.end();
/** TLS's "unrecognized name", for a server name that it does not serve. */
const refuseName = (socket: Socket): void =>
  void socket.once('data', () => socket.end(Buffer.of(21, 3, 3, 0, 2, 2, 112)));

const plain = async (endpoint: Promise<Endpoint>): Promise<boolean> => (await endpoint).plain;

test('a registry that hangs up while it starts anew is not taken for plain http from then on', async () => {
  let behaviour = hangUp;
  const registry = await listen(() => behaviour);
  const resolver = new EndpointResolver(emptySettings, 10_000, () => 0);
  expect(await plain(resolver.resolve(registry))).toBe(true);
  behaviour = speakTls;
  expect(await plain(resolver.resolve(registry))).toBe(false);
});

test('what a registry speaks is asked once a minute', async () => {
  let [behaviour, now, connections] = [speakHttp, 0, 0];
  const registry = await listen(() => {
    connections += 1;
    return behaviour;
  });
  const resolver = new EndpointResolver(emptySettings, 10_000, () => now);
  expect(await Promise.all([plain(resolver.resolve(registry)), plain(resolver.resolve(registry))])).toEqual([
    true,
    true,
  ]);
  behaviour = speakTls;
  now = 59_999;
  expect(await plain(resolver.resolve(registry))).toBe(true);
  expect(connections).toBe(1);
  now = 60_000;
  expect(await plain(resolver.resolve(registry))).toBe(false);
  expect(connections).toBe(2);
});

test('a registry that refuses the handshake with an alert speaks TLS, whatever the alert says', async () => {
  const registry = await listen(() => refuseName);
  expect(await plain(new EndpointResolver(emptySettings, 10_000, () => 0).resolve(registry))).toBe(false);
});

test.each([
  ['localhost:443', 'http://localhost:443'],
  ['localhost:0443', 'http://localhost:443'],
  ['localhost', 'http://localhost'],
  ['localhost:00080', 'http://localhost'],
  ['[::1]:5000', 'http://[::1]:5000'],
])('%s over plain http is %s', async (registry, origin) => {
  const resolver = new EndpointResolver(
    { ...emptySettings, plainHttp: parseHostRules([registry], 'plainHttp') },
    10_000,
    () => 0,
  );
  expect(await resolver.resolve(registry)).toEqual({ registry, origin, plain: true });
});
