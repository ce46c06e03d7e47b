// @module-tag root
import { existsSync, writeFileSync } from 'node:fs';
import { KvView } from '@slipway/bus';
import { buckets } from '@slipway/contracts';
import { standInRuntime } from '@slipway/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { connectAs } from '../adapters/bus.test-support.ts';
import { TestCell } from './cell.test-support.ts';
import { fetchFrom, processesOf } from './host.test-support.ts';
import { askHealth, type RepProcess, startOther } from './rep-process.test-support.ts';

// Cells whose runtime fails or hangs, with a real scheduler that passes them over.

const patient = { timeout: 60_000 };

let cells: readonly TestCell[];
let stand: ReturnType<typeof standInRuntime>;
beforeEach(async () => {
  cells = await TestCell.createSeveral(2);
  stand = standInRuntime();
});
afterEach(async () => {
  for (const cell of cells.toReversed()) await cell.dispose();
  stand.remove();
});
const cellA = (): TestCell => cells[0] as TestCell;
const cellB = (): TestCell => cells[1] as TestCell;

/** A rep whose runtime the test can spoil. */
function startFragile(cell: TestCell, env: Readonly<Record<string, string>> = {}): Promise<RepProcess> {
  const fragile = { CELL_RUNTIME: stand.programs.runc, CELL_CHECK_INTERVAL_MS: '500', ...env };
  return cell.startRep({ ready: false, env: fragile });
}

async function healthyMetric(rep: RepProcess): Promise<string | undefined> {
  return /^slipway_cell_healthy\{[^}]*\} (\d)$/m.exec((await askHealth(rep, '/metrics')).body)?.[1];
}

const running = (cell: TestCell): string[] =>
  cell
    .records()
    .filter(({ state }) => state === 'RUNNING')
    .map(({ instanceGuid }) => instanceGuid);

test('a cell that cannot create containers says so, is passed over, and is used again when it can', async () => {
  stand.fail('create');
  const rep = await startFragile(cellA());
  await cellB().startRep();
  await expect.poll(() => cellA().presence?.healthy, patient).toBe(false);
  expect(cellA().presence?.unhealthyReason).toMatch(/^no container can be made: .*create is out of order/);
  const { status, body } = await askHealth(rep, '/readyz');
  expect([status, body]).toEqual([503, expect.stringMatching(/^not ready: cell: no container can be made: /)]);
  expect(await healthyMetric(rep)).toBe('0');
  // It does its part all the same: a platform of one cell starts with it.
  expect(await askHealth(rep, '/joined')).toEqual({ status: 200, body: 'joined\n' });

  await startOther('scheduler', cellA().nats);
  const lrp = await cellA().lrp({ instances: 4 });
  await cellA().desire(lrp);
  await cellA().freshen(1);
  await expect.poll(() => running(cellB()).length, patient).toBe(4);
  expect(cellA().records()).toEqual([]);

  stand.heal();
  await expect.poll(() => cellA().presence?.healthy, patient).toBe(true);
  expect((await askHealth(rep, '/readyz')).status).toBe(200);
  await cellA().desire({ ...lrp, instances: 8, updatedAt: new Date(Date.now() + 1).toISOString() });
  await expect.poll(() => running(cellA()).length + running(cellB()).length, patient).toBe(8);
  expect(running(cellA()).length).toBeGreaterThan(0);
});

test('when nothing else is there, the placement error names the cell; the instance runs once it can', async () => {
  stand.fail('start');
  await startFragile(cellA());
  await expect.poll(() => cellA().presence?.healthy, patient).toBe(false);
  await startOther('scheduler', cellA().nats);
  const placements = await KvView.open(await connectAs(cellA().nats, 'scheduler'), buckets.placements);
  const lrp = await cellA().lrp();
  await cellA().desire(lrp);
  await cellA().freshen(1);
  const errors = (): unknown[] =>
    [...placements.entries.values()].flatMap(({ value }) => (value.kind === 'unplaced' ? [value.placementError] : []));
  await expect
    .poll(errors, patient)
    .toEqual([`unable to communicate to compatible cells (passed over: cell ${cellA().id} cannot create containers)`]);
  stand.heal();
  await expect.poll(() => running(cellA()), patient).toHaveLength(1);
  expect(errors()).toEqual([]);
  placements.close();
});

describe('a runtime that hangs', () => {
  test('fails the instance with the step and its deadline, and the cell by its probe', async () => {
    const rep = await startFragile(cellA(), { CREATE_TIMEOUT_MS: '2000', CELL_CHECK_INTERVAL_MS: '600000' });
    await expect.poll(async () => (await askHealth(rep, '/readyz')).status, patient).toBe(200);
    const well = await cellA().run(await cellA().lrp());
    stand.hang('create');
    const lrps = [await cellA().lrp(), await cellA().lrp()];
    for (const lrp of lrps) {
      await cellA().desire(lrp);
      const { instanceGuid } = await cellA().place(lrp);
      const { crash } = await cellA().untilState(instanceGuid, 'CRASHED');
      expect(crash).toMatchObject({ phase: 'create', reason: expect.stringContaining('did not end within 2000 ms') });
      expect(crash?.reason).toContain('runc create');
    }
    // Two instances failed: the cell tries for itself, at once, and what runs is not touched.
    await expect.poll(() => cellA().presence?.healthy, patient).toBe(false);
    expect(cellA().presence?.unhealthyReason).toContain('runc create did not end within 2000 ms');
    expect((await fetchFrom(well)).status).toBe(200);
    await cellA().unplace(well.instanceGuid);
    await cellA().untilGone(well.instanceGuid);
  });

  test('in a deletion is reported and tried again, while others come and go', async (context) => {
    const rep = await startFragile(cellA());
    const frozen = await cellA().run(await cellA().lrp());
    const freezer = `/sys/fs/cgroup/freezer/slipway/${cellA().id}/${frozen.instanceGuid}/freezer.state`;
    // On v2 SIGKILL ends what is frozen.
    if (!existsSync(freezer)) return context.skip('no freezer of cgroup v1');
    writeFileSync(freezer, 'FROZEN');
    await cellA().unplace(frozen.instanceGuid);
    const retries = (): unknown[] => rep.lines.filter(({ msg }) => msg === 'instance.delete-retry');
    await expect.poll(retries, patient).not.toEqual([]);
    expect(JSON.stringify(retries()[0])).toContain('delete:cgroup');
    expect(cellA().record(frozen.instanceGuid)?.state).toBe('STOPPING');

    const other = await cellA().run(await cellA().lrp());
    expect((await fetchFrom(other)).status).toBe(200);
    await cellA().unplace(other.instanceGuid);
    await cellA().untilGone(other.instanceGuid);
    expect(cellA().presence?.healthy).toBe(true);

    writeFileSync(freezer, 'THAWED');
    await cellA().untilGone(frozen.instanceGuid);
    expect(await processesOf(frozen.instanceGuid)).toEqual([]);
  });
});
