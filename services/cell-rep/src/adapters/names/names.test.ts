// @module-tag root
import { createSocket } from 'node:dgram';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@slipway/service-kit';
import { decode, encode, type Packet, streamDecode, streamEncode } from 'dns-packet';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import type { Zone } from '../../domain/names/zone.ts';
import { Forwarder } from './forwarder.ts';
import { NameServer, stopNameServers } from './name-server.ts';
import { NameService } from './name-service.ts';

const ADDRESS = '127.0.0.1';
const zone: Zone = {
  domains: ['apps.internal'],
  hosts: {
    'backend.apps.internal': [
      { index: 0, address: '10.0.0.2' },
      { index: 1, address: '10.0.0.3' },
    ],
    'many.apps.internal': Array.from({ length: 250 }, (_, index) => ({ index, address: `10.1.0.${index}` })),
  },
};
const question = (name: string, type = 'A'): Packet => ({
  type: 'query',
  id: 4_711,
  flags: 0x100,
  questions: [{ name, type: type as 'A', class: 'IN' }],
});
const codeOf = (packet: Packet): number => (packet.flags ?? 0) & 0xf;
const dataOf = (packet: Packet): string[] =>
  (packet.answers ?? []).map((answer) => ('data' in answer ? String(answer.data) : '')).toSorted();

/** As a resolver asks: again when nothing comes. */
async function overUdp(port: number, message: Buffer): Promise<Buffer> {
  const socket = createSocket('udp4');
  const send = (): void => socket.send(message, () => undefined);
  const again = setInterval(() => send(), 1_000);
  try {
    return await new Promise((resolve) => {
      socket.on('message', resolve).on('error', () => undefined);
      socket.connect(port, ADDRESS, send);
    });
  } finally {
    clearInterval(again);
    socket.close();
  }
}

async function overTcp(port: number, packet: Packet): Promise<Packet> {
  const socket = connect(port, ADDRESS);
  socket.write(streamEncode(packet));
  let bytes = Buffer.alloc(0);
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    bytes = Buffer.concat([bytes, chunk]);
    if (bytes.length >= 2 && bytes.length >= bytes.readUInt16BE(0) + 2) break;
  }
  return streamDecode(bytes);
}

/** A name server elsewhere that notes what it is asked, and says that everything is 192.0.2.1. */
const asked: string[] = [];
let mute = false;
const isWhole = (message: Buffer): boolean => {
  try {
    return decode(message).questions?.length === 1;
  } catch {
    return false;
  }
};
const reply = (message: Buffer): Packet => {
  const packet = decode(message);
  const name = packet.questions?.[0]?.name ?? '';
  asked.push(name);
  return { ...packet, type: 'response', answers: [{ type: 'A', name, ttl: 60, data: '192.0.2.1' }] };
};
const upstream = createSocket('udp4').on('message', (message, from) => {
  // Of what is broken it says nothing.
  if (message.length > 12 && !mute && isWhole(message)) upstream.send(encode(reply(message)), from.port, from.address);
});
const upstreamTcp = createServer((socket) => {
  socket.on('data', (chunk: Buffer) => socket.end(streamEncode(reply(chunk.subarray(2)))));
});
let service: NameService;
beforeAll(async () => {
  await new Promise<void>((resolve) => upstream.bind(0, ADDRESS, resolve));
  const { port } = upstream.address();
  await new Promise<void>((resolve) => upstreamTcp.listen(port, ADDRESS, resolve));
  service = new NameService({ address: ADDRESS, port: 0, forwarder: new Forwarder(() => [{ host: ADDRESS, port }]) });
  service.zone = zone;
  await service.listen();
});
afterAll(async () => {
  await service.close();
  upstream.close();
  upstreamTcp.close();
});

const ask = async (name: string, type?: string): Promise<Packet> =>
  decode(await overUdp(service.port, encode(question(name, type))));

test('an internal name has the addresses of its instances, which nobody may remember', async () => {
  const answer = await ask('BackEnd.apps.internal');
  expect(answer).toMatchObject({ type: 'response', id: 4_711, flag_aa: true, flag_rd: true, flag_ra: true });
  expect(answer.questions?.[0]?.name).toBe('BackEnd.apps.internal');
  expect(dataOf(answer)).toEqual(['10.0.0.2', '10.0.0.3']);
  expect(answer.answers?.every((each) => 'ttl' in each && each.ttl === 0)).toBe(true);
  expect(dataOf(await ask('1.backend.apps.internal'))).toEqual(['10.0.0.3']);
  expect(dataOf(await overTcp(service.port, question('backend.apps.internal')))).toEqual(['10.0.0.2', '10.0.0.3']);
});

test('what is not there is told from what has no such record, and neither is asked elsewhere', async () => {
  const before = asked.length;
  expect(codeOf(await ask('none.apps.internal'))).toBe(3);
  const aaaa = await ask('backend.apps.internal', 'AAAA');
  expect([codeOf(aaaa), dataOf(aaaa)]).toEqual([0, []]);
  expect(asked.slice(before)).toEqual([]);
});

test('over UDP come as many addresses as there is room for, over TCP all', async () => {
  const plain = await overUdp(service.port, encode(question('many.apps.internal')));
  expect(plain.length).toBeLessThanOrEqual(512);
  expect(dataOf(decode(plain)).length).toBeGreaterThan(5);
  const additionals = [
    {
      type: 'OPT',
      name: '.',
      udpPayloadSize: 4_096,
      extendedRcode: 0,
      ednsVersion: 0,
      flags: 0,
      flag_do: false,
      options: [],
    },
  ] as Packet['additionals'];
  const edns = await overUdp(
    service.port,
    encode({ ...question('many.apps.internal'), ...(additionals === undefined ? {} : { additionals }) }),
  );
  expect(edns.length).toBeGreaterThan(512);
  expect(edns.length).toBeLessThanOrEqual(1_232);
  expect(decode(edns).additionals?.[0]?.type).toBe('OPT');
  expect(dataOf(await overTcp(service.port, question('many.apps.internal')))).toHaveLength(250);
});

test('all other names are asked of the host’s name servers, the way that they came', async () => {
  expect(dataOf(await ask('example.com'))).toEqual(['192.0.2.1']);
  expect(dataOf(await overTcp(service.port, question('example.org')))).toEqual(['192.0.2.1']);
  expect(asked.slice(-2)).toEqual(['example.com', 'example.org']);
});

test('when nobody answers, that is said', async () => {
  mute = true;
  onTestFinished(() => {
    mute = false;
  });
  const answer = await ask('example.net');
  expect([codeOf(answer), answer.id]).toEqual([2, 4_711]);
});

test('whatever is sent, it goes on answering', async () => {
  const socket = createSocket('udp4');
  onTestFinished(() => void socket.close());
  await new Promise<void>((resolve) => socket.connect(service.port, ADDRESS, resolve));
  socket.on('error', () => undefined);
  const good = encode(question('backend.apps.internal'));
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 64 }),
    fc.tuple(fc.nat({ max: good.length - 1 }), fc.nat({ max: 255 })).map(([at, value]) => {
      const changed = Buffer.from(good);
      changed[at] = value;
      return changed;
    }),
    fc.nat({ max: good.length }).map((length) => good.subarray(0, length)),
  );
  for (const [index, message] of fc.sample(bytes, 500).entries()) {
    socket.send(message);
    // No more at once than a socket's buffer holds.
    if (index % 25 === 0) await ask('backend.apps.internal');
  }
  expect(dataOf(await ask('backend.apps.internal'))).toEqual(['10.0.0.2', '10.0.0.3']);
});

test('the process of its own outlives who started it, gives way to the next, and is started again', async () => {
  const runDir = mkdtempSync(join(tmpdir(), 'names-'));
  chmodSync(runDir, 0o755);
  onTestFinished(async () => {
    await stopNameServers(runDir);
    rmSync(runDir, { recursive: true });
  });
  const resolvConf = join(runDir, 'resolv.conf');
  writeFileSync(resolvConf, 'nameserver 127.0.0.1\n');
  const logger = createLogger('test', 'silent');
  const options = { address: ADDRESS, runDir, resolvConf, logger };
  const first = new NameServer({ ...options, port: 0 });
  first.tell(zone);
  await first.start();
  const port = first.port ?? 0;
  const addresses = async (): Promise<string[]> =>
    dataOf(decode(await overUdp(port, encode(question('backend.apps.internal')))));
  expect(await addresses()).toEqual(['10.0.0.2', '10.0.0.3']);
  first.tell({ ...zone, hosts: { 'backend.apps.internal': [{ index: 0, address: '10.9.9.9' }] } });
  await vi.waitFor(async () => expect(await addresses()).toEqual(['10.9.9.9']));
  first.close();
  expect(await addresses()).toEqual(['10.9.9.9']);
  const second = new NameServer({ ...options, port });
  onTestFinished(() => second.close());
  second.tell(zone);
  await second.start();
  expect(await addresses()).toEqual(['10.0.0.2', '10.0.0.3']);
  await stopNameServers(runDir);
  expect(await addresses()).toEqual(['10.0.0.2', '10.0.0.3']);
});
