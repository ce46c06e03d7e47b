// @module-tag root
import { rm, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestCell } from './cell.test-support.ts';
import { answers, processesOf } from './host.test-support.ts';

// Containers need root: a run without fails here, plainly, with REP_NOT_ROOT.

/** A poll ends as soon as it may; this only bounds one that waits in vain. */
const patient = { timeout: 30_000 };

let cell: TestCell;
beforeAll(async () => {
  cell = await TestCell.create();
});
afterAll(() => cell.dispose());

const passed = 'HEALTH: Container passed the readiness health check. Container marked ready and added to route pool.';
const failed =
  'HEALTH: Container failed the readiness health check. Container marked not ready and removed from route pool.';
const uri = 'dora.apps.localhost';

/** Serves /tmp/www, where a file `ready` makes it ready. */
const action = { argv: ['/bin/sh', '-c', 'mkdir /tmp/www; exec busybox httpd -f -p 8080 -h /tmp/www'] };

test('an instance that runs gets no requests while it is not ready; the next rep goes on with that', async () => {
  const rep = await cell.startRep();
  const lrp = await cell.lrp({
    action,
    readinessCheck: { type: 'http', endpoint: '/ready', invocationTimeoutMs: 1_000, intervalMs: 100 },
  });
  await cell.desire(lrp);
  const { instanceGuid } = await cell.place(lrp);
  const instance = await cell.untilState(instanceGuid, 'RUNNING');
  expect(instance.routable).toBe(false);
  await expect
    .poll(() => cell.linesOf(lrp), patient)
    .toContain('HEALTH: Starting readiness health monitoring of container');
  expect(cell.routesOf(instanceGuid)).toEqual([]);
  const [pid] = await processesOf(instanceGuid);
  const ready = `/proc/${pid}/root/tmp/www/ready`;

  await writeFile(ready, '');
  await expect.poll(() => cell.record(instanceGuid)?.routable, patient).toBe(true);
  await expect.poll(() => cell.routesOf(instanceGuid), patient).toContain(`register ${uri}`);
  await expect.poll(() => cell.linesOf(lrp), patient).toContain(passed);

  await rm(ready);
  await expect.poll(() => cell.record(instanceGuid)?.routable, patient).toBe(false);
  await expect.poll(() => cell.routesOf(instanceGuid).at(-1), patient).toBe(`unregister ${uri}`);
  await expect
    .poll(() => cell.linesOf(lrp).slice(-2), patient)
    .toEqual([
      expect.stringMatching(
        /^HEALTH: Readiness check unsuccessful: failed to make HTTP request to '\/ready' on port 8080: received status code 404/,
      ),
      failed,
    ]);
  expect(cell.record(instanceGuid)?.state).toBe('RUNNING');
  expect(await processesOf(instanceGuid)).toContain(pid);

  // Nobody routes to it only because the rep is another.
  rep.signal('SIGKILL');
  expect(await rep.exited).toBe('SIGKILL');
  const heard = cell.heard.length;
  const next = await cell.startRep();
  const { instanceGuid: other } = await cell.run(await cell.lrp());
  await expect.poll(() => cell.routesOf(other), patient).toContain(`register ${uri}`);
  const since = cell.heard.slice(heard).filter(({ route }) => route.private_instance_id === instanceGuid);
  expect(since.filter(({ subject }) => subject === 'router.register')).toEqual([]);

  await writeFile(ready, '');
  await expect.poll(() => cell.record(instanceGuid)?.routable, patient).toBe(true);
  await expect.poll(() => cell.routesOf(instanceGuid).at(-1), patient).toBe(`register ${uri}`);
  next.signal('SIGKILL');
  expect(await next.exited).toBe('SIGKILL');
  const registered = cell.routesOf(instanceGuid).length;
  await cell.startRep({ env: { CELL_ON_STOP: 'destroy' } });
  // One that was ready stays so.
  await expect.poll(() => cell.routesOf(instanceGuid).length, patient).toBeGreaterThan(registered);
  expect(cell.routesOf(instanceGuid).at(-1)).toBe(`register ${uri}`);
  for (const guid of [instanceGuid, other]) {
    await cell.unplace(guid);
    await cell.untilGone(guid);
  }
});

test('readiness by port: ready as soon as it listens, whatever its liveness', async () => {
  // The rep that the test before left.
  const lrp = await cell.lrp({
    action: {
      argv: ['/bin/sh', '-c', 'until [ -f /tmp/go ]; do sleep 0.05; done; exec busybox httpd -f -p 8080 -h /srv/www'],
    },
    healthCheck: { type: 'process' },
    readinessCheck: { type: 'port', invocationTimeoutMs: 1_000, intervalMs: 30_000 },
  });
  const instance = await cell.run(lrp);
  expect(instance.routable).toBe(false);
  const [pid] = await processesOf(instance.instanceGuid);
  await writeFile(`/proc/${pid}/root/tmp/go`, '');
  await expect.poll(() => cell.record(instance.instanceGuid)?.routable, patient).toBe(true);
  expect(await answers(instance)).toBe(true);
  await cell.unplace(instance.instanceGuid);
  await cell.untilGone(instance.instanceGuid);
});
