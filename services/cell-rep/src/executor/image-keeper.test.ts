import type { LogLine } from '@slipway/bus';
import { CodedError, createLogger } from '@slipway/service-kit';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { MemberCell } from '../domain/keepers.ts';
import type { Wanted } from '../domain/plan-images.ts';
import { sampleGuid, sampleLrp } from '../domain/samples.test-support.ts';
import { ImageKeeper } from './image-keeper.ts';

const cell: MemberCell = {
  cellId: 'cell-1',
  platform: { os: 'linux', architecture: 'amd64' },
  placementTags: [],
  optionalPlacementTags: [],
};

function wanted(n: number, current = true): Wanted {
  const { app, image } = sampleLrp();
  const manifestDigest = `sha256:${n.toString(16).padStart(64, '0')}`;
  return { dropletGuid: sampleGuid(n), app, current, image: { ...image, manifestDigest }, placementTags: [] };
}

/** A store in memory, and what is known, to be changed by the test. */
class World {
  images: Wanted[] = [];
  complete = true;
  cells: MemberCell[] | undefined = [cell];
  readonly stored = new Set<string>();
  readonly fetched: string[] = [];
  readonly lines: LogLine[] = [];
  readonly results: string[] = [];
  /** By digest of the manifest. */
  readonly errors = new Map<string, Error>();
  pins: string[] | undefined;
  underWay = 0;
  most = 0;
  readonly keeper = new ImageKeeper({
    cellId: 'cell-1',
    dropletRegistry: undefined,
    read: () => ({ images: this.images, complete: this.complete, cells: this.cells }),
    store: {
      holds: ({ image }) => this.stored.has(image.manifestDigest),
      pin: (images) => {
        this.pins = images.map(({ dropletGuid }) => dropletGuid);
      },
      prefetch: async ({ image }) => {
        this.underWay += 1;
        this.most = Math.max(this.most, this.underWay);
        await Promise.resolve();
        this.underWay -= 1;
        this.fetched.push(image.manifestDigest);
        const error = this.errors.get(image.manifestDigest);
        if (error !== undefined) throw error;
        this.stored.add(image.manifestDigest);
      },
    },
    timeoutMs: 60_000,
    logger: createLogger('test', 'silent'),
    emitLog: (line) => this.lines.push(line),
    onPrefetched: (result) => this.results.push(result),
  });

  async changed(): Promise<void> {
    this.keeper.trigger();
    await vi.advanceTimersByTimeAsync(1_000);
  }
}

let world: World;
beforeEach(() => {
  vi.useFakeTimers();
  world = new World();
});
afterEach(async () => {
  await world.keeper.stop();
  vi.useRealTimers();
});

test('what is wanted is pinned and fetched, one image at a time, what is current first', async () => {
  world.images = [wanted(1, false), wanted(2), wanted(3)];
  world.keeper.start();
  await vi.advanceTimersByTimeAsync(0);
  const [second, third, first] = [wanted(2), wanted(3), wanted(1)].map(({ image }) => image.manifestDigest);
  expect(world.fetched).toEqual([second, third, first]);
  expect(world.most).toBe(1);
  expect(world.pins).toEqual([sampleGuid(2), sampleGuid(3), sampleGuid(1)]);
  expect(world.keeper.status().map(({ state }) => state)).toEqual(['stored', 'stored', 'stored']);
  world.images.push(wanted(4));
  await world.changed();
  expect(world.fetched.at(-1)).toBe(wanted(4).image.manifestDigest);
});

test('nothing is let go of while not everything is known', async () => {
  world.images = [wanted(1), wanted(2)];
  world.keeper.start();
  await vi.advanceTimersByTimeAsync(0);
  world.complete = false;
  world.images = [wanted(3)];
  await world.changed();
  expect(world.pins).toEqual([sampleGuid(1), sampleGuid(2), sampleGuid(3)]);
  world.complete = true;
  // The bucket of cells was lost too, and this cell has not told of itself again.
  world.cells = undefined;
  await world.changed();
  expect(world.pins).toEqual([sampleGuid(3)]);
  world.images = [];
  await world.changed();
  expect(world.pins).toEqual([]);
});

test('a rep that starts leaves the pins of the one before alone until it knows everything, itself too', async () => {
  world.images = [wanted(1)];
  world.complete = false;
  world.cells = [];
  world.keeper.start();
  await vi.advanceTimersByTimeAsync(0);
  expect(world.pins).toBeUndefined();
  world.complete = true;
  await world.changed();
  expect(world.pins).toBeUndefined();
  world.cells = [cell];
  await world.changed();
  expect(world.pins).toEqual([sampleGuid(1)]);
});

test('what fails for good is told in the log of its app, once; what may get better is tried again without a word', async () => {
  const [refused, away] = [wanted(1), wanted(2)];
  world.errors.set(refused.image.manifestDigest, new CodedError('DENIED', 'forbidden', 'asked r.test: 403'));
  world.errors.set(away.image.manifestDigest, new CodedError('GONE', 'unavailable', 'asked r.test: no answer'));
  world.images = [refused, away];
  world.keeper.start();
  await vi.advanceTimersByTimeAsync(0);
  expect(world.results).toEqual(['failed', 'failed']);
  expect(world.lines.map(({ sourceType, sourceId, line }) => `${sourceType} ${sourceId} ${line}`)).toEqual([
    `CELL ${refused.app.guid} Cell cell-1 cannot fetch the image localhost:5000/dora@${refused.image.manifestDigest} of droplet ${sampleGuid(1)} in advance: asked r.test: 403`,
  ]);
  expect(world.keeper.status()).toMatchObject([
    { dropletGuid: sampleGuid(1), state: 'failed', reason: 'asked r.test: 403' },
    { dropletGuid: sampleGuid(2), state: 'failed', reason: 'asked r.test: no answer' },
  ]);
  world.errors.clear();
  world.errors.set(refused.image.manifestDigest, new CodedError('DENIED', 'forbidden', 'asked r.test: 403'));
  await vi.advanceTimersByTimeAsync(120_000);
  expect(world.stored).toEqual(new Set([away.image.manifestDigest]));
  // Hours later it is still refused, which is no news.
  await vi.advanceTimersByTimeAsync(6 * 3_600_000);
  expect(world.fetched.filter((digest) => digest === refused.image.manifestDigest).length).toBeGreaterThan(1);
  expect(world.lines).toHaveLength(1);
});

test('other credentials are tried at once', async () => {
  const refused = wanted(1);
  world.errors.set(refused.image.manifestDigest, new CodedError('DENIED', 'unauthenticated', 'asked r.test: 401'));
  world.images = [refused];
  world.keeper.start();
  await vi.advanceTimersByTimeAsync(0);
  await world.changed();
  expect(world.results).toEqual(['failed']);
  world.errors.clear();
  world.images = [{ ...refused, image: { ...refused.image, credentials: 'sealed' } }];
  await world.changed();
  expect(world.results).toEqual(['failed', 'fetched']);
});

test('a pass that fails does not end the keeper', async () => {
  world.images = [wanted(1)];
  const { image } = wanted(1);
  world.keeper.start();
  await vi.advanceTimersByTimeAsync(0);
  Object.defineProperty(world, 'images', {
    configurable: true,
    get: () => {
      throw new Error('unreadable');
    },
  });
  world.stored.delete(image.manifestDigest);
  await world.changed();
  Object.defineProperty(world, 'images', { value: [wanted(1)] });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(world.stored).toEqual(new Set([image.manifestDigest]));
});
