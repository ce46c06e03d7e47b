// @module-tag root
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readRecord } from './container-record.ts';
import {
  busyboxImage,
  containerSpec,
  expectNothingLeft,
  Lines,
  openCell,
  storeImage,
  testCell,
} from './garden.test-support.ts';
import type { Garden } from './garden.ts';

// A rep that is upgraded finds the records of the one before. What each release wrote is kept here, word for word: never
// change one of these, add one.

const PROCESS = { pid: 4242, startTime: '123456' };
const first = {
  v: 1,
  handle: 'c1',
  state: 'running',
  bootId: '2b1c4a1e-5d53-4b8f-9a39-0e7d6c8c1f10',
  createdAt: '2026-11-01T10:00:00.000Z',
  startedAt: '2026-11-01T10:00:00.100Z',
  slot: 3,
  range: { base: 1_879_244_800, size: 65_536 },
  network: { address: '10.254.0.5', hostDevice: 'slw0a1b2c-3' },
  cgroup: '/slipway/cell-1/c1',
  memoryBytes: 67_108_864,
  layers: ['sha256:4ee6b23e3f2be48d0cd2d6cd5f4e4d4dc4e0a4b9ae6d4f7f1f2ed2f5a8b6d5c4'],
  keeper: PROCESS,
  init: PROCESS,
  conmon: PROCESS,
  exit: null,
  annotations: { notes: { v: 1 } },
};
const withSidecars = {
  ...first,
  image: { id: 'sha256:0f', reference: 'registry.example/app:1', app: { guid: 'guid', name: 'dora' } },
  sidecars: [{ name: 'beside', process: PROCESS, conmon: PROCESS }],
  exit: { status: 137, outOfMemory: true, at: '2026-11-01T11:00:00.000Z' },
  state: 'exited',
};
const withLimits = {
  ...withSidecars,
  range: { base: 1_879_244_800, size: 65_536, high: [{ id: 100_000, host: 1_900_000_000 }] },
  egress: [{ protocol: 'tcp', destinations: ['10.0.0.0/8'], ports: ['443'] }],
  disk: { kind: 'file-system', limitBytes: 1_073_741_824 },
};
const RECORDS: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
  ['the first', first],
  ['with sidecars and the name of the image', withSidecars],
  ['with users above 65,535, a disk of its own and egress rules', withLimits],
];

const options = testCell();
let garden: Garden;
beforeAll(async () => {
  garden = await openCell(options);
});
afterAll(async () => {
  await garden.teardown();
  expectNothingLeft(options);
});

test.each(RECORDS)('a record is read as it was written: %s', (_, record) => {
  const path = join(options.dataDir, 'record.json');
  writeFileSync(path, JSON.stringify(record));
  expect(readRecord(path)).toEqual({ sidecars: [], ...record });
});

test.each(RECORDS.filter(([, { state }]) => state === 'running'))(
  'a container whose record is of that shape is taken over, with its lines and its end: %s',
  async (_, old) => {
    const layers = await storeImage(garden, busyboxImage());
    const command = 'trap go=1 USR1; echo before; until [ "$go" ]; do sleep 0.05; done; echo after; exit 7';
    const spec = containerSpec(layers, { command });
    const container = await garden.create(spec);
    await container.start();
    await garden.close();
    const path = join(options.dataDir, 'containers', spec.handle, 'container.json');
    const now = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
    const { base, size } = now.range as { base: number; size: number };
    const shaped = Object.fromEntries(Object.keys(old).map((key) => [key, now[key] ?? old[key]]));
    writeFileSync(path, JSON.stringify({ ...shaped, range: { base, size } }));

    garden = await openCell(options);
    const adopted = garden.container(spec.handle);
    expect(adopted?.state).toBe('running');
    const lines = new Lines();
    const reader = adopted?.readLogs(lines.sink);
    await lines.until('before');
    adopted?.signal('SIGUSR1');
    expect(await adopted?.exited).toMatchObject({ status: 7 });
    await reader?.ended;
    expect(lines.all).toEqual(['before', 'after']);
    await adopted?.delete();
  },
);
