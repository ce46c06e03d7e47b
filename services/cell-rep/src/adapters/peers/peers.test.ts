import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import { type AddressInfo, connect as connectPlain, createServer as createPlainServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { connect, createServer as createTlsServer } from 'node:tls';
import { GardenError, type LayerSource } from '@slipway/garden';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Peer } from './peer-client.ts';
import { clientTls, peerKey } from './peer-tls.ts';
import {
  ARCHIVE,
  KEY,
  keyOf,
  LAYER,
  read,
  Started,
  startClient,
  startLiar,
  startPeer,
  type TestPeer,
} from './peers.test-support.ts';

let started: Started;
let live: Peer[];
let pull: AbortController;
beforeEach(() => {
  started = new Started();
  live = [];
  pull = new AbortController();
});
afterEach(async () => {
  pull.abort();
  await started.end();
});

async function holder(cellId: string, options: Parameters<typeof startPeer>[3] = {}): Promise<TestPeer> {
  const peer = await startPeer(started, cellId, live, options);
  peer.share.archives.set(keyOf(LAYER), ARCHIVE);
  live.push(peer);
  return peer;
}

const mine = (key?: Buffer, patienceMs?: number): ReturnType<typeof startClient> =>
  startClient(started, 'mine', live, patienceMs, key);

test('a layer that another cell has comes from there, and is leased for no longer than that', async () => {
  const empty = await startPeer(started, 'empty', live);
  live.push(empty);
  const peer = await holder('holder');
  const source = await mine().open(LAYER, pull.signal);
  expect(source).toMatchObject({ kind: 'archive', size: ARCHIVE.length });
  expect((await read(source)).equals(ARCHIVE)).toBe(true);
  await expect.poll(() => peer.share.leased).toBe(0);
});

test('nobody has it: not where there are no cells, nor where they have another layer', async () => {
  expect(await mine().open(LAYER, pull.signal)).toBeUndefined();
  await holder('holder');
  const other = `sha256:${'12'.repeat(32)}`;
  for (const change of [{ digest: other }, { diffId: other }, { size: 1 }]) {
    expect(await mine().open({ ...LAYER, ...change }, pull.signal)).toBeUndefined();
  }
});

test('cells that begin at once get it from upstream once, and from one another for the rest', async () => {
  const peers = await Promise.all(
    Array.from({ length: 5 }, async (_, i) => await startPeer(started, `cell-${i}`, live)),
  );
  live.push(...peers);
  let upstream = 0;
  const get = async ({ layers, share }: TestPeer): Promise<void> => {
    const ended = new AbortController();
    const source = await layers.open(LAYER, ended.signal);
    if (source === undefined) {
      upstream += 1;
      // A registry takes longer than a question among cells.
      for (let i = 0; i < 50; i += 1) await setImmediate();
    }
    const archive = source === undefined ? ARCHIVE : await read(source);
    expect(archive.equals(ARCHIVE)).toBe(true);
    share.archives.set(keyOf(LAYER), archive);
    ended.abort();
  };
  await Promise.all(peers.map(get));
  expect(upstream).toBe(1);
});

test('a cell that gave up getting it is waited for no longer', async () => {
  const first = await startPeer(started, 'first', live);
  live.push(first);
  const download = new AbortController();
  expect(await first.layers.open(LAYER, download.signal)).toBeUndefined();
  const second = mine().open(LAYER, pull.signal);
  const outcome = vi.fn();
  void second.then(outcome);
  await expect.poll(() => first.layers.answer(LAYER, 'somebody')).toEqual({ state: 'coming', fetching: true });
  expect(outcome).not.toHaveBeenCalled();
  download.abort();
  expect(await second).toBeUndefined();
});

test('patience with cells that are still getting it, or have no place free, ends', async () => {
  const first = await startPeer(started, 'first', live);
  live.push(first);
  await first.layers.open(LAYER, pull.signal);
  expect(await mine(KEY, 100).open(LAYER, pull.signal)).toBeUndefined();
  await holder('busy', { streams: 0 });
  expect(await mine(KEY, 100).open({ ...LAYER }, pull.signal)).toBeUndefined();
});

test('a cell serves no more at a time than it may, and those who come later wait for a place', async () => {
  const peer = await holder('holder', { streams: 1 });
  const { promise: opened, resolve: open } = Promise.withResolvers<void>();
  peer.share.gate = opened;
  const first = await startClient(started, 'first', live).open(LAYER, pull.signal);
  const reading = read(first);
  expect(peer.share.leased).toBe(1);
  const second = startClient(started, 'second', live).open(LAYER, pull.signal);
  open();
  expect((await reading).equals(ARCHIVE)).toBe(true);
  expect((await read(await second)).equals(ARCHIVE)).toBe(true);
});

test('a cell gives no faster than it may, and all of it', async () => {
  await holder('holder', { bytesPerSecond: 20_000_000 });
  const since = performance.now();
  const source = await mine().open(LAYER, pull.signal);
  expect((await read(source)).equals(ARCHIVE)).toBe(true);
  // Less than 150 ms would be more than the rate allows, and its burst.
  expect(performance.now() - since).toBeGreaterThan(45);
});

test('a cell that goes away in the middle is replaced by another, at the byte where it broke off', async () => {
  const dying = await holder('dying');
  const source = await mine().open(LAYER, pull.signal);
  const bytes = source?.bytes[Symbol.asyncIterator]();
  const start = (await bytes?.next())?.value as Uint8Array;
  await holder('other');
  await dying.server.stop();
  const end = await read(rest(bytes));
  expect(Buffer.concat([start, end]).equals(ARCHIVE)).toBe(true);
});

test('when no other has it, it is told who broke off and where', async () => {
  const dying = await holder('dying');
  const source = await mine().open(LAYER, pull.signal);
  const bytes = source?.bytes[Symbol.asyncIterator]();
  await bytes?.next();
  await dying.server.stop();
  await expect(read(rest(bytes))).rejects.toThrow(
    /cell dying broke off after \d+ of 3000000 bytes: .*; no other cell has it/,
  );
});

const LIES: [name: string, lie: Parameters<typeof startLiar>[2], answer?: unknown][] = [
  ['does not answer', () => undefined],
  [
    'breaks off',
    (response) => response.writeHead(200, { 'content-length': ARCHIVE.length }).write('x', () => response.destroy()),
  ],
  ['says less than it said', (response) => response.writeHead(200, { 'content-length': 10 }).end('0123456789')],
  ['does not say how much it sends', (response) => endless(response.writeHead(200))],
  ['sends nothing', (response) => response.writeHead(200, { 'content-length': ARCHIVE.length }).flushHeaders()],
  ['sends a byte now and then', (response) => trickle(response.writeHead(200, { 'content-length': ARCHIVE.length }))],
  ['answers with an error', (response) => response.writeHead(500).end()],
  [
    'sends more than it said',
    (response) =>
      response.socket?.end(
        `HTTP/1.1 200 OK\r\ncontent-length: ${ARCHIVE.length}\r\n\r\n${'x'.repeat(ARCHIVE.length + 9)}`,
      ),
  ],
  ['speaks no HTTP', (response) => response.socket?.end('hello\r\n\r\n')],
  ['has headers without end', (response) => response.socket?.write(`HTTP/1.1 200 OK\r\nx: ${'x'.repeat(100_000)}`)],
  ['answers questions without end', () => undefined, 'x'.repeat(1_000_000)],
  ['answers questions with nonsense', () => undefined, { v: 1, cellId: 'liar', state: 'have', archiveBytes: -1 }],
];

test.each(LIES)(
  'a cell that %s holds nobody up: the next one is asked',
  { timeout: 30_000 },
  async (_, lie, answer) => {
    live.push(await startLiar(started, 'liar', lie, answer));
    const layers = mine(KEY, 2_000);
    const first = await layers.open(LAYER, pull.signal);
    // What has the right length is for the receiver's hash to find.
    const outcome = first === undefined ? 'none' : await read(first).catch((error: Error) => error.message);
    if (outcome instanceof Buffer) {
      expect(outcome.length).toBe(ARCHIVE.length);
      first?.reject?.(new GardenError('LAYER_DIFF_ID_MISMATCH', 'layers', 'other bytes'));
    }
    await holder('honest');
    const second = await layers.open(LAYER, pull.signal);
    expect((await read(second)).equals(ARCHIVE)).toBe(true);
  },
);

test('a cell that sent other bytes is not asked again', async () => {
  const asked = vi.fn();
  live.push(
    await startLiar(started, 'liar', (response) => {
      asked();
      response.writeHead(200, { 'content-length': ARCHIVE.length }).end(randomBytes(ARCHIVE.length));
    }),
  );
  const layers = mine();
  const source = await layers.open(LAYER, pull.signal);
  expect((await read(source)).equals(ARCHIVE)).toBe(false);
  source?.reject?.(new GardenError('LAYER_DIFF_ID_MISMATCH', 'layers', 'other bytes'));
  expect(await layers.open(LAYER, pull.signal)).toBeUndefined();
  expect(asked).toHaveBeenCalledTimes(1);
});

test('a cell that is dead, or whose port takes connections and says nothing, is not waited for', async () => {
  const silent = createPlainServer(() => undefined).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  started.add(() => void silent.close());
  const sockets: { destroy(): void }[] = [];
  silent.on('connection', (socket) => sockets.push(socket));
  live.push({ cellId: 'silent', address: '127.0.0.1', port: (silent.address() as AddressInfo).port });
  live.push({ cellId: 'dead', address: '127.0.0.1', port: 1 });
  expect(await mine().open(LAYER, pull.signal)).toBeUndefined();
  for (const socket of sockets) socket.destroy();
});

test('who gives up ends the stream, and the lease with it', async () => {
  const peer = await holder('holder');
  const { promise: opened, resolve: open } = Promise.withResolvers<void>();
  peer.share.gate = opened;
  const source = await mine().open(LAYER, pull.signal);
  const reading = read(source);
  expect(peer.share.leased).toBe(1);
  pull.abort();
  await expect(reading).rejects.toThrow('aborted');
  open();
  await expect.poll(() => peer.share.leased).toBe(0);
});

test('a receiver that takes nothing loses its place', async () => {
  const peer = await holder('holder', { stallMs: 50 });
  peer.share.archives.set(keyOf(LAYER), randomBytes(64_000_000));
  const source = await mine().open(LAYER, pull.signal);
  const bytes = source?.bytes[Symbol.asyncIterator]();
  await bytes?.next();
  expect(peer.share.leased).toBe(1);
  await expect.poll(() => peer.share.leased, { timeout: 10_000 }).toBe(0);
});

test('a cell whose address leads elsewhere, as to the cell that asks, is not taken for another', async () => {
  // It would wait for itself for an hour.
  const self = await startPeer(started, 'mine', live, { patienceMs: 3_600_000 });
  live.push({ ...self, cellId: 'elsewhere' });
  expect(await self.layers.open(LAYER, pull.signal)).toBeUndefined();
});

test('another key opens nothing, on either side', async () => {
  const peer = await holder('holder');
  const asked = vi.spyOn(peer.share, 'share');
  const other = peerKey(randomBytes(32).toString('base64url'));
  expect(await mine(other).open(LAYER, pull.signal)).toBeUndefined();
  expect(asked).not.toHaveBeenCalled();
});

test('who has no key at all is refused in the handshake: by TLS, by certificates, by plain HTTP', async () => {
  const { port, share } = await holder('holder');
  const asked = vi.spyOn(share, 'share');
  const target = { host: '127.0.0.1', port, path: '/v1/ask', method: 'POST', rejectUnauthorized: false } as const;
  await expect(once(request(target).end('{}'), 'response')).rejects.toThrow(/handshake failure/);
  await expect(once(request({ ...target, maxVersion: 'TLSv1.2' }).end('{}'), 'response')).rejects.toThrow(
    /SSL|TLS|EPROTO/i,
  );
  const plain = connectPlain(port, '127.0.0.1');
  plain.write('POST /v1/ask HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}');
  const heard: Buffer[] = [];
  plain.on('data', (bytes) => heard.push(Buffer.from(bytes)));
  await new Promise((resolve) => plain.once('close', resolve));
  expect(Buffer.concat(heard).toString('latin1')).not.toContain('HTTP/');
  expect(asked).not.toHaveBeenCalled();
});

test('a server that has a certificate instead of the key is no cell, even one that is trusted', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'peers-'));
  started.add(() => rmSync(dir, { recursive: true }));
  const [key, cert] = [join(dir, 'key.pem'), join(dir, 'cert.pem')];
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-keyout',
      key,
      '-out',
      cert,
      '-subj',
      '/CN=127.0.0.1',
      '-addext',
      'subjectAltName=IP:127.0.0.1',
      '-days',
      '1',
    ],
    { stdio: 'pipe' },
  );
  const server = createTlsServer({ key: readFileSync(key), cert: readFileSync(cert) }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  started.add(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const socket = connect({ host: '127.0.0.1', port, ...clientTls(KEY), ca: [readFileSync(cert)] });
  await expect(once(socket, 'secureConnect')).rejects.toThrow('a certificate and not the key');
  live.push({ cellId: 'impostor', address: '127.0.0.1', port });
  expect(await mine().open(LAYER, pull.signal)).toBeUndefined();
});

test('requests of another form are refused, and harm nobody', async () => {
  const { port } = await holder('holder');
  const send = async (method: string, path: string, body: string): Promise<number | undefined> => {
    const asked = request({ host: '127.0.0.1', port, path, method, ...clientTls(KEY), agent: false });
    asked.end(body);
    const [response] = await once(asked, 'response');
    response.resume();
    return response.statusCode;
  };
  const { digest, diffId, size } = LAYER;
  const layer = { digest, diffId, size };
  const good = { v: 1, cellId: 'mine', layer };
  const badLayers = [
    { ...layer, diffId: '../../etc' },
    { ...layer, size: -1 },
    { digest, size },
  ];
  for (const bad of badLayers) {
    expect(await send('POST', '/v1/ask', JSON.stringify({ ...good, layer: bad }))).toBe(400);
    expect(await send('POST', '/v1/archive', JSON.stringify({ v: 1, layer: bad, from: 0 }))).toBe(400);
  }
  expect(await send('POST', '/v1/ask', 'x'.repeat(10_000))).toBe(400);
  expect(await send('POST', '/v1/archive', JSON.stringify({ v: 1, layer, from: ARCHIVE.length + 1 }))).toBe(404);
  expect(await send('GET', '/v1/ask', '')).toBe(404);
  expect(await send('POST', '/v1/../etc', '')).toBe(404);
  expect(await send('POST', '/v1/ask', JSON.stringify(good))).toBe(200);
});

test('what is recorded of one connection is of no use for another', async () => {
  const { port } = await holder('holder');
  const socket = connect({ host: '127.0.0.1', port, ...clientTls(KEY) });
  await once(socket, 'secureConnect');
  expect(socket.getProtocol()).toBe('TLSv1.3');
  expect(socket.getEphemeralKeyInfo()).toMatchObject({ type: expect.any(String) });
  socket.destroy();
});

/** What is left of a source that was read from already. */
function rest(bytes: AsyncIterator<Uint8Array> | undefined): Pick<LayerSource, 'bytes'> {
  return { bytes: { [Symbol.asyncIterator]: () => bytes as AsyncIterator<Uint8Array> } };
}

function endless(response: { write(bytes: Buffer, done: () => void): unknown; readonly destroyed: boolean }): void {
  const more = (): void => {
    if (!response.destroyed) response.write(Buffer.alloc(65_536), () => void setImmediate().then(more));
  };
  more();
}

function trickle(response: { write(bytes: string): unknown; readonly destroyed: boolean }): void {
  const timer = setInterval(() => (response.destroyed ? clearInterval(timer) : response.write('x')), 50);
}
