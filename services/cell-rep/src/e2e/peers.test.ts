// @module-tag root
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import type { CellPresence, DesiredLrp, DesiredTask } from '@slipway/contracts';
import { generateSealingKeys } from '@slipway/service-kit';
import { type RegistryFront, startRegistryFront } from '@slipway/testing';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { connectAs, silent } from '../adapters/bus.test-support.ts';
import { peerKey } from '../adapters/peers/peer-tls.ts';
import { Started, startLiar } from '../adapters/peers/peers.test-support.ts';
import { startPresence } from '../adapters/presence.ts';
import { TestCell } from './cell.test-support.ts';
import { fetchFrom } from './host.test-support.ts';
import { askHealth, type RepProcess } from './rep-process.test-support.ts';

const patient = { timeout: 45_000 };

let cells: readonly TestCell[];
let front: RegistryFront;
let reps: RepProcess[];
beforeAll(async () => {
  cells = await TestCell.createSeveral(2);
  front = await startRegistryFront(cellA().registry);
});
afterAll(async () => {
  await front.stop();
  for (const cell of cells.toReversed()) await cell.dispose();
});
beforeEach(async () => {
  reps = [];
  await front.become('fine');
});
afterEach(async () => {
  for (const rep of reps) {
    rep.signal('SIGKILL');
    await rep.exited;
  }
});

const cellA = (): TestCell => cells[0] as TestCell;
const cellB = (): TestCell => cells[1] as TestCell;

/** Others know the cell by then: what it was before had another port. */
async function start(cell: TestCell, env: Readonly<Record<string, string>> = {}): Promise<RepProcess> {
  const before = cell.presence?.epoch;
  const rep = await cell.startRep({ env });
  reps.push(rep);
  await expect.poll(() => cell.presence?.epoch ?? before, patient).not.toBe(before);
  return rep;
}

/** Of a cell that only says that it is there. */
function presenceOf(cellId: string, peerPort: number): CellPresence {
  const now = new Date().toISOString();
  return {
    v: 1,
    cellId,
    epoch: randomUUID(),
    startedAt: now,
    renewedAt: now,
    address: '127.0.0.1',
    peerPort,
    zone: 'z1',
    platform: { os: 'linux', architecture: 'amd64' },
    capacity: { memoryMb: 0, diskMb: 0, containers: 0 },
    placementTags: [],
    optionalPlacementTags: [],
    evacuating: false,
    healthy: false,
    starting: 0,
  };
}

/** An app of an image of its own. */
async function app(version: string = randomUUID()): Promise<DesiredLrp> {
  const lrp = await cellA().lrp({}, {}, version);
  return { ...lrp, image: { ...lrp.image, registry: front.address } };
}

/** Bytes of layers that came from other cells, or went there. */
async function peerBytes(rep: RepProcess, direction: 'in' | 'out'): Promise<number> {
  const metrics = (await askHealth(rep, '/metrics')).body;
  const line = new RegExp(`^slipway_cell_peer_bytes_total\\{[^}]*direction="${direction}"[^}]*\\} (\\d+)$`, 'm');
  return Number(line.exec(metrics)?.[1] ?? 0);
}

const blobs = (): string[] => front.requests.filter((request) => request.includes('/blobs/'));

test('what one cell has the other gets from there, while the registry is gone', async () => {
  const [first, second] = [await start(cellA()), await start(cellB())];
  const lrp = await app();
  await cellA().run(lrp);
  await front.become('gone');
  const instance = await cellB().run(lrp, 1);
  expect((await fetchFrom(instance)).status).toBe(200);
  expect(front.requests).toEqual([]);
  expect(await peerBytes(second, 'in')).toBeGreaterThan(0);
  expect(await peerBytes(first, 'out')).toBe(await peerBytes(second, 'in'));

  // What came from a cell is as good for a third: the first one lost its layers, and gets them back.
  const downloaded = /^CELL: Cell \S+ downloaded 3 layers, /;
  await expect.poll(() => cellB().linesOf(lrp), patient).toContainEqual(expect.stringMatching(downloaded));
});

test('cells that begin at the same moment fetch each layer from the registry once', async () => {
  await Promise.all([start(cellA()), start(cellB())]);
  const lrp = await app();
  await Promise.all([cellA(), cellB()].map(async (cell) => await cell.desire(lrp)));
  const placed = await Promise.all([cellA().place(lrp, 0), cellB().place(lrp, 1)]);
  await cellA().untilState(placed[0].instanceGuid, 'RUNNING');
  await cellB().untilState(placed[1].instanceGuid, 'RUNNING');
  const asked = blobs().filter((request) => request.startsWith('GET '));
  expect(asked.length).toBeGreaterThan(0);
  expect(new Set(asked).size).toBe(asked.length);
});

test('a cell that dies while it gives a layer costs the other no start', async () => {
  const first = await start(cellA(), { CELL_PEER_MB_PER_SECOND: '1' });
  const second = await start(cellB());
  // Takes the first cell some seconds.
  const lrp = await app(randomBytes(3_000_000).toString('hex'));
  await cellA().run(lrp);
  const before = blobs().length;
  await cellB().desire(lrp);
  const { instanceGuid } = await cellB().place(lrp, 1);
  await expect.poll(() => peerBytes(second, 'in'), patient).toBeGreaterThan(500_000);
  first.signal('SIGKILL');
  const instance = await cellB().untilState(instanceGuid, 'RUNNING');
  expect((await fetchFrom(instance)).status).toBe(200);
  expect(blobs().length).toBeGreaterThan(before);
  const detour = /failed to download layer sha256:\S+ from other cells, asking the registry .*broke off after \d+ of/;
  await expect.poll(() => cellB().linesOf(lrp), patient).toContainEqual(expect.stringMatching(detour));
});

test('a cell that lies costs the other no start, and nothing of what it sent stays', async () => {
  const lrp = await app();
  const archiveBytes = 1_000_000;
  const started = new Started();
  const lie = { v: 1, cellId: cellA().id, state: 'have', archiveBytes, busy: false };
  const send = (response: ServerResponse): void => {
    response.writeHead(200, { 'content-length': archiveBytes }).end(randomBytes(archiveBytes));
  };
  const key = peerKey(cellA().sealing.privateKey);
  const { port } = await startLiar(started, cellA().id, send, lie, key);
  const bus = await connectAs(cellA().nats, 'cell-rep', cellA().id);
  const presence = await startPresence(bus, () => presenceOf(cellA().id, port), silent);
  try {
    const second = await start(cellB());
    const instance = await cellB().run(lrp, 1);
    expect((await fetchFrom(instance)).status).toBe(200);
    expect(await peerBytes(second, 'in')).toBeGreaterThan(0);
    const detour = /failed to download layer sha256:\S+ from other cells, asking the registry /;
    await expect.poll(() => cellB().linesOf(lrp), patient).toContainEqual(expect.stringMatching(detour));
    expect(await readdir(join(cellB().dataDir, 'cell/layer-store/tmp'))).toEqual([]);
  } finally {
    presence.stop();
    await started.end();
  }
});

test('a cell with another key gets nothing, and one that is switched off neither gives nor asks', async () => {
  await start(cellA());
  const lrp = await app();
  await cellA().run(lrp);
  const other = generateSealingKeys();
  const stranger = await start(cellB(), { CELL_PUBLIC_KEY: other.publicKey, CELL_PRIVATE_KEY: other.privateKey });
  await front.become('fine');
  await cellB().run(lrp, 1);
  expect(blobs().length).toBeGreaterThan(0);
  expect(await peerBytes(stranger, 'in')).toBe(0);
  stranger.signal('SIGKILL');
  await stranger.exited;

  const off = await start(cellB(), { CELL_PEER_PORT: 'off' });
  await expect.poll(() => cellB().presence?.peerPort, patient).toBeUndefined();
  const another = await app();
  await cellA().run(another);
  await front.become('fine');
  await cellB().run(another, 1);
  expect(blobs().length).toBeGreaterThan(0);
  expect(await peerBytes(off, 'in')).toBe(0);
});

test('a cell that cannot listen at its address says so, and runs its apps', async () => {
  const rep = await start(cellA(), { CELL_ADDRESS: '192.0.2.1' });
  expect(rep.lines).toContainEqual(expect.objectContaining({ msg: 'peers.not-listening', address: '192.0.2.1' }));
  await expect.poll(() => cellA().presence, patient).toMatchObject({ address: '192.0.2.1' });
  expect(cellA().presence?.peerPort).toBeUndefined();
  expect((await fetchFrom(await cellA().run(await app()))).status).toBe(200);
});

test('containers cannot reach the port at which cells give layers', async (context) => {
  const address = Object.values(networkInterfaces())
    .flatMap((each) => each ?? [])
    .find(({ internal, family }) => !internal && family === 'IPv4')?.address;
  if (address === undefined) return context.skip('this machine has no address but loopback');
  await start(cellA(), { CELL_ADDRESS: address });
  await expect.poll(() => cellA().presence?.address, patient).toBe(address);
  const port = cellA().presence?.peerPort as number;
  const fromHost = connect(port, address);
  await once(fromHost, 'connect');
  fromHost.destroy();

  const reach = (host: string, at: number): string =>
    `timeout 5 busybox nc ${host} ${at} </dev/null >/dev/null 2>&1 && echo reached || echo unreached`;
  // The second shows that it would be seen if it could.
  const script = `${reach(address, port)}; busybox httpd -p 127.0.0.1:9999 -h /; ${reach('127.0.0.1', 9_999)}`;
  const task: DesiredTask = await cellA().task(script);
  await cellA().desireTask(task);
  await cellA().untilTask(task, 'COMPLETED');
  const said = (): string[] =>
    cellA()
      .linesOf(task)
      .filter((line) => line.includes('reached'));
  await expect.poll(said, patient).toHaveLength(2);
  expect(said()).toEqual([expect.stringContaining(': unreached'), expect.stringContaining(': reached')]);
});
