// @module-tag root
import { randomUUID } from 'node:crypto';
import type { DesiredLrp, Instance } from '@slipway/contracts';
import {
  pushImage,
  type RegistryFront,
  type RegistryProcess,
  type RegistryWeather,
  sampleImage,
  startRegistry,
  startRegistryFront,
} from '@slipway/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestCell } from './cell.test-support.ts';
import { fetchFrom, makeCrash } from './host.test-support.ts';
import { askHealth, type RepProcess } from './rep-process.test-support.ts';

const patient = { timeout: 45_000 };
const weathers: readonly RegistryWeather[] = ['gone', 401, 403, 429];

let cells: readonly TestCell[];
let reps: readonly RepProcess[];
let front: RegistryFront;
beforeAll(async () => {
  cells = await TestCell.createSeveral(2);
  front = await startRegistryFront(cellA().registry);
  reps = await Promise.all(cells.map((cell) => cell.startRep()));
});
afterAll(async () => {
  await front.stop();
  for (const cell of cells.toReversed()) await cell.dispose();
});

const cellA = (): TestCell => cells[0] as TestCell;
const cellB = (): TestCell => cells[1] as TestCell;

/** An app of an image of its own, whose registry is the one that gets worse. */
async function app(): Promise<DesiredLrp> {
  const lrp = await cellA().lrp({}, {}, randomUUID());
  return { ...lrp, image: { ...lrp.image, registry: front.address } };
}

/** How many of the images that it shall keep a cell has, lacks, or cannot get. */
async function images(rep: RepProcess, state: 'stored' | 'missing' | 'failed'): Promise<number> {
  const metrics = (await askHealth(rep, '/metrics')).body;
  return Number(
    new RegExp(`^slipway_cell_wanted_images\\{[^}]*state="${state}"[^}]*\\} (\\d+)$`, 'm').exec(metrics)?.[1],
  );
}

async function untilKept(count: number): Promise<void> {
  for (const rep of reps) await expect.poll(() => images(rep, 'stored'), patient).toBe(count);
}

async function servesItsDigest(instance: Instance, lrp: DesiredLrp): Promise<void> {
  const { body } = await fetchFrom(instance, '/cgi-bin/env');
  expect(body).toContain(`SLIPWAY_IMAGE_DIGEST=${lrp.image.manifestDigest}\n`);
}

describe('once an image is wanted, both cells have it without any instance, and its registry is never needed again', () => {
  let lrp: DesiredLrp;
  let instance: Instance;

  test('every cell fetches it in the background', async () => {
    lrp = await app();
    await cellA().want([lrp]);
    await untilKept(1);
    expect(front.requests.filter((request) => request.includes('/blobs/')).length).toBeGreaterThan(0);
    // Nobody is told of what went well.
    expect(cellA().linesOf(lrp)).toEqual([]);
  });

  test.each(weathers)(
    'its registry is %s: an instance starts, another beside it, and one after a crash',
    async (weather) => {
      await front.become(weather);
      instance = await cellA().run(lrp, 0);
      await servesItsDigest(instance, lrp);
      const second = await cellA().run(lrp, 1);
      await servesItsDigest(second, lrp);
      await makeCrash(second);
      await cellA().untilState(second.instanceGuid, 'CRASHED');
      await cellA().unplace(second.instanceGuid);
      const third = await cellA().run(lrp, 1);
      await servesItsDigest(third, lrp);
      for (const { instanceGuid } of [instance, third]) {
        await cellA().unplace(instanceGuid);
        await cellA().untilGone(instanceGuid);
      }
      expect(front.requests).toEqual([]);
    },
  );

  test('the cell that ran it is lost: another starts it, and a rep that was killed does when it is back', async () => {
    await front.become('gone');
    instance = await cellA().run(lrp, 0);
    reps[0]?.signal('SIGKILL');
    await reps[0]?.exited;
    await cellB().desire(lrp);
    const { instanceGuid } = await cellB().place(lrp, 0);
    await servesItsDigest(await cellB().untilState(instanceGuid, 'RUNNING'), lrp);
    const again = await cellA().startRep();
    reps = [again, ...reps.slice(1)];
    await servesItsDigest(await cellA().run(lrp, 1), lrp);
    expect(front.requests).toEqual([]);
  });
});

test('what cannot be had is told in the log of its app, is missing in the figures, and comes when its registry is back', async () => {
  await front.become(403);
  const refused = await app();
  await cellA().want([refused]);
  await expect
    .poll(() => cellA().linesOf(refused), patient)
    .toContainEqual(
      expect.stringMatching(/^CELL: Cell \S+ cannot fetch the image \S+ of droplet \S+ in advance: .*403/),
    );
  for (const rep of reps) await expect.poll(() => images(rep, 'failed'), patient).toBe(1);
  await front.become('fine');
  await servesItsDigest(await cellA().run(refused), refused);
});

describe('what staging copied into the platform’s own registry', () => {
  let droplets: RegistryProcess;
  beforeAll(async () => {
    droplets = await startRegistry();
  });
  afterAll(() => droplets.stop());

  /** An app whose image is in both registries, and on no cell. */
  async function copied(): Promise<DesiredLrp> {
    const version = randomUUID();
    const lrp = await cellA().lrp({}, {}, version);
    const { repository } = lrp.image;
    await pushImage(droplets, `slipway/${repository}`, 'latest', await sampleImage(version));
    const copy = { registry: droplets.address, repository: `slipway/${repository}` };
    return { ...lrp, image: { ...lrp.image, registry: front.address, copy } };
  }

  test('comes from there, and its own registry is not asked', async () => {
    const lrp = await copied();
    await front.become('gone');
    await servesItsDigest(await cellA().run(lrp), lrp);
    expect(front.requests).toEqual([]);
    // Those below are of every version of the sample, and here.
    const own = lrp.image.layers.at(-1)?.digest;
    expect(await droplets.asked()).toContain(`GET /v2/${lrp.image.copy?.repository}/blobs/${own} 200`);
  });

  test('comes from its own registry when that is gone, and the log says why; when nobody has it, what each of them said', async () => {
    const [lrp, lost] = [await copied(), await copied()];
    await front.become('fine');
    await droplets.kill();
    await servesItsDigest(await cellA().run(lrp), lrp);
    const detour =
      /^CELL: Cell \S+ failed to download layer sha256:\S+ from the droplet registry \S+, asking the registry \S+ for instance \S+: .*ECONNREFUSED/;
    await expect.poll(() => cellA().linesOf(lrp), patient).toContainEqual(expect.stringMatching(detour));

    await front.become(403);
    await cellA().desire(lost);
    const { instanceGuid } = await cellA().place(lost);
    const all =
      /failed to download the image for instance \S+: .* could not be had: other cells: not there; the droplet registry \S+: .*ECONNREFUSED.*; the registry \S+: .*403.*; trying again/;
    await expect.poll(() => cellA().linesOf(lost), patient).toContainEqual(expect.stringMatching(all));
    await cellA().unplace(instanceGuid);
    await cellA().untilGone(instanceGuid);
  });
});
