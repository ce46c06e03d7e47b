// @module-tag root
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { TestCell } from './cell.test-support.ts';
import { fetchFrom, leftovers, makeCrash, processesOf, processesWith } from './host.test-support.ts';
import { type RepProcess, untilReady } from './rep-process.test-support.ts';

/** A poll ends as soon as it may; this only bounds one that waits in vain. */
const patient = { timeout: 30_000 };

let cell: TestCell;
beforeEach(async () => {
  cell = await TestCell.create();
});
afterEach(() => cell.dispose());

async function kill(rep: RepProcess): Promise<void> {
  rep.signal('SIGKILL');
  expect(await rep.exited).toBe('SIGKILL');
}

test('an app outlives kill -9 of its rep, and the next rep takes it over as it is', async () => {
  const rep = await cell.startRep();
  const lrp = await cell.lrp();
  const instance = await cell.run(lrp);
  const { instanceGuid } = instance;
  const processes = await processesOf(instanceGuid);
  expect(processes).not.toEqual([]);
  await kill(rep);
  expect((await fetchFrom(instance)).status).toBe(200);
  const registered = cell.routesOf(instanceGuid).length;

  const next = await cell.startRep();
  expect(next.lines.map(({ msg }) => msg)).toContain('instance.adopted');
  await expect.poll(() => cell.routesOf(instanceGuid).length, patient).toBeGreaterThan(registered);
  expect(cell.record(instanceGuid)).toEqual(instance);
  expect(await processesOf(instanceGuid)).toEqual(processes);
  expect((await fetchFrom(instance)).status).toBe(200);
  // The line of the request that no rep was there for, and that of the next.
  await expect.poll(() => cell.linesOf(lrp).filter((line) => line.includes('GET / from')).length, patient).toBe(2);

  await cell.unplace(instanceGuid);
  await cell.untilGone(instanceGuid);
  expect(await processesOf(instanceGuid)).toEqual([]);
  next.signal('SIGTERM');
  expect(await next.exited).toBe(0);
  expect(await cell.clean()).toBe(0);
  expect(await leftovers(cell)).toEqual([]);
});

test('what ended while no rep was there is reported with its status, and what lost its placement goes', async () => {
  const rep = await cell.startRep();
  const crashing = await cell.run(await cell.lrp());
  const unplaced = await cell.run(await cell.lrp());
  await kill(rep);
  await makeCrash(crashing);
  await expect.poll(() => processesOf(crashing.instanceGuid), patient).toEqual([]);
  await cell.unplace(unplaced.instanceGuid);

  await cell.startRep();
  const { crash } = await cell.untilState(crashing.instanceGuid, 'CRASHED');
  expect(crash).toMatchObject({ phase: 'run', reason: 'APP/PROC/WEB: Exited with status 42', exitStatus: 42 });
  await cell.untilGone(unplaced.instanceGuid);
  expect(await processesOf(unplaced.instanceGuid)).toEqual([]);
});

/** conmon, which would write the exit status, goes first: it has the guid in its arguments. */
async function killWithShim(instanceGuid: string): Promise<void> {
  const own = await processesOf(instanceGuid);
  const shims = (await processesWith(instanceGuid)).filter((pid) => !own.includes(pid));
  for (const pid of [...shims, ...own]) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      // It went with the one before.
      expect((error as NodeJS.ErrnoException).code).toBe('ESRCH');
    }
  }
  await expect.poll(() => processesWith(instanceGuid), patient).toEqual([]);
}

test('what ended with its shim has crashed, of nobody knows what', async () => {
  const rep = await cell.startRep();
  const { instanceGuid } = await cell.run(await cell.lrp());
  await kill(rep);
  await killWithShim(instanceGuid);
  await cell.startRep();
  const { crash } = await cell.untilState(instanceGuid, 'CRASHED');
  expect(crash).toMatchObject({ reason: 'APP/PROC/WEB: Exited with unknown status' });
  expect(crash).not.toHaveProperty('exitStatus');
});

test('what ended because the machine did is started again under its guid', async () => {
  const rep = await cell.startRep();
  const lrp = await cell.lrp();
  const { instanceGuid } = await cell.run(lrp);
  await kill(rep);
  await killWithShim(instanceGuid);
  // As if the record were of the boot before.
  const record = join(cell.dataDir, 'cell/containers', instanceGuid, 'container.json');
  await writeFile(record, (await readFile(record, 'utf8')).replace(/"bootId":"[^"]*"/, '"bootId":"the boot before"'));
  await cell.startRep();
  await expect.poll(() => cell.linesOf(lrp).filter((line) => line.includes('became healthy')).length, patient).toBe(2);
  const again = await cell.untilState(instanceGuid, 'RUNNING');
  expect((await fetchFrom(again)).status).toBe(200);
});

test('a crash that was reported is not started again by the next rep', async () => {
  const rep = await cell.startRep();
  const instance = await cell.run(await cell.lrp());
  await makeCrash(instance);
  const crashed = await cell.untilState(instance.instanceGuid, 'CRASHED');
  await kill(rep);
  await cell.startRep();
  const other = await cell.run(await cell.lrp());
  expect(cell.record(instance.instanceGuid)).toEqual(crashed);
  await cell.unplace(instance.instanceGuid);
  await cell.untilGone(instance.instanceGuid);
  expect(cell.record(other.instanceGuid)?.state).toBe('RUNNING');
});

test('a rep that ends keeps what runs; one that starts without NATS takes it over all the same', async () => {
  const rep = await cell.startRep();
  const instance = await cell.run(await cell.lrp());
  const processes = await processesOf(instance.instanceGuid);
  rep.signal('SIGTERM');
  expect(await rep.exited).toBe(0);
  expect(await processesOf(instance.instanceGuid)).toEqual(processes);
  await cell.nats.kill();
  const next = await cell.startRep({ ready: false });
  await expect.poll(() => next.lines.map(({ msg }) => msg), patient).toContain('instance.adopted');
  expect((await fetchFrom(instance)).status).toBe(200);
  await cell.nats.restart();
  await untilReady(next);
  expect(await processesOf(instance.instanceGuid)).toEqual(processes);
  await expect.poll(() => cell.record(instance.instanceGuid), patient).toEqual(instance);
});

test('a wiped NATS does not touch what runs: records, presence and routes are written again', async () => {
  await cell.startRep();
  const lrp = await cell.lrp();
  const instance = await cell.run(lrp);
  const { instanceGuid } = instance;
  const processes = await processesOf(instanceGuid);
  await cell.nats.restart({ wipe: true });
  cell.heard.length = 0;
  await expect.poll(() => cell.presence, patient).toBeDefined();
  await expect.poll(() => cell.record(instanceGuid), patient).toEqual(instance);
  await expect.poll(() => cell.routesOf(instanceGuid), patient).toContain('register dora.apps.localhost');
  // Cloud-controller and scheduler come back and find it: it was never away.
  await cell.desire(lrp);
  await cell.freshen(1);
  await cell.lead();
  await cell.place(lrp, 0, instanceGuid);
  const second = await cell.run(await cell.lrp());
  expect(await processesOf(instanceGuid)).toEqual(processes);
  expect((await fetchFrom(instance)).status).toBe(200);
  await cell.unplace(instanceGuid);
  await cell.untilGone(instanceGuid);
  expect(cell.record(second.instanceGuid)?.state).toBe('RUNNING');
});

test('clean removes all that a killed cell left, without NATS', async () => {
  const rep = await cell.startRep();
  const instance = await cell.run(await cell.lrp());
  await kill(rep);
  await cell.nats.kill();
  expect(await leftovers(cell)).not.toEqual([]);
  expect(await cell.clean()).toBe(0);
  expect(await processesOf(instance.instanceGuid)).toEqual([]);
  expect(await leftovers(cell)).toEqual([]);
  await cell.nats.restart();
});

test('killed at any moment of a start or a stop, the next rep brings it to its end, once', async () => {
  const lrp = await cell.lrp({ instances: 6 });
  await cell.desire(lrp);
  const guids: string[] = [];
  // Pulling, creating, addressed, starting, health check, running: after each of them.
  for (const steps of [1, 2, 3, 4, 5, 6]) {
    const rep = await cell.startRep();
    const before = saidOfInstances(rep);
    guids.push((await cell.place(lrp, guids.length)).instanceGuid);
    await expect.poll(() => saidOfInstances(rep), { ...patient, interval: 1 }).toBeGreaterThanOrEqual(before + steps);
    await kill(rep);
  }
  const rep = await cell.startRep();
  const running = await Promise.all(guids.map((guid) => cell.untilState(guid, 'RUNNING')));
  expect(new Set(running.map(({ address }) => address)).size).toBe(6);
  for (const instance of running) {
    expect(JSON.parse((await fetchFrom(instance)).body)).toMatchObject({ instance: instance.instanceGuid });
    // The init, the app and its two servers, no second of any; what served the request ends soon.
    await expect.poll(async () => (await processesOf(instance.instanceGuid)).length, patient).toBe(4);
  }
  await kill(rep);

  // Told to stop, stopping.
  for (const [i, steps] of [1, 2].entries()) {
    const stopping = await cell.startRep();
    const before = saidOfInstances(stopping);
    await cell.unplace(guids[i] as string);
    await expect
      .poll(() => saidOfInstances(stopping), { ...patient, interval: 1 })
      .toBeGreaterThanOrEqual(before + steps);
    await kill(stopping);
  }
  const last = await cell.startRep();
  for (const guid of guids.slice(2)) await cell.unplace(guid);
  for (const guid of guids) await cell.untilGone(guid);
  last.signal('SIGTERM');
  expect(await last.exited).toBe(0);
  expect(await cell.clean()).toBe(0);
  expect(await leftovers(cell)).toEqual([]);
}, 240_000);

function saidOfInstances({ lines }: RepProcess): number {
  return lines.filter(({ msg }) => String(msg).startsWith('instance.')).length;
}

test('what crashes while NATS is away is kept until it can be told, and then told', async () => {
  const rep = await cell.startRep();
  const instance = await cell.run(await cell.lrp());
  await cell.nats.kill();
  await makeCrash(instance);
  await expect.poll(() => processesOf(instance.instanceGuid), patient).toEqual([]);
  // Not even the end of the rep loses it.
  await kill(rep);
  await cell.nats.restart();
  await cell.startRep();
  const { crash } = await cell.untilState(instance.instanceGuid, 'CRASHED');
  expect(crash).toMatchObject({ reason: 'APP/PROC/WEB: Exited with status 42', exitStatus: 42 });
});

test('an instance that is stopped while NATS goes is removed all the same', async () => {
  const rep = await cell.startRep({ env: { CELL_ON_STOP: 'destroy' } });
  const { instanceGuid } = await cell.run(await cell.lrp());
  cell.nats.pause();
  rep.signal('SIGTERM');
  const said = (): unknown[] => rep.lines.map(({ msg }) => msg);
  await expect.poll(said, { ...patient, interval: 1 }).toContain('instance.stopping');
  await cell.nats.kill();
  expect(await rep.exited).toBe(0);
  expect(said()).not.toContain('instance.not-removed');
  expect(await processesOf(instanceGuid)).toEqual([]);
  await cell.nats.restart();
});
