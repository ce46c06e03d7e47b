import { randomInt, randomUUID } from 'node:crypto';
import { buckets, type Instance } from '@slipway/contracts';
import { type NatsHandle, startNats } from '@slipway/testing';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { connectTo, eventually, operatorBus } from './bus.test-support.ts';
import { type Bus, KvStore, KvView } from './index.ts';

// Two cells write, delete and write again at the same time, NATS is killed, wiped, and its stream replaced, markers are
// taken away: whatever happens in whatever order, each view comes to hold exactly what was written, and says so.

let nats: NatsHandle;
beforeEach(async () => {
  nats = await startNats();
});
afterEach(() => nats.stop());

const CELLS = ['cell-1', 'cell-2'] as const;
const KEYS_PER_CELL = 40;
const WRITES = 300;

let written = 0;
const instance = (cellId: string): Instance => ({
  v: 1,
  instanceGuid: randomUUID(),
  processGuid: `${randomUUID()}-${randomUUID()}`,
  index: ++written,
  cellId,
  state: 'CLAIMED',
  since: '2026-01-01T00:00:00.000Z',
  routable: false,
});

/** A small generator with a seed (mulberry32), so that a failure can be had again. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Watched {
  readonly view: KvView<Instance>;
  readonly prefix: string;
}

/** A view whose listener notes as a fault when a key's changes come in the wrong order. */
async function watch(bus: Bus, prefix: string, trackDeleted: boolean, faults: string[]): Promise<Watched> {
  const told = new Map<string, number>();
  const options = { ...(prefix === '' ? {} : { filter: `${prefix}>` }), trackDeleted };
  const view: KvView<Instance> = await KvView.open(bus, buckets.instances, {
    ...options,
    onChange: (change) => {
      if (change === undefined) return;
      const { key, value } = change;
      if (value === undefined) told.delete(key);
      else if ((told.get(key) ?? 0) >= value.index) faults.push(`${key}: ${value.index} after ${told.get(key)}`);
      else told.set(key, value.index);
    },
  });
  onTestFinished(() => view.close());
  return { view, prefix };
}

const contents = (view: KvView<Instance>): Record<string, number> =>
  Object.fromEntries([...view.entries].map(([key, { value }]) => [key, value.index]));

test('holds what was written, whatever happens to it and to NATS', { timeout: 120_000 }, async () => {
  const seed = randomInt(2 ** 31);
  const random = generator(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const faults: string[] = [];
  const scheduler = await connectTo(nats, 'scheduler');
  const controller = await connectTo(nats, 'cloud-controller');
  const cells = await Promise.all(CELLS.map((cellId) => connectTo(nats, 'cell-rep', cellId)));
  const stores = await Promise.all(cells.map((bus) => KvStore.open(bus, buckets.instances)));
  const [leader, ...others] = [
    await watch(scheduler, '', true, faults),
    await watch(controller, '', false, faults),
    await watch(controller, 'cell-1.', true, faults),
  ] as [Watched, ...Watched[]];
  const watched = [leader, ...others];
  const model = new Map<string, number>();

  /** Both cells at once, and each with many writes under way: nats-server tells of them in some order. */
  const write = (): Promise<unknown> =>
    Promise.all(
      stores.flatMap((store, cell) =>
        Array.from({ length: WRITES }, async () => {
          const key = `${CELLS[cell]}.k${Math.floor(random() * KEYS_PER_CELL)}`;
          if (random() < 0.3) {
            model.delete(key);
            await store.delete(key);
          } else {
            const value = instance(CELLS[cell] as string);
            model.set(key, value.index);
            await store.put(key, value);
          }
        }),
      ),
    );
  const settled = async (): Promise<void> => {
    const all = [scheduler, controller, ...cells];
    await eventually(() => all.every((bus) => bus.ready) && watched.every(({ view }) => view.fresh)).toBe(true);
  };
  const steps: Readonly<Record<string, () => Promise<unknown>>> = {
    write,
    'write and compact': () => Promise.all([write(), leader.view.compact(0)]),
    compact: () => leader.view.compact(0),
    'write while a view opens': async () => {
      const writing = write();
      const late = await watch(controller, '', random() < 0.5, faults);
      await writing;
      expect(await late.view.catchUp()).toBe(true);
      expect(contents(late.view)).toEqual(Object.fromEntries(model));
      late.view.close();
    },
    restart: () => nats.restart(),
    wipe: async () => {
      model.clear();
      await nats.restart({ wipe: true });
    },
    'replace the stream': async () => {
      model.clear();
      const { jsm } = await operatorBus(nats);
      const { created } = await jsm.streams.info('KV_instances');
      await jsm.streams.delete('KV_instances');
      const now = (): Promise<string> => jsm.streams.info('KV_instances').then((info) => info.created, String);
      await eventually(now).not.toMatch(new RegExp(`not found|^${RegExp.escape(created)}$`));
      await Promise.all([scheduler, controller, ...cells].map((bus) => bus.verify()));
    },
  };
  const names = Object.keys(steps);
  const done: string[] = [];
  // Each once, and then as it comes.
  for (const name of [...names, ...Array.from({ length: 8 }, () => pick(names))]) {
    done.push(name);
    await steps[name]?.();
    await settled();
    const expected = Object.fromEntries(model);
    for (const { view, prefix } of watched) {
      const of = `seed ${seed}: ${done.join(', ')}`;
      await eventually(() => view.catchUp()).toBe(true);
      const own = Object.fromEntries(Object.entries(expected).filter(([key]) => key.startsWith(prefix)));
      expect(contents(view), of).toEqual(own);
      expect(faults, of).toEqual([]);
    }
  }
});
