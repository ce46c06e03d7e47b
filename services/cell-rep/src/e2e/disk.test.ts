// @module-tag root
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestCell } from './cell.test-support.ts';
import { askHealth, type RepProcess } from './rep-process.test-support.ts';

const patient = { timeout: 30_000 };
/** Above what any disk is empty of: what nobody needs goes at once. */
const COLLECT_ALL = {
  CELL_STORE_HIGH_WATERMARK: '2',
  CELL_STORE_LOW_WATERMARK: '1',
  CELL_STORE_KEEP_FREE_MB: '1000000000',
};

let cell: TestCell;
beforeAll(async () => {
  cell = await TestCell.create();
});
afterAll(() => cell.dispose());

async function metric(rep: RepProcess, name: string): Promise<number> {
  const text = (await askHealth(rep, '/metrics')).body;
  const line = text.split('\n').find((each) => each.startsWith(name));
  return Number(line?.split(' ').at(-1));
}

test('the cell tells what its disk is used for, and lets go of what is used no more', {
  timeout: 120_000,
}, async () => {
  const first = await cell.startRep();
  const lrp = await cell.lrp();
  const { instanceGuid } = await cell.run(lrp);
  first.signal('SIGKILL');
  await first.exited;

  const next = await cell.startRep({ env: COLLECT_ALL });
  await expect.poll(() => cell.disk()?.containers.count, patient).toBe(1);
  const { image } = lrp;
  const layers = new Set(image.layers.map(({ diffId }) => diffId)).size;
  const disk = cell.disk();
  expect(disk).toMatchObject({
    cellId: cell.id,
    images: [{ id: image.manifestDigest, reference: image.reference, containers: 1, layers, apps: [lrp.log.sourceId] }],
    apps: [{ guid: lrp.log.sourceId, containers: 1 }],
  });
  const { bytes, sharedBytes, exclusiveBytes, reclaimableBytes } = disk?.layers ?? {};
  expect((sharedBytes ?? 0) + (exclusiveBytes ?? 0) + (reclaimableBytes ?? 0)).toBe(bytes);
  expect(bytes).toBeGreaterThan(0);
  // However full the disk is said to be: the instance has them.
  expect(await metric(next, 'slipway_cell_store_layers')).toBe(layers);

  await cell.unplace(instanceGuid);
  await cell.untilGone(instanceGuid);
  await expect.poll(() => metric(next, 'slipway_cell_store_layers'), patient).toBe(0);
  expect(await metric(next, 'slipway_cell_store_removed_layers_total')).toBe(layers);
  // What is needed again is fetched again.
  await cell.run(lrp);
  // One account serves all that is asked within half a second.
  await expect.poll(() => metric(next, 'slipway_cell_store_layers'), patient).toBe(layers);
  // Not `bytes`: what a layer takes is a guess until it has been written back.
  expect(await metric(next, 'slipway_cell_store_bytes{kind="in-use"')).toBeGreaterThan(0);
});
