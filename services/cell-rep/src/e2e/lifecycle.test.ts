// @module-tag root
import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { TestCell } from './cell.test-support.ts';
import { answers, fetchFrom, leftovers, makeCrash, processesOf } from './host.test-support.ts';
import { askHealth, type RepProcess } from './rep-process.test-support.ts';

/** A poll ends as soon as it may; this only bounds one that waits in vain. */
const patient = { timeout: 30_000 };

let cell: TestCell;
let rep: RepProcess;
beforeAll(async () => {
  cell = await TestCell.create();
  rep = await cell.startRep({ env: { CELL_ON_STOP: 'destroy' } });
});
afterAll(() => cell.dispose());

const shell = (script: string): { argv: string[] } => ({ argv: ['/bin/sh', '-c', script] });
const noCheck = { type: 'process' } as const;

describe('an instance that is placed', () => {
  test('runs, is known, routed to, logged and measured, until its placement goes', async () => {
    const lrp = await cell.lrp();
    await cell.desire(lrp);
    const { instanceGuid } = await cell.place(lrp, 2);
    const instance = await cell.untilState(instanceGuid, 'RUNNING');
    expect(instance).toMatchObject({
      processGuid: lrp.processGuid,
      index: 2,
      cellId: cell.id,
      routable: true,
      ports: [{ containerPort: 8080, hostPort: 8080 }],
      manifestDigest: lrp.image.manifestDigest,
    });

    const { status, body } = await fetchFrom(instance);
    expect(status).toBe(200);
    expect(JSON.parse(body)).toMatchObject({ index: '2', instance: instanceGuid, port: '8080', user: '1000:1000' });
    const environment = (await fetchFrom(instance, '/cgi-bin/env')).body.split('\n');
    expect(environment).toEqual(
      expect.arrayContaining([
        'QUOTED="$1" \'two\'',
        `CF_INSTANCE_ADDR=${instance.address}:8080`,
        `CF_INSTANCE_INTERNAL_IP=${instance.address}`,
        'CF_INSTANCE_PORTS=[{"external":8080,"internal":8080}]',
        `VCAP_APPLICATION={"application_name":"dora","host":"0.0.0.0","instance_id":"${instanceGuid}","instance_index":2,"port":8080}`,
        'USER=web',
      ]),
    );

    await expect
      .poll(() => cell.heard.find(({ route }) => route.private_instance_id === instanceGuid), patient)
      .toBeDefined();
    const registered = cell.heard.find(({ route }) => route.private_instance_id === instanceGuid);
    expect(registered).toMatchObject({
      subject: 'router.register',
      route: {
        host: instance.address,
        port: 8080,
        uris: ['dora.apps.localhost'],
        app: lrp.app.guid,
        private_instance_index: '2',
        tags: { component: 'cell-rep', app_name: 'dora' },
      },
    });

    await expect.poll(() => cell.linesOf(lrp), patient).toContain(`APP/PROC/WEB: GET / from ${gatewayOf(cell.subnet)}`);
    expect(cell.linesOf(lrp)).toEqual(
      expect.arrayContaining([
        `CELL: Cell ${cell.id} creating container for instance ${instanceGuid}`,
        `CELL: Cell ${cell.id} successfully created container for instance ${instanceGuid}`,
        'CELL: Starting health monitoring of container',
        'CELL: Container became healthy',
        'APP/PROC/WEB: hello from Slipway: instance 2 listens on 8080 and 8443',
        'APP/PROC/WEB: errors of instance 2 go to stderr',
      ]),
    );
    const stderr = cell.logs.find(({ payload }) => Buffer.from(payload, 'base64').includes('go to stderr'));
    expect(stderr).toMatchObject({ stream: 'ERR', instanceId: '2', tags: { process_instance_id: instanceGuid } });

    await expect
      .poll(() => cell.metrics.flatMap(({ instances }) => instances), patient)
      .toContainEqual(expect.objectContaining({ instanceGuid, index: 2, memoryBytes: expect.any(Number) }));
    const usage = cell.metrics.flatMap(({ instances }) => instances).find((i) => i.instanceGuid === instanceGuid);
    expect(usage?.memoryBytes).toBeGreaterThan(100_000);
    expect(usage?.ageMs).toBeGreaterThan(0);
    const { memoryMb, diskMb } = lrp.resources;
    expect(usage).toMatchObject({
      sourceId: lrp.app.guid,
      tags: lrp.metricTags,
      cpuEntitlement: expect.any(Number),
      memoryQuotaBytes: memoryMb * 1024 ** 2,
      diskQuotaBytes: diskMb * 1024 ** 2,
      logRateLimit: -1,
    });
    expect(cell.presence).toMatchObject({ healthy: true, capacity: { memoryMb: 4096, diskMb: 4096, containers: 250 } });

    await cell.unplace(instanceGuid);
    await cell.untilGone(instanceGuid);
    expect(await processesOf(instanceGuid)).toEqual([]);
    expect(await answers(instance)).toBe(false);
    // No new request shall reach an app that is about to end.
    await expect.poll(() => cell.order, patient).toContain('asked to stop');
    expect(cell.order.indexOf(`router.unregister ${instanceGuid}`)).toBeLessThan(cell.order.indexOf('asked to stop'));
    expect(cell.order).toContain(`router.unregister ${instanceGuid}`);
    await expect
      .poll(() => cell.linesOf(lrp).slice(-5), patient)
      .toEqual([
        `CELL: Cell ${cell.id} stopping instance ${instanceGuid}`,
        'APP/PROC/WEB: asked to stop',
        'APP/PROC/WEB: Exit status 0',
        `CELL: Cell ${cell.id} destroying container for instance ${instanceGuid}`,
        `CELL: Cell ${cell.id} successfully destroyed container for instance ${instanceGuid}`,
      ]);
  });

  test('takes over routes that change, without a new container', async () => {
    const lrp = await cell.lrp();
    const instance = await cell.run(lrp);
    const [before] = await processesOf(instance.instanceGuid);
    const routes = [{ uri: 'new.apps.localhost', port: 8080, protocol: 'http1' as const }];
    await cell.desire({ ...lrp, routes, updatedAt: new Date(Date.now() + 1).toISOString() });
    await expect
      .poll(() => cell.routesOf(instance.instanceGuid), patient)
      .toEqual(expect.arrayContaining(['register new.apps.localhost', 'unregister dora.apps.localhost']));
    expect((await processesOf(instance.instanceGuid))[0]).toBe(before);
    await cell.unplace(instance.instanceGuid);
    await cell.untilGone(instance.instanceGuid);
  });

  test('is not held to its log rate in silence', async () => {
    const lrp = await cell.lrp({
      action: shell('i=0; while [ $i -lt 200 ]; do echo "line $i of the flood"; i=$((i+1)); done; sleep 1000'),
      healthCheck: noCheck,
      resources: { logRateBytesPerSecond: 500 },
    });
    const instance = await cell.run(lrp);
    const exceeded = 'app instance exceeded log rate limit (500 bytes/sec)';
    await expect.poll(() => cell.linesOf(lrp), patient).toContain(`APP/PROC/WEB: ${exceeded}`);
    await expect
      .poll(
        () => cell.logs.find(({ sourceId, dropped }) => sourceId === lrp.app.guid && dropped !== undefined),
        patient,
      )
      .toBeDefined();
    const passed = cell.linesOf(lrp).filter((line) => line.includes('of the flood')).length;
    const dropped = cell.logs
      .filter(({ sourceId }) => sourceId === lrp.app.guid)
      .reduce((sum, envelope) => sum + (envelope.dropped?.lines ?? 0), 0);
    expect(passed).toBeGreaterThan(0);
    expect(passed + dropped).toBe(200);
    await cell.unplace(instance.instanceGuid);
    await cell.untilGone(instance.instanceGuid);
  });

  test('that ignores its stop signal is killed after the grace time', async () => {
    const lrp = await cell.lrp({ action: shell('trap "" TERM; echo ready; sleep 1000'), healthCheck: noCheck });
    const instance = await cell.run(lrp);
    await expect.poll(() => cell.linesOf(lrp), patient).toContain('APP/PROC/WEB: ready');
    await cell.unplace(instance.instanceGuid);
    await cell.untilState(instance.instanceGuid, 'STOPPING');
    await cell.untilGone(instance.instanceGuid);
    await expect
      .poll(() => cell.linesOf(lrp), patient)
      .toContain('APP/PROC/WEB: Exit status 137 (exceeded 10s graceful shutdown interval)');
  });

  test('is asked to stop with the signal that its image names', async () => {
    const lrp = await cell.lrp({
      action: {
        ...shell('trap "echo got USR2; exit 3" USR2; echo ready; while true; do sleep 0.1; done'),
        stopSignal: 'SIGUSR2',
      },
      healthCheck: noCheck,
    });
    const instance = await cell.run(lrp);
    await expect.poll(() => cell.linesOf(lrp), patient).toContain('APP/PROC/WEB: ready');
    await cell.unplace(instance.instanceGuid);
    await cell.untilGone(instance.instanceGuid);
    await expect
      .poll(() => cell.linesOf(lrp), patient)
      .toEqual(expect.arrayContaining(['APP/PROC/WEB: got USR2', 'APP/PROC/WEB: Exit status 3']));
  });
});

describe('an instance that fails', () => {
  test('is CRASHED with reason and exit status, and its record stays as long as its placement', async () => {
    const lrp = await cell.lrp();
    const { instanceGuid } = await cell.run(lrp);
    const instance = cell.record(instanceGuid) as NonNullable<ReturnType<typeof cell.record>>;
    await makeCrash(instance);
    const crashed = await cell.untilState(instanceGuid, 'CRASHED');
    expect(crashed).toMatchObject({
      routable: false,
      crash: { phase: 'run', reason: 'APP/PROC/WEB: Exited with status 42', exitStatus: 42, outOfMemory: false },
    });
    expect(crashed.crash?.ranMs).toBeGreaterThan(0);
    await expect.poll(() => cell.linesOf(lrp), patient).toContain('APP/PROC/WEB: Exit status 42');
    await expect.poll(() => cell.routesOf(instanceGuid).at(-1), patient).toBe('unregister dora.apps.localhost');
    await expect.poll(() => cell.linesOf(lrp).at(-1), patient).toContain('successfully destroyed container');
    expect(await processesOf(instanceGuid)).toEqual([]);
    expect(cell.record(instanceGuid)?.state).toBe('CRASHED');
    await cell.unplace(instanceGuid);
    await cell.untilGone(instanceGuid);
  });

  test('by running out of memory says so', async () => {
    const lrp = await cell.lrp({
      action: { argv: ['busybox', 'dd', 'if=/dev/zero', 'of=/dev/null', 'bs=300M', 'count=1'] },
      healthCheck: noCheck,
    });
    await cell.desire(lrp);
    const { instanceGuid } = await cell.place(lrp);
    const { crash } = await cell.untilState(instanceGuid, 'CRASHED');
    expect(crash).toMatchObject({ reason: 'APP/PROC/WEB: Exited with status 137 (out of memory)', outOfMemory: true });
    await cell.unplace(instanceGuid);
    await cell.untilGone(instanceGuid);
  });

  test('by never listening names the address, the attempts and the last error', async () => {
    const lrp = await cell.lrp({ action: shell('exec sleep 1000'), startTimeoutMs: 1_500 });
    await cell.desire(lrp);
    const { instanceGuid } = await cell.place(lrp);
    const { crash, address } = await cell.untilState(instanceGuid, 'CRASHED');
    expect(crash).toMatchObject({ phase: 'health-check', ranMs: 0 });
    const refused = `failed to make TCP connection to ${address}:8080: connect: connection refused`;
    expect(crash?.reason).toMatch(
      /^Instance never healthy after 1\.\d+s: Timed out after 1\.5s \(\d+ attempts\) waiting/,
    );
    const instead = 'the app listens on no port, expected 8080';
    expect(crash?.reason.endsWith(`${refused} (port check at ${address}:8080; ${instead})`)).toBe(true);
    expect(cell.routesOf(instanceGuid)).toEqual([]);
    await expect
      .poll(() => cell.linesOf(lrp), patient)
      .toEqual(
        expect.arrayContaining([expect.stringMatching(/^CELL: Failed after 1\.\d+s: startup health check never/)]),
      );
    await cell.unplace(instanceGuid);
    await cell.untilGone(instanceGuid);
  });

  test.each([
    ['-p 0.0.0.0:3000', 'the app listens on 3000, expected 8080'],
    ['-p 127.0.0.1:8080', 'the app listens on 127.0.0.1:8080 only, where nothing outside of its container reaches it'],
  ])('by listening elsewhere, with httpd %s, is told where', async (option, told) => {
    const lrp = await cell.lrp({ action: shell(`exec busybox httpd -f ${option} -h /srv/www`), startTimeoutMs: 1_500 });
    await cell.desire(lrp);
    const { instanceGuid } = await cell.place(lrp);
    const { crash } = await cell.untilState(instanceGuid, 'CRASHED');
    expect(crash?.reason).toContain(told);
    await expect
      .poll(() => cell.linesOf(lrp).filter((line) => line.startsWith('HEALTH: ')), patient)
      .toEqual([expect.stringContaining(told)]);
    await cell.unplace(instanceGuid);
    await cell.untilGone(instanceGuid);
  });

  test('by no longer listening is ended', async () => {
    const lrp = await cell.lrp({
      action: shell(
        'busybox httpd -f -p 0.0.0.0:8080 -h /srv/www & p=$!; read -r _ < /tmp/close; kill $p; exec sleep 1000',
      ),
      healthCheck: { type: 'port', invocationTimeoutMs: 1_000, intervalMs: 100 },
    });
    const closing = {
      ...lrp,
      action: { ...lrp.action, argv: ['/bin/sh', '-c', `busybox mkfifo /tmp/close; ${lrp.action.argv[2]}`] },
    };
    const { instanceGuid } = await cell.run(closing);
    const [pid] = await processesOf(instanceGuid);
    const { writeFile } = await import('node:fs/promises');
    await writeFile(`/proc/${pid}/root/tmp/close`, 'now\n');
    const { crash, address } = await cell.untilState(instanceGuid, 'CRASHED');
    expect(crash).toMatchObject({
      phase: 'run',
      reason: `Instance became unhealthy: Liveness check unsuccessful: failed to make TCP connection to ${address}:8080: connect: connection refused (port check at ${address}:8080; the app listens on no port, expected 8080)`,
    });
    expect(await processesOf(instanceGuid)).toEqual([]);
    await expect.poll(() => cell.linesOf(lrp), patient).toContain('CELL: Container became unhealthy');
    await cell.unplace(instanceGuid);
    await cell.untilGone(instanceGuid);
  });

  test('by an HTTP check that does not answer 200 is told the status', async () => {
    const http = { type: 'http', endpoint: '/nothing', invocationTimeoutMs: 1_000, intervalMs: 30_000 } as const;
    const lrp = await cell.lrp({ healthCheck: http, startTimeoutMs: 1_000 });
    await cell.desire(lrp);
    const { instanceGuid } = await cell.place(lrp);
    const { crash, address } = await cell.untilState(instanceGuid, 'CRASHED');
    expect(crash?.reason).toMatch(
      /failed to make HTTP request to '\/nothing' on port 8080: received status code 404 in \d+ms \(.*\)$/,
    );
    expect(crash?.reason).toContain(`(http check of /nothing at ${address}:8080)`);
    await cell.unplace(instanceGuid);
    await cell.untilGone(instanceGuid);
  });

  test('for want of a layer has crashed in the phase "pull", at once when asking again cannot help', async () => {
    const lrp = await cell.lrp();
    const missing = {
      ...(lrp.image.layers[0] as object),
      digest: `sha256:${'0'.repeat(64)}`,
      diffId: `sha256:${'1'.repeat(64)}`,
    };
    const broken = { ...lrp, image: { ...lrp.image, layers: [missing as (typeof lrp.image.layers)[0]] } };
    await cell.desire(broken);
    const { instanceGuid } = await cell.place(broken);
    const { crash } = await cell.untilState(instanceGuid, 'CRASHED');
    expect(crash).toMatchObject({ phase: 'pull', ranMs: 0 });
    expect(crash?.reason).toContain('failed to create container: ');
    expect(crash?.reason).toContain(cell.registry.address);
    await cell.unplace(instanceGuid);
    await cell.untilGone(instanceGuid);
    expect(cell.presence?.healthy).toBe(true);
  });

  test('for want of its program has crashed in the phase "start"', async () => {
    const lrp = await cell.lrp({ action: { argv: ['no-such-program'] }, healthCheck: noCheck });
    await cell.desire(lrp);
    const { instanceGuid } = await cell.place(lrp);
    const { crash } = await cell.untilState(instanceGuid, 'CRASHED');
    expect(crash).toMatchObject({ phase: 'start', reason: expect.stringContaining('no-such-program') });
    await cell.unplace(instanceGuid);
    await cell.untilGone(instanceGuid);
  });
});

test('a placement that goes while its image is pulled stops that at once', async () => {
  const asked = Promise.withResolvers<void>();
  const hungUp = Promise.withResolvers<void>();
  const hanging = createServer((socket) => {
    asked.resolve();
    socket.on('error', () => undefined).on('close', () => hungUp.resolve());
    socket.resume();
  });
  onTestFinished(() => void hanging.close());
  await new Promise<void>((resolve) => hanging.listen(0, '127.0.0.1', resolve));
  const { port } = hanging.address() as { port: number };
  const lrp = await cell.lrp();
  const layer = {
    ...(lrp.image.layers[0] as object),
    digest: `sha256:${'2'.repeat(64)}`,
    diffId: `sha256:${'3'.repeat(64)}`,
  };
  const layers = [layer as (typeof lrp.image.layers)[0]];
  const slow = { ...lrp, image: { ...lrp.image, registry: `127.0.0.1:${port}`, layers } };
  await cell.desire(slow);
  const { instanceGuid } = await cell.place(slow);
  await asked.promise;
  await expect.poll(() => cell.record(instanceGuid)?.phase, patient).toBe('pulling');
  await cell.unplace(instanceGuid);
  await cell.untilGone(instanceGuid);
  await hungUp.promise;
});

test('many at once all run, each with an address of its own', async () => {
  const lrp = await cell.lrp({ instances: 12 });
  await cell.desire(lrp);
  const placements = await Promise.all(Array.from({ length: 12 }, (_, index) => cell.place(lrp, index)));
  const instances = await Promise.all(placements.map(({ instanceGuid }) => cell.untilState(instanceGuid, 'RUNNING')));
  expect(new Set(instances.map(({ address }) => address)).size).toBe(12);
  const served = await Promise.all(instances.map((instance) => fetchFrom(instance)));
  const indexes = served.map(({ body }) => Number((JSON.parse(body) as { index: string }).index));
  expect(indexes).toEqual(Array.from({ length: 12 }, (_, index) => index));
  const text = (await askHealth(rep, '/metrics')).body
    .split('\n')
    .filter((line) => line.startsWith('slipway_cell_'))
    .join('\n');
  expect(text).toMatch(/slipway_cell_instances\{state="RUNNING",service="cell-rep"\} 12/);
  expect(text).toMatch(/slipway_cell_step_seconds_count\{.*step="healthy".*\} \d+/);
  expect(text).toMatch(/slipway_cell_routes\{service="cell-rep"\} 12/);
  const figure = (name: string): number => Number(new RegExp(`^${name}\\{[^}]*\\} (\\S+)$`, 'm').exec(text)?.[1]);
  expect(figure('slipway_cell_containers')).toBe(12);
  expect(figure('slipway_cell_free_containers')).toBe(250 - 12);
  expect(figure('slipway_cell_free_memory_mb')).toBe(4096 - 12 * lrp.resources.memoryMb);
  expect(figure('slipway_cell_free_disk_mb')).toBe(4096 - 12 * lrp.resources.diskMb);
  expect(figure('slipway_cell_starts_total')).toBeGreaterThanOrEqual(12);
  // Of the tests before: apps that never were healthy, by timeout and by their own end.
  expect(text).toMatch(/slipway_cell_step_failures_total\{.*step="healthy",kind="timeout".*\} [1-9]/);
  expect(text).toMatch(/slipway_cell_step_seconds_count\{.*step="total".*\} [1-9]/);
  for (const { instanceGuid } of instances) await cell.unplace(instanceGuid);
  for (const { instanceGuid } of instances) await cell.untilGone(instanceGuid);
});

test('told to destroy at its end, it leaves nothing, and says that it is gone', async () => {
  const lrp = await cell.lrp();
  const { instanceGuid } = await cell.run(lrp);
  rep.signal('SIGTERM');
  expect(await rep.exited).toBe(0);
  await expect.poll(() => cell.record(instanceGuid), patient).toBeUndefined();
  await expect.poll(() => cell.presence, patient).toBeUndefined();
  expect(await processesOf(instanceGuid)).toEqual([]);
  expect(await cell.clean()).toBe(0);
  expect(await leftovers(cell)).toEqual([]);
});

function gatewayOf(subnet: string): string {
  return subnet.replace(/0\/24$/, '1');
}
