import { expect, test } from 'vitest';
import { GardenError } from '../errors.ts';
import { DownloadPlaces } from './download-places.ts';

const LIMITS = { stallMs: 20, bytesPerStall: 1_000 };
const never = new AbortController().signal;

/** A source that sends nothing until it is released or its reader is told to stop. */
class Silent {
  readonly released = Promise.withResolvers<void>();
  readonly asked = Promise.withResolvers<void>();

  async *bytes(signal: AbortSignal): AsyncGenerator<Uint8Array> {
    this.asked.resolve();
    const stopped = Promise.withResolvers<never>();
    signal.addEventListener('abort', () => stopped.reject(new Error('stopped')));
    await Promise.race([this.released.promise, stopped.promise]);
    yield Buffer.alloc(10);
  }

  download(places: DownloadPlaces, tenant: string): Promise<number> {
    return places.run(tenant, never, async ({ signal, watch }) => {
      let bytes = 0;
      for await (const piece of watch(this.bytes(signal))) bytes += piece.length;
      return bytes;
    });
  }
}

test('a silent download gives its place to the next, and goes on', async () => {
  const places = new DownloadPlaces(1, LIMITS);
  const silent = new Silent();
  const slow = silent.download(places, 'patient');
  await silent.asked.promise;
  await expect(places.run('other', never, async () => 'done')).resolves.toBe('done');
  silent.released.resolve();
  await expect(slow).resolves.toBe(10);
});

test('one without a seat keeps its place while nobody else wants it, and then fails and says why', async () => {
  const places = new DownloadPlaces(1, LIMITS);
  const silents = Array.from({ length: 6 }, () => new Silent());
  const downloads = silents.map((silent) => silent.download(places, 'hog'));
  const outcomes = Promise.allSettled(downloads);
  // Four are seated, the fifth has the place, the sixth waits for it.
  for (const { asked } of silents.slice(0, 5)) await asked.promise;
  await expect(places.run('other', never, async () => 'done')).resolves.toBe('done');
  const fifth = await downloads[4]?.catch((error: unknown) => error);
  expect(fifth).toBeInstanceOf(GardenError);
  expect(fifth).toMatchObject({
    code: 'LAYER_FETCH_FAILED',
    message: expect.stringContaining('while others waited for its place'),
  });
  await silents[5]?.asked.promise;
  for (const { released } of silents) released.resolve();
  expect((await outcomes).map(({ status }) => status)).toEqual([
    ...Array.from({ length: 4 }, () => 'fulfilled'),
    'rejected',
    'fulfilled',
  ]);
});

test('seats are given back', async () => {
  const places = new DownloadPlaces(1, LIMITS);
  for (let i = 0; i < 10; i += 1) {
    const silent = new Silent();
    const slow = silent.download(places, 'patient');
    await silent.asked.promise;
    await places.run('other', never, async () => undefined);
    silent.released.resolve();
    await expect(slow).resolves.toBe(10);
  }
});

test('time that the reader takes for itself does not make a source slow', async () => {
  const places = new DownloadPlaces(1, LIMITS);
  const order: string[] = [];
  const gate = Promise.withResolvers<void>();
  const busy = places.run('busy', never, async ({ watch }) => {
    async function* source(): AsyncGenerator<Uint8Array> {
      for (let i = 0; i < 3; i += 1) yield Buffer.alloc(1);
    }
    for await (const _piece of watch(source())) {
      gate.resolve();
      const until = Date.now() + 3 * LIMITS.stallMs;
      while (Date.now() < until) await new Promise((resolve) => setImmediate(resolve));
    }
    order.push('busy');
  });
  await gate.promise;
  const other = places.run('other', never, async () => void order.push('other'));
  await Promise.all([busy, other]);
  expect(order).toEqual(['busy', 'other']);
});
