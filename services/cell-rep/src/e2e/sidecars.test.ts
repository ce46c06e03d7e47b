// @module-tag root
import { writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { TestCell } from './cell.test-support.ts';
import { answers, fetchFrom, leftovers, processesOf, processesWith } from './host.test-support.ts';

// Containers need root: a run without fails here, plainly, with REP_NOT_ROOT.

/** A poll ends as soon as it may; this only bounds one that waits in vain. */
const patient = { timeout: 30_000 };

let cell: TestCell;
beforeEach(async () => {
  cell = await TestCell.create();
});
afterEach(() => cell.dispose());

const sidecar = (name: string, script: string, environment: Record<string, string> = {}) => ({
  name,
  argv: ['/bin/sh', '-c', script],
  environment,
  sourceType: `APP/PROC/WEB/SIDECAR/${name.toUpperCase()}`,
});
const FOREVER = 'while true; do sleep 1000; done';

describe('an instance with sidecars', () => {
  test('runs them beside the app, with its variables but for their own, and tells their lines apart', async () => {
    await cell.startRep({ env: { CELL_ON_STOP: 'destroy' } });
    const action = { environment: { PORT: '8080', MEMORY_LIMIT: '48m', GREETING: 'hi', VCAP_APPLICATION: '{"a":1}' } };
    const script = `until busybox wget -qO- 127.0.0.1:8080/cgi-bin/env >/tmp/env; do sleep 0.1; done
      grep ^MEMORY_LIMIT /tmp/env; echo "$GREETING $MEMORY_LIMIT $CF_INSTANCE_INDEX" >&2; echo "$VCAP_APPLICATION"; ${FOREVER}`;
    const own = { MEMORY_LIMIT: '16m', VCAP_APPLICATION: '{"a":2}' };
    const lrp = await cell.lrp({ action, sidecars: [sidecar('proxy', script, own)] });
    const { instanceGuid } = await cell.run(lrp);
    const vcap = `{"a":2,"host":"0.0.0.0","instance_id":"${instanceGuid}","instance_index":0,"port":8080}`;
    await expect
      .poll(() => cell.linesOf(lrp), patient)
      .toEqual(
        expect.arrayContaining([
          'APP/PROC/WEB/SIDECAR/PROXY: MEMORY_LIMIT=48m',
          'APP/PROC/WEB/SIDECAR/PROXY: hi 16m 0',
          `APP/PROC/WEB/SIDECAR/PROXY: ${vcap}`,
        ]),
      );
    await cell.unplace(instanceGuid);
    await cell.untilGone(instanceGuid);
    expect(await processesOf(instanceGuid)).toEqual([]);
    await expect.poll(() => cell.linesOf(lrp), patient).toContain('APP/PROC/WEB: Exit status 0');
    expect(cell.linesOf(lrp).filter((line) => line.includes('SIDECAR/PROXY: Exit'))).toEqual([]);
  });

  test('crashes when one of them ends, whatever its status; the app is asked to stop', async () => {
    await cell.startRep({ env: { CELL_ON_STOP: 'destroy' } });
    for (const status of [3, 0]) {
      const lrp = await cell.lrp({
        sidecars: [
          sidecar('lasting', FOREVER),
          sidecar('short', `until [ -f /tmp/go ]; do sleep 0.05; done; echo last words; exit ${status}`),
        ],
      });
      const { instanceGuid } = await cell.run(lrp);
      const [pid] = await processesOf(instanceGuid);
      await writeFile(`/proc/${pid}/root/tmp/go`, '');
      const { crash } = await cell.untilState(instanceGuid, 'CRASHED');
      expect(crash).toMatchObject({
        phase: 'run',
        reason: `APP/PROC/WEB/SIDECAR/SHORT: Exited with status ${status}`,
        exitStatus: status,
        outOfMemory: false,
      });
      expect(crash?.ranMs).toBeGreaterThan(0);
      await expect
        .poll(
          () =>
            cell
              .linesOf(lrp)
              .filter((line) => !line.startsWith('CELL'))
              .slice(-4),
          patient,
        )
        .toEqual([
          'APP/PROC/WEB/SIDECAR/SHORT: last words',
          `APP/PROC/WEB/SIDECAR/SHORT: Exit status ${status}`,
          'APP/PROC/WEB: asked to stop',
          'APP/PROC/WEB: Exit status 0',
        ]);
      await expect.poll(() => cell.routesOf(instanceGuid).at(-1), patient).toBe('unregister dora.apps.localhost');
      await cell.unplace(instanceGuid);
      await cell.untilGone(instanceGuid);
    }
  });

  test('crashes of the app’s own end, not of what that takes along', async () => {
    await cell.startRep({ env: { CELL_ON_STOP: 'destroy' } });
    const lrp = await cell.lrp({
      action: { argv: ['/bin/sh', '-c', 'sleep 0.3; exit 9'] },
      healthCheck: { type: 'process' },
      sidecars: [sidecar('helper', FOREVER), sidecar('other', FOREVER)],
    });
    await cell.desire(lrp);
    const { instanceGuid } = await cell.place(lrp);
    const { crash } = await cell.untilState(instanceGuid, 'CRASHED');
    expect(crash).toMatchObject({ reason: 'APP/PROC/WEB: Exited with status 9', exitStatus: 9 });
    await cell.unplace(instanceGuid);
    await cell.untilGone(instanceGuid);
  });

  test('that cannot be started crashes as an app that cannot', async () => {
    await cell.startRep({ env: { CELL_ON_STOP: 'destroy' } });
    const missing = { ...sidecar('proxy', ''), argv: ['/no/such/program'] };
    const lrp = await cell.lrp({ sidecars: [missing] });
    await cell.desire(lrp);
    const { instanceGuid } = await cell.place(lrp);
    const { crash } = await cell.untilState(instanceGuid, 'CRASHED');
    expect(crash?.phase).toBe('start');
    expect(crash?.reason).toContain('no such executable file in the image');
    await cell.unplace(instanceGuid);
    await cell.untilGone(instanceGuid);
  });

  test('goes on when the rep is killed, and the end of a sidecar is noticed by the next', async () => {
    const rep = await cell.startRep();
    const script = 'echo up; until [ -f /tmp/go ]; do sleep 0.05; done; echo last words; exit 5';
    const lrps = [
      await cell.lrp({ sidecars: [sidecar('early', script), sidecar('lasting', FOREVER)] }),
      await cell.lrp({ sidecars: [sidecar('late', script)] }),
    ] as const;
    const [early, late] = [await cell.run(lrps[0]), await cell.run(lrps[1])];
    const end = async (instanceGuid: string): Promise<void> => {
      const [pid] = await processesOf(instanceGuid);
      await writeFile(`/proc/${pid}/root/tmp/go`, '');
    };
    for (const lrp of lrps) {
      await expect.poll(() => cell.linesOf(lrp).some((line) => line.endsWith(': up')), patient).toBe(true);
    }
    rep.signal('SIGKILL');
    expect(await rep.exited).toBe('SIGKILL');
    const before = (await processesWith('until [ -f /tmp/go ]')).length;
    await end(early.instanceGuid);
    await expect.poll(async () => (await processesWith('until [ -f /tmp/go ]')).length, patient).toBeLessThan(before);
    expect(await answers(early)).toBe(true);

    const next = await cell.startRep();
    const { crash } = await cell.untilState(early.instanceGuid, 'CRASHED');
    expect(crash).toMatchObject({ phase: 'run', reason: 'APP/PROC/WEB/SIDECAR/EARLY: Exited with status 5' });
    await expect.poll(() => cell.linesOf(lrps[0]), patient).toContain('APP/PROC/WEB/SIDECAR/EARLY: last words');
    expect(cell.record(late.instanceGuid)?.state).toBe('RUNNING');
    await end(late.instanceGuid);
    expect((await cell.untilState(late.instanceGuid, 'CRASHED')).crash?.reason).toBe(
      'APP/PROC/WEB/SIDECAR/LATE: Exited with status 5',
    );
    for (const { instanceGuid } of [early, late]) {
      await cell.unplace(instanceGuid);
      await cell.untilGone(instanceGuid);
    }
    next.signal('SIGTERM');
    expect(await next.exited).toBe(0);
    expect(await cell.clean()).toBe(0);
    expect(await leftovers(cell)).toEqual([]);
  });
});

test('files are in the instance, read-only, and stay when the rep is killed', async () => {
  const rep = await cell.startRep();
  const destination = '/etc/cf-service-bindings';
  // As much as Cloud Foundry allows, of what takes most in JSON.
  const large = { path: 'large', content: '"'.repeat(999_000) };
  const vcap = { path: 'vcap_services', content: '{"user-provided":[{"name":"db"}]}' };
  const files = [{ destination, files: [vcap, large] }];
  const script = `cat ${destination}/vcap_services; echo; wc -c <${destination}/large; (echo x >${destination}/vcap_services) 2>/dev/null || echo refused`;
  const serve = `ln -s ${destination} /tmp/files; busybox httpd -f -p 8080 -h /tmp/files`;
  const lrp = await cell.lrp({ files, action: { argv: ['/bin/sh', '-c', `${script}; ${serve}`] } });
  const instance = await cell.run(lrp);
  await expect
    .poll(() => cell.linesOf(lrp), patient)
    .toEqual(
      expect.arrayContaining([
        'APP/PROC/WEB: {"user-provided":[{"name":"db"}]}',
        'APP/PROC/WEB: 999000',
        'APP/PROC/WEB: refused',
      ]),
    );
  rep.signal('SIGKILL');
  expect(await rep.exited).toBe('SIGKILL');
  await cell.startRep();
  expect(await fetchFrom(instance, '/vcap_services')).toEqual({
    status: 200,
    body: '{"user-provided":[{"name":"db"}]}',
  });
  await cell.unplace(instance.instanceGuid);
  await cell.untilGone(instance.instanceGuid);
});
