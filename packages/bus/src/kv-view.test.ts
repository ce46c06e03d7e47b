import { randomUUID } from 'node:crypto';
import { buckets, type Unplaced } from '@slipway/contracts';
import { type NatsHandle, startNats } from '@slipway/testing';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { connectTo, eventually, type LogCapture, operatorBus, startWire } from './bus.test-support.ts';
import { type Bus, KvStore, KvView, type KvViewOptions } from './index.ts';

let nats: NatsHandle;
beforeEach(async () => {
  nats = await startNats();
});
afterEach(() => nats.stop());

type Record = (typeof buckets.placements)['value']['_output'];

const record = (index: number): Unplaced => ({
  v: 1,
  kind: 'unplaced',
  processGuid: `${randomUUID()}-${randomUUID()}`,
  index,
  state: 'UNCLAIMED',
  crashCount: 0,
  since: '2026-01-01T00:00:00.000Z',
});

async function openView(bus: Bus, options: KvViewOptions<Record> = {}): Promise<KvView<Record>> {
  const view = await KvView.open(bus, buckets.placements, options);
  onTestFinished(() => view.close());
  return view;
}

test('every change arrives once and in order, whatever was written while the snapshot was sent', async () => {
  const scheduler = await connectTo(nats, 'scheduler');
  const controller = await connectTo(nats, 'cloud-controller');
  const store = await KvStore.open(scheduler, buckets.placements);
  const keys = Array.from({ length: 50 }, (_, i) => `unplaced.k${i}.0`);
  for (const key of keys) await store.put(key, record(0));
  let writing = true;
  const churn = (async () => {
    for (let i = 1; writing; i++) await store.put(keys[i % keys.length] ?? '', record(i));
  })();
  for (let i = 0; i < 20; i++) {
    const seen = new Map<string, number>();
    const view: KvView<Record> = await openView(controller, {
      onChange: (change) => {
        if (change?.value === undefined) return;
        expect(change.value.index).toBeGreaterThan(seen.get(change.key) ?? -1);
        seen.set(change.key, change.value.index);
      },
    });
    expect([...view.entries.keys()].toSorted()).toEqual(keys.toSorted());
    for (const [key, { value }] of view.entries) if (!seen.has(key)) seen.set(key, value.index);
    if (i > 0) view.close();
  }
  writing = false;
  await churn;
  const view = await openView(controller);
  expect(await view.catchUp()).toBe(true);
  for (const key of keys) expect(view.get(key)).toEqual((await store.get(key))?.value);
});

test('a new snapshot keeps the age of what it brings again, and tells a record of a lost store from its double', async () => {
  const scheduler = await connectTo(nats, 'scheduler');
  const store = await KvStore.open(scheduler, buckets.placements);
  const wire = await startWire(nats);
  const view = await openView(await connectTo(nats, 'cloud-controller', undefined, undefined, wire.url));
  const revision = await store.put('unplaced.a.0', record(1));
  await eventually(() => view.get('unplaced.a.0')?.index).toBe(1);
  const before = view.entries.get('unplaced.a.0');
  const syncedBefore = view.syncedAt ?? 0;

  await nats.restart();
  await eventually(() => view.fresh && (view.syncedAt ?? 0) > syncedBefore).toBe(true);
  expect(view.entries.get('unplaced.a.0')).toEqual(before);

  await eventually(() => scheduler.ready).toBe(true);
  wire.cut();
  const generation = scheduler.generation;
  await nats.restart({ wipe: true });
  await eventually(() => scheduler.ready && scheduler.generation > generation + 1).toBe(true);
  // The first record of the new store has the revision of the first record of the lost one.
  expect(await store.put('unplaced.a.0', record(2))).toBe(revision);
  wire.mend();
  await eventually(() => view.get('unplaced.a.0')?.index).toBe(2);
});

test('is not fresh from the moment the connection is lost until a new snapshot is complete', async () => {
  const controller = await connectTo(nats, 'cloud-controller');
  const scheduler = await connectTo(nats, 'scheduler');
  const store = await KvStore.open(scheduler, buckets.placements);
  await store.put('unplaced.a.0', record(0));
  const view = await openView(controller);
  const freshWhenReconnected: boolean[] = [];
  const status = (async () => {
    for await (const { type } of controller.nc.status()) {
      if (type === 'disconnect' || type === 'reconnect') freshWhenReconnected.push(view.fresh);
      if (type === 'reconnect') return;
    }
  })();
  expect(view.fresh).toBe(true);
  await nats.kill();
  await eventually(() => view.fresh).toBe(false);
  expect(await view.catchUp()).toBe(false);
  await nats.restart();
  await status;
  expect(freshWhenReconnected).toEqual([false, false]);
  await eventually(() => view.fresh).toBe(true);
  expect(view.get('unplaced.a.0')?.index).toBe(0);
});

test('drops what was deleted while the connection was lost, with one call for the whole snapshot', async () => {
  const store = await KvStore.open(await connectTo(nats, 'scheduler'), buckets.placements);
  await store.put('unplaced.a.0', record(0));
  await store.put('unplaced.b.0', record(1));
  const changes: (string | undefined)[] = [];
  const wire = await startWire(nats);
  const view = await openView(await connectTo(nats, 'cloud-controller', undefined, undefined, wire.url), {
    onChange: (change) => changes.push(change?.key),
  });
  wire.cut();
  await eventually(() => view.fresh).toBe(false);
  await store.delete('unplaced.a.0');
  expect([...view.entries.keys()]).toEqual(['unplaced.a.0', 'unplaced.b.0']);
  wire.mend();
  await eventually(() => view.fresh && [...view.entries.keys()]).toEqual(['unplaced.b.0']);
  expect(changes.filter((key) => key !== 'unplaced.a.0')).toEqual([undefined, undefined]);
});

test('a record that does not parse leaves the last valid one, and is named until it is replaced', async () => {
  const capture: LogCapture = { events: [] };
  const view = await openView(await connectTo(nats, 'cloud-controller', undefined, capture));
  const store = await KvStore.open(await connectTo(nats, 'scheduler'), buckets.placements);
  const operator = await operatorBus(nats);
  await store.put('unplaced.a.0', record(0));
  await operator.js.publish('$KV.placements.unplaced.a.0', '{"v":2}');
  await operator.js.publish('$KV.placements.unplaced.b.0', 'not JSON');
  await eventually(() => [...view.invalidKeys]).toEqual(['unplaced.a.0', 'unplaced.b.0']);
  expect(view.get('unplaced.a.0')?.index).toBe(0);
  expect(view.get('unplaced.b.0')).toBeUndefined();
  expect(capture.events.filter((event) => event === 'kv-view.invalid')).toHaveLength(2);
  await expect(store.get('unplaced.b.0')).rejects.toMatchObject({ code: 'BUS_RECORD_INVALID' });
  await store.put('unplaced.a.0', record(1));
  await store.delete('unplaced.b.0');
  await eventually(() => view.invalidKeys.size).toBe(0);
  expect(view.get('unplaced.a.0')?.index).toBe(1);
});

test('tells deleted keys from keys that never were, also when they were deleted before it opened', async () => {
  const scheduler = await connectTo(nats, 'scheduler');
  const store = await KvStore.open(scheduler, buckets.placements);
  await store.put('unplaced.a.0', record(0));
  await store.delete('unplaced.a.0');
  const view = await openView(scheduler, { trackDeleted: true });
  expect([...view.deleted.keys()]).toEqual(['unplaced.a.0']);
  const revision = await store.put('unplaced.a.0', record(1));
  expect(await view.reached(revision)).toBe(true);
  expect(view.deleted.size).toBe(0);
  await nats.restart({ wipe: true });
  await eventually(() => view.fresh && view.entries.size + view.deleted.size).toBe(0);
});

test('compacts old deletion markers, and never what was written since', async () => {
  const scheduler = await connectTo(nats, 'scheduler');
  const store = await KvStore.open(scheduler, buckets.placements);
  const view = await openView(scheduler, { trackDeleted: true });
  for (const key of ['unplaced.gone.0', 'unplaced.kept.0', 'unplaced.again.0']) {
    await store.put(key, record(0));
    await store.delete(key);
  }
  expect(await view.catchUp()).toBe(true);
  expect(await view.compact(60_000)).toBe(0);
  expect(view.deleted.size).toBe(3);
  // Written anew, which this view need not know yet.
  await store.put('unplaced.again.0', record(1));
  expect(await view.compact(0, (key) => key === 'unplaced.kept.0')).toBeLessThanOrEqual(1);
  expect(await view.catchUp()).toBe(true);
  expect([...view.deleted.keys()]).toEqual(['unplaced.kept.0']);
  const later = await openView(await connectTo(nats, 'scheduler'), { trackDeleted: true });
  expect([...later.deleted.keys()]).toEqual(['unplaced.kept.0']);
  expect([...later.entries.keys()]).toEqual(['unplaced.again.0']);
  expect(await later.catchUp()).toBe(true);
});

test('sees its own writes after reached, and everybody else’s after catchUp', async () => {
  const scheduler = await connectTo(nats, 'scheduler');
  const store = await KvStore.open(scheduler, buckets.placements);
  const other = await KvStore.open(await connectTo(nats, 'scheduler'), buckets.placements);
  const view = await openView(scheduler);
  for (let i = 0; i < 200; i++) {
    const revision = await store.put(`unplaced.a${i}.0`, record(i));
    if (i % 2 === 0) await other.put(`unplaced.b${i}.0`, record(i));
    if (i % 2 === 0) expect(await view.catchUp()).toBe(true);
    else expect(await view.reached(revision)).toBe(true);
    expect(view.get(`unplaced.a${i}.0`)?.index).toBe(i);
    if (i % 2 === 0) expect(view.get(`unplaced.b${i}.0`)?.index).toBe(i);
  }
  expect(await view.reached(1_000_000, 10)).toBe(false);
});

test('takes in by catchUp what was stored without its hearing of it', async () => {
  const controller = await connectTo(nats, 'cloud-controller');
  const subscribe = controller.nc.subscribe.bind(controller.nc);
  // Something between NATS and here loses what the view listens to.
  controller.nc.subscribe = (_subject, options) => subscribe('_INBOX_cloud-controller.silence', options);
  const changes: unknown[] = [];
  const view = await openView(controller, { filter: 'unplaced.>', onChange: (change) => changes.push(change?.key) });
  const store = await KvStore.open(await connectTo(nats, 'scheduler'), buckets.placements);
  for (let i = 0; i < 3; i++) await store.put(`unplaced.a${i}.0`, record(i));
  await store.put('placed.cell-1.other', record(3));
  await store.delete('unplaced.a1.0');
  expect(view.entries.size).toBe(0);
  expect(await view.catchUp()).toBe(true);
  expect([...view.entries.keys()]).toEqual(['unplaced.a0.0', 'unplaced.a2.0']);
  expect(changes).toEqual([undefined, 'unplaced.a0.0', 'unplaced.a2.0']);
  expect(await view.reached(await store.put('unplaced.a3.0', record(3)), 10)).toBe(false);
});

test('reads the bucket anew when its stream was replaced while the connection stayed up', async () => {
  const controller = await connectTo(nats, 'cloud-controller');
  const store = await KvStore.open(await connectTo(nats, 'scheduler'), buckets.placements);
  await store.put('unplaced.a.0', record(0));
  const view = await openView(controller);
  const operator = await operatorBus(nats);
  await operator.jsm.streams.delete('KV_placements');
  // Either the check of the topology or a reader's own check finds it; here the latter.
  expect(await view.catchUp()).toBe(false);
  await eventually(() => view.fresh && view.entries.size).toBe(0);
});

test('a view of some keys is not disturbed by the others', async () => {
  const scheduler = await connectTo(nats, 'scheduler');
  const store = await KvStore.open(scheduler, buckets.placements);
  const view = await openView(scheduler, { filter: 'unplaced.mine.>' });
  for (let i = 0; i < 20; i++) await store.put(`unplaced.other${i}.0`, record(i));
  await store.put('unplaced.mine.0', record(0));
  expect(await view.catchUp()).toBe(true);
  expect([...view.entries.keys()]).toEqual(['unplaced.mine.0']);
  for (let i = 0; i < 20; i++) await store.put(`unplaced.other${i}.0`, record(i));
  expect(await view.catchUp()).toBe(true);
});
