// @module-tag root
import { get } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { TestCell } from './cell.test-support.ts';
import { fetchFrom, leftovers, processesOf } from './host.test-support.ts';
import { askHealth, type RepProcess, startOther } from './rep-process.test-support.ts';

// A cell that is emptied, with a real scheduler, a real router and real cells.

const patient = { timeout: 60_000 };
const DRAIN = { CELL_ON_STOP: 'drain' };
const HOST = 'dora.apps.localhost';

let cells: readonly TestCell[];
beforeEach(async () => {
  cells = await TestCell.createSeveral(2);
});
afterEach(async () => {
  for (const cell of cells.toReversed()) await cell.dispose();
});
const cellA = (): TestCell => cells[0] as TestCell;
const cellB = (): TestCell => cells[1] as TestCell;

/** Guids of the instances of a cell that run. */
const running = (cell: TestCell): string[] =>
  cell
    .records()
    .filter(({ state }) => state === 'RUNNING')
    .map(({ instanceGuid }) => instanceGuid);

/** Asks the app through the router, one request after the other, each on a connection of its own, until `stop`. */
function startLoad(port: number): { stop(): Promise<{ requests: number; failures: string[] }> } {
  let going = true;
  const ask = async (): Promise<string> =>
    await new Promise((resolve) => {
      const request = get({ host: '127.0.0.1', port, agent: false, headers: { host: HOST } }, (response) => {
        response.resume();
        response.once('error', (error) => resolve(String(error)));
        response.once('end', () => resolve(String(response.statusCode)));
      });
      request.once('error', (error) => resolve(String(error)));
    });
  const report = (async () => {
    const failures: string[] = [];
    let requests = 0;
    for (; going; requests++) {
      const answer = await ask();
      if (answer !== '200') failures.push(answer);
      await setImmediate();
    }
    return { requests, failures };
  })();
  return {
    stop: () => {
      going = false;
      return report;
    },
  };
}

const portOf = ({ lines }: RepProcess): number =>
  Number(lines.find(({ msg }) => msg === 'router.listening')?.port ?? Number.NaN);

test('a cell that is drained gives its instances away first: nobody who asks the app notices', async () => {
  const [first, second] = [await cellA().startRep({ env: DRAIN }), await cellB().startRep()];
  await startOther('scheduler', cellA().nats);
  const router = await startOther('router', cellA().nats, { LISTEN_PORT: '0' });
  const lrp = await cellA().lrp({ instances: 3 });
  await cellA().desire(lrp);
  await cellA().freshen(1);
  await expect.poll(() => running(cellA()).length + running(cellB()).length, patient).toBe(3);
  const moved = running(cellA());
  const stayed = running(cellB());
  expect(moved).not.toEqual([]);
  expect(stayed).not.toEqual([]);

  const load = startLoad(portOf(router));
  first.signal('SIGTERM');
  await expect.poll(() => cellA().presence?.evacuating ?? 'withdrawn', patient).not.toBe(false);
  expect(await first.exited).toBe(0);
  // All of them are elsewhere, what was there is as it was, and the cell has said that it is gone.
  await expect.poll(() => running(cellB()).length, patient).toBe(3);
  expect(running(cellB())).toEqual(expect.arrayContaining(stayed));
  expect(running(cellA())).toEqual([]);
  await expect.poll(() => cellA().presence, patient).toBeUndefined();
  const { requests, failures } = await load.stop();
  expect(failures).toEqual([]);
  expect(requests).toBeGreaterThan(20);

  for (const guid of moved) {
    expect(await processesOf(guid)).toEqual([]);
    expect(cellA().linesOf(lrp)).toContain(`CELL: Cell ${cellA().id} requesting replacement for instance ${guid}`);
  }
  expect(first.lines.map(({ msg }) => msg)).toContain('cell.drained');
  expect(second.lines.map(({ msg }) => msg)).not.toContain('instance.lost');
  expect(await cellA().clean()).toBe(0);
  expect(await leftovers(cellA())).toEqual([]);
});

test('what finds no place elsewhere stays and serves until the time is over; a task may end', async () => {
  const rep = await cellA().startRep({ env: { ...DRAIN, CELL_DRAIN_TIMEOUT_MS: '6000' } });
  await startOther('scheduler', cellA().nats);
  const lrp = await cellA().lrp();
  await cellA().desire(lrp);
  await cellA().freshen(1);
  await expect.poll(() => running(cellA()), patient).toHaveLength(1);
  const task = await cellA().task('echo begun; sleep 2; echo done');
  await cellA().desireTask(task);
  await cellA().untilTask(task, 'RUNNING');
  const [guid = ''] = running(cellA());

  rep.signal('SIGTERM');
  await expect.poll(() => cellA().presence?.evacuating, patient).toBe(true);
  expect(await askHealth(rep, '/readyz')).toEqual({
    status: 503,
    body: 'not ready: cell: its instances are being moved\n',
  });
  expect((await askHealth(rep, '/metrics')).body).toMatch(/^slipway_cell_evacuating\{[^}]*\} 1$/m);
  // The task is not cut short.
  expect((await cellA().untilTask(task, 'COMPLETED'))?.result).toMatchObject({ failed: false });
  const record = cellA().record(guid);
  expect(record?.state).toBe('RUNNING');
  if (record !== undefined) expect((await fetchFrom(record)).status).toBe(200);
  await cellA().undesireTask(task);

  expect(await rep.exited).toBe(0);
  expect(await processesOf(guid)).toEqual([]);
  await expect.poll(() => cellA().presence, patient).toBeUndefined();
  expect(cellA().linesOf(lrp)).toContain(`CELL: Cell ${cellA().id} reached evacuation timeout for instance ${guid}`);
});

test('a rep that is killed while it drains is followed by one that keeps what is left', async () => {
  const rep = await cellA().startRep({ env: DRAIN });
  await startOther('scheduler', cellA().nats);
  const lrp = await cellA().lrp();
  await cellA().desire(lrp);
  await cellA().freshen(1);
  await expect.poll(() => running(cellA()), patient).toHaveLength(1);
  const guids = running(cellA());
  rep.signal('SIGTERM');
  await expect.poll(() => cellA().presence?.evacuating, patient).toBe(true);
  rep.signal('SIGKILL');
  await rep.exited;
  await cellA().startRep();
  await expect.poll(() => cellA().presence?.evacuating, patient).toBe(false);
  expect(running(cellA())).toEqual(guids);
});
