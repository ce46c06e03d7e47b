import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Bus, emitMessage, KvStore, publishMessage, startStreamReader, startWorkQueue } from '@slipway/bus';
import {
  buckets,
  type Instance,
  instanceMetrics,
  keys,
  logEnvelope,
  type Message,
  type PlacementRecord,
  type StagingRequest,
  stagingRequest,
  stagingResult,
} from '@slipway/contracts';
import { createLogger, unseal } from '@slipway/service-kit';
import { type NatsHandle, startNats } from '@slipway/testing';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Client } from '../testing/client.ts';
import {
  createBuild,
  createApp as createCfApp,
  createPackage,
  createRoute,
  createSpace,
  stagedResult,
} from '../testing/fixtures.ts';
import { engines, type TestDatabase } from '../testing/test-database.ts';
import {
  connectAs,
  type DesiredView,
  httpClient,
  openDesiredView,
  type TestSettings,
  testConfig,
  testSettings,
} from '../testing/test-platform.ts';
import { startTokenIssuer, type TokenIssuer } from '../testing/token-issuer.ts';
import { type CloudController, createApp } from './app.ts';

const PATIENCE = { timeout: 30_000, interval: 20 };

describe.each(engines)('on $engine', ({ engine, create }) => {
  let nats: NatsHandle;
  let issuer: TokenIssuer;
  let database: TestDatabase;
  let settings: TestSettings;
  beforeEach(async () => {
    [nats, issuer, database] = await Promise.all([startNats(), startTokenIssuer(), create()]);
    settings = testSettings(nats, database, issuer);
  });
  // Whoever came last goes first: services stop while there is still a NATS.
  let cleanups: (() => unknown)[] = [];
  const atEnd = (cleanup: () => unknown): void => {
    cleanups.push(cleanup);
  };
  afterEach(async () => {
    for (const cleanup of cleanups.reverse()) await cleanup();
    cleanups = [];
    await Promise.all([nats.stop(), issuer.stop(), database.remove()]);
  });

  /** Runs in this process. */
  const start = async (more: Record<string, string> = {}): Promise<{ service: CloudController; client: Client }> => {
    const config = testConfig(settings, more);
    const service = createApp(config, createLogger('cloud-controller', process.env.TEST_LOG_LEVEL ?? 'silent'), {
      checkResponses: true,
    });
    atEnd(() => service.stop());
    await service.start();
    return { service, client: httpClient(service.ports().api, await issuer.token()) };
  };

  /** Runs as a process of its own, so that it can be killed. */
  const spawnService = async (): Promise<{ child: ChildProcess; client: Client }> => {
    const child = spawn(process.execPath, [fileURLToPath(new URL('./main.ts', import.meta.url))], {
      env: { ...process.env, ...settings.env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    atEnd(() => {
      child.kill('SIGKILL');
    });
    const port = await new Promise<number>((resolve, reject) => {
      child.once('exit', (code) => reject(new Error(`cloud-controller ended with ${code}`)));
      createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
        const entry = JSON.parse(line);
        if (entry.msg === 'api.listening') resolve(entry.port);
      });
    });
    return { child, client: httpClient(port, await issuer.token()) };
  };

  const as = async (service: Parameters<typeof connectAs>[1], cellId?: string): Promise<Bus> => {
    const bus = await connectAs(nats, service, cellId);
    atEnd(() => bus.close());
    return bus;
  };

  const followDesired = async (): Promise<DesiredView> => {
    const view = await openDesiredView(await as('scheduler'));
    atEnd(() => view.close());
    return view;
  };

  /** A stager that only notes what it is asked. */
  const noteRequests = async (stager: Bus): Promise<Message<StagingRequest>[]> => {
    const requests: Message<StagingRequest>[] = [];
    const queue = await startWorkQueue(stager, {
      definition: { ...stagingRequest, stream: 'STAGING' },
      durable: 'stager',
      concurrency: 1,
      handle: async (message) => {
        requests.push(message);
      },
    });
    atEnd(() => queue.stop());
    return requests;
  };

  const buildState = async (client: Client, guid: string): Promise<string> =>
    (await client.get(`/v3/builds/${guid}`)).body.state;

  /** A started app with one route, staged by the message that a stager would send. */
  const runApp = async (client: Client, stager: Bus): Promise<string> => {
    const { spaceGuid } = await createSpace(client);
    const app = await createCfApp(client, spaceGuid, 'demo');
    const build = await createBuild(client, await createPackage(client, app));
    await publishMessage(stager, stagingResult, stagedResult(build));
    await vi.waitFor(async () => expect(await buildState(client, build)).toBe('STAGED'), PATIENCE);
    const { body } = await client.get(`/v3/builds/${build}`);
    await client.patch(`/v3/apps/${app}/relationships/current_droplet`, { data: { guid: body.droplet.guid } });
    const route = await createRoute(client, spaceGuid, 'demo');
    await client.post(`/v3/routes/${route}/destinations`, { destinations: [{ app: { guid: app } }] });
    const started = await client.post(`/v3/apps/${app}/actions/start`);
    expect(started.status).toBe(200);
    return app;
  };

  test('a build goes out as a staging request whose id is the build, with credentials that only stagers can open', async () => {
    const { client } = await start();
    const requests = await noteRequests(await as('stager'));
    const { spaceGuid } = await createSpace(client);
    const app = await createCfApp(client, spaceGuid);
    const credentials = { username: 'me', password: 'correct horse' };
    const pack = await createPackage(client, app, { image: 'private.test/app:2', ...credentials });
    const build = await createBuild(client, pack);
    await vi.waitFor(() => expect(requests).toHaveLength(1), PATIENCE);
    const request = requests[0];
    expect(request).toMatchObject({
      id: build,
      data: { buildGuid: build, appGuid: app, packageGuid: pack, image: 'private.test/app:2' },
    });
    expect(JSON.stringify(request)).not.toContain('correct horse');
    expect(JSON.parse(unseal(request?.data.credentials ?? '', settings.stagerKeys))).toEqual(credentials);
  });

  test('a staging result ends its build once, whatever comes after', async () => {
    const { client } = await start();
    const stager = await as('stager');
    const { spaceGuid } = await createSpace(client);
    const app = await createCfApp(client, spaceGuid);
    const pack = await createPackage(client, app);
    const failed = await createBuild(client, pack);
    const error = { phase: 'authentication' as const, code: 'DENIED', message: 'registry.test says 401' };
    await publishMessage(stager, stagingResult, { outcome: 'failed', buildGuid: failed, error, durationMs: 3 });
    await vi.waitFor(async () => expect(await buildState(client, failed)).toBe('FAILED'), PATIENCE);
    const { body } = await client.get(`/v3/builds/${failed}`);
    expect(body.error).toBe('StagingError - Staging error: authenticating with the registry: registry.test says 401');
    const staged = await createBuild(client, pack);
    // Late, unknown, twice: none of them counts.
    await publishMessage(stager, stagingResult, stagedResult(failed));
    await publishMessage(stager, stagingResult, stagedResult(randomUUID()));
    await publishMessage(stager, stagingResult, stagedResult(staged));
    await publishMessage(stager, stagingResult, stagedResult(staged));
    await vi.waitFor(async () => expect(await buildState(client, staged)).toBe('STAGED'), PATIENCE);
    expect(await buildState(client, failed)).toBe('FAILED');
    expect((await client.get(`/v3/apps/${app}/droplets`)).body.resources).toHaveLength(1);
  });

  test('a started app is a desired LRP and the domain is fresh; stopped, it is none', async () => {
    const { client } = await start();
    const view = await followDesired();
    await view.until('the marker of an empty platform', () => view.marker()?.lrpCount === 0);
    const app = await runApp(client, await as('stager'));
    await view.until('the LRP', () => view.lrps().length === 1);
    expect(view.lrps()[0]).toMatchObject({
      instances: 1,
      app: { guid: app, name: 'demo' },
      process: { guid: app, type: 'web' },
      routes: [{ uri: 'demo.apps.localhost', port: 8080, protocol: 'http1' }],
      log: { sourceId: app, sourceType: 'APP/PROC/WEB' },
    });
    await client.post(`/v3/apps/${app}/processes/web/actions/scale`, { instances: 2 });
    await view.until('two instances', () => view.lrps()[0]?.instances === 2);
    const before = view.lrps()[0]?.processGuid;
    await client.post(`/v3/apps/${app}/actions/restart`);
    await view.until('the new version alone', () => {
      const [lrp, ...others] = view.lrps();
      return others.length === 0 && lrp !== undefined && lrp.processGuid !== before;
    });
    await client.post(`/v3/apps/${app}/actions/stop`);
    await view.until('no LRP', () => view.lrps().length === 0);
  });

  test('registry credentials reach the cells sealed, and are sealed anew when the cells have another key', async () => {
    const { client, service } = await start();
    const view = await followDesired();
    const stager = await as('stager');
    const { spaceGuid } = await createSpace(client);
    const app = await createCfApp(client, spaceGuid);
    const credentials = { username: 'me', password: 'correct horse' };
    const build = await createBuild(client, await createPackage(client, app, { image: 'p.test/a:1', ...credentials }));
    await publishMessage(stager, stagingResult, stagedResult(build));
    await vi.waitFor(async () => expect(await buildState(client, build)).toBe('STAGED'), PATIENCE);
    const { body } = await client.get(`/v3/builds/${build}`);
    await client.patch(`/v3/apps/${app}/relationships/current_droplet`, { data: { guid: body.droplet.guid } });
    await client.post(`/v3/apps/${app}/actions/start`);
    await view.until('the LRP', () => view.lrps().length === 1);
    const [before] = view.lrps();
    expect(JSON.parse(unseal(before?.image.credentials ?? '', settings.cellKeys))).toEqual(credentials);
    await service.stop();

    settings = { ...testSettings(nats, database, issuer), env: { ...settings.env } };
    await start({ CELL_PUBLIC_KEY: settings.cellKeys.publicKey });
    const now = () => view.lrps()[0]?.image.credentials ?? '';
    await view.until('other credentials', () => now() !== before?.image.credentials);
    expect(JSON.parse(unseal(now(), settings.cellKeys))).toEqual(credentials);
    expect(view.lrps()[0]?.processGuid).toBe(before?.processGuid);
  });

  test('what NATS lost comes back: the LRPs as they were, the marker, and requests without an answer', async () => {
    const { client } = await start();
    const view = await followDesired();
    const stager = await as('stager');
    const app = await runApp(client, stager);
    await view.until('the LRP', () => view.lrps().length === 1);
    const before = view.lrps();
    const build = await createBuild(client, await createPackage(client, app));
    await nats.restart({ wipe: true });
    await view.until('everything again', () => view.lrps().length === 1 && view.marker() !== undefined);
    expect(view.lrps()).toEqual(before);
    const requests = await noteRequests(stager);
    await vi.waitFor(() => expect(requests.map(({ id }) => id)).toContain(build), PATIENCE);
  });

  test('what was committed while NATS was away is told when it is back, even if the process died in between', async () => {
    const { child, client } = await spawnService();
    const stager = await as('stager');
    const view = await followDesired();
    const app = await runApp(client, stager);
    await view.until('the LRP', () => view.lrps().length === 1);
    await nats.kill();
    const build = await createBuild(client, await createPackage(client, app));
    const scaled = await client.post(`/v3/apps/${app}/processes/web/actions/scale`, { instances: 3 });
    expect(scaled.status).toBe(202);
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
    await nats.restart();
    await spawnService();
    await view.until('three instances', () => view.lrps()[0]?.instances === 3);
    const requests = await noteRequests(stager);
    await vi.waitFor(() => expect(requests.map(({ id }) => id)).toContain(build), PATIENCE);
  });

  test('records that are not desired, or cannot be read, are put right by the full pass', async () => {
    const { client, service } = await start();
    const view = await followDesired();
    const app = await runApp(client, await as('stager'));
    await view.until('the LRP', () => view.lrps().length === 1);
    await service.stop();
    const [good] = view.lrps();
    const guid = good?.processGuid ?? '';
    const bus = await as('cloud-controller');
    const store = await KvStore.open(bus, buckets.desiredLrps);
    const stray = `${randomUUID()}-${randomUUID()}`;
    if (good !== undefined) await store.put(keys.desiredLrp(stray), { ...good, processGuid: stray });
    bus.nc.publish(`$KV.desired-lrps.${keys.desiredLrp(guid)}`, '{"v":1,"broken":true}');
    await bus.nc.flush();
    const marker = view.marker()?.refreshedAt;
    await start();
    await view.until('another marker', () => view.marker()?.refreshedAt !== marker);
    expect(view.lrps()).toEqual([good]);
    expect(view.lrps()[0]?.app.guid).toBe(app);
    expect((await store.get(keys.desiredLrp(guid)))?.value).toEqual(good);
  });

  test('one process whose record cannot be made keeps neither the others nor freshness back', async () => {
    const { client, service } = await start();
    const view = await followDesired();
    const stager = await as('stager');
    const app = await runApp(client, stager);
    await view.until('the LRP', () => view.lrps().length === 1);
    const { body } = await client.get(`/v3/apps/${app}/droplets`);
    const { spaceGuid } = await createSpace(client);
    const other = await createCfApp(client, spaceGuid);
    const build = await createBuild(client, await createPackage(client, other));
    await publishMessage(stager, stagingResult, stagedResult(build));
    await vi.waitFor(async () => expect(await buildState(client, build)).toBe('STAGED'), PATIENCE);
    const droplet = (await client.get(`/v3/apps/${other}/droplets`)).body.resources[0].guid;
    expect(droplet).not.toBe(body.resources[0].guid);
    await client.patch(`/v3/apps/${other}/relationships/current_droplet`, { data: { guid: droplet } });
    await client.post(`/v3/apps/${other}/actions/start`);
    await view.until('both LRPs', () => view.lrps().length === 2);
    await service.stop();
    await breakRunInfo(database.url, app);
    const marker = view.marker()?.refreshedAt;
    await start();
    await view.until('another marker', () => view.marker()?.refreshedAt !== marker);
    // Its record stays, so its instances are left alone.
    expect(
      view
        .lrps()
        .map((lrp) => lrp.app.guid)
        .toSorted(),
    ).toEqual([app, other].toSorted());
  });

  test('switching images off empties the desired state within the moment, and on again brings it back', async () => {
    const { client } = await start();
    const view = await followDesired();
    await runApp(client, await as('stager'));
    await view.until('the LRP', () => view.lrps().length === 1);
    await client.patch('/v3/feature_flags/diego_docker', { enabled: false });
    await view.until('no LRP', () => view.lrps().length === 0);
    await client.patch('/v3/feature_flags/diego_docker', { enabled: true });
    await view.until('the LRP again', () => view.lrps().length === 1);
  });

  test('stats show each desired instance from the first moment on, as scheduler and cells tell', async () => {
    const { client } = await start();
    const view = await followDesired();
    const app = await runApp(client, await as('stager'));
    await client.post(`/v3/apps/${app}/processes/web/actions/scale`, { instances: 4 });
    await view.until('four instances', () => view.lrps()[0]?.instances === 4);
    const stats = async () => (await client.get(`/v3/processes/${app}/stats`)).body.resources;
    expect((await stats()).map((entry: { state: string }) => entry.state)).toEqual(['DOWN', 'DOWN', 'DOWN', 'DOWN']);

    const processGuid = view.lrps()[0]?.processGuid ?? '';
    const placements = await KvStore.open<PlacementRecord>(await as('scheduler'), buckets.placements);
    const cell = await as('cell-rep', 'cell-1');
    const instances = await KvStore.open<Instance>(cell, buckets.instances);
    const now = new Date().toISOString();
    const guids = [randomUUID(), randomUUID()];
    for (const [index, instanceGuid] of guids.entries()) {
      await placements.put(keys.placed('cell-1', instanceGuid), {
        v: 1,
        kind: 'placed',
        processGuid,
        index,
        instanceGuid,
        cellId: 'cell-1',
        crashCount: 0,
        placedAt: now,
        memoryMb: 1024,
        diskMb: 1024,
      });
    }
    const unplaced = { v: 1 as const, kind: 'unplaced' as const, processGuid, crashCount: 0, since: now };
    await placements.put(keys.unplaced(processGuid, 2), {
      ...unplaced,
      index: 2,
      state: 'UNCLAIMED',
      placementError: 'insufficient resources: memory',
    });
    await placements.put(keys.unplaced(processGuid, 3), {
      ...unplaced,
      index: 3,
      state: 'CRASHED',
      crashReason: 'APP/PROC/WEB: Exited with status 1',
      crashCount: 3,
    });
    const common = { v: 1 as const, processGuid, cellId: 'cell-1', since: now };
    await instances.put(keys.instance('cell-1', guids[0] ?? ''), {
      ...common,
      instanceGuid: guids[0] ?? '',
      index: 0,
      state: 'RUNNING',
      routable: true,
      address: '10.254.0.2',
      ports: [{ containerPort: 8080, hostPort: 8080 }],
    });
    await instances.put(keys.instance('cell-1', guids[1] ?? ''), {
      ...common,
      instanceGuid: guids[1] ?? '',
      index: 1,
      state: 'CLAIMED',
      phase: 'pulling',
      routable: false,
    });
    emitMessage(cell, instanceMetrics, {
      cellId: 'cell-1',
      timestamp: '1',
      instances: [
        {
          instanceGuid: guids[0] ?? '',
          processGuid,
          index: 0,
          cpu: 0.25,
          memoryBytes: 1000,
          diskBytes: 2000,
          logBytesPerSecond: 3,
          ageMs: 5,
        },
      ],
    });
    await vi.waitFor(async () => expect((await stats())[0].usage.mem).toBe(1000), PATIENCE);
    await vi.waitFor(async () => expect((await stats())[3].state).toBe('CRASHED'), PATIENCE);
    expect(await stats()).toMatchObject([
      {
        index: 0,
        state: 'RUNNING',
        instance_guid: guids[0],
        instance_internal_ip: '10.254.0.2',
        instance_ports: [{ external: 8080, internal: 8080 }],
        details: null,
        usage: { cpu: 0.25, mem: 1000, disk: 2000, log_rate: 3 },
        mem_quota: 1024 * 1024 * 1024,
      },
      { index: 1, state: 'STARTING', phase: 'pulling', details: null },
      { index: 2, state: 'DOWN', details: 'insufficient resources: memory' },
      { index: 3, state: 'CRASHED', details: 'APP/PROC/WEB: Exited with status 1' },
    ]);

    expect((await client.delete(`/v3/apps/${app}/processes/web/instances/0`)).status).toBe(204);
    await view.until('the instance to be replaced', () => view.lrps()[0]?.retire?.[0] === guids[0]);
    expect((await client.delete(`/v3/processes/${app}/instances/9`)).body.errors[0].detail).toBe('Instance not found');
  });

  test('the API registers its route and says in the log of an app what was done', async () => {
    const registered = Promise.withResolvers<{ uris: string[]; port: number }>();
    const router = await as('router');
    router.nc.subscribe('router.register', { callback: (_, message) => registered.resolve(message.json()) });
    await router.nc.flush();
    const { client, service } = await start();
    expect(await registered.promise).toMatchObject({
      uris: ['localhost', 'api.example.com'],
      port: service.ports().api,
    });
    const lines: string[] = [];
    const reader = startStreamReader(await as('log-cache'), {
      definition: { ...logEnvelope, stream: 'LOGS' },
      onRestart: () => undefined,
      onCaughtUp: () => undefined,
      onMessage: ({ data }) => {
        lines.push(`${data.sourceType} ${Buffer.from(data.payload, 'base64').toString()}`);
      },
    });
    atEnd(() => reader.stop());
    const { spaceGuid } = await createSpace(client);
    const app = await createCfApp(client, spaceGuid);
    await vi.waitFor(() => expect(lines).toContain(`API Created app with guid ${app}`), PATIENCE);
  });

  test('it is ready once everything is synced, and not while NATS is away', async () => {
    const { service } = await start();
    const ready = async (): Promise<string> =>
      (await fetch(`http://127.0.0.1:${service.ports().health}/readyz`)).text();
    await vi.waitFor(async () => expect(await ready()).toBe('ready\n'), PATIENCE);
    await nats.kill();
    await vi.waitFor(async () => expect(await ready()).toContain('NATS'), PATIENCE);
    await nats.restart();
    await vi.waitFor(async () => expect(await ready()).toBe('ready\n'), PATIENCE);
    const metrics = await (await fetch(`http://127.0.0.1:${service.ports().health}/metrics`)).text();
    expect(metrics).toContain('slipway_outbox_rows');
  });

  test.runIf(engine === 'postgres')('two processes share one database', async () => {
    const one = await start();
    const two = await start();
    const view = await followDesired();
    const stager = await as('stager');
    const requests = await noteRequests(stager);
    const app = await runApp(one.client, stager);
    await view.until('the LRP', () => view.lrps().length === 1);
    await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        (index % 2 === 0 ? one : two).client.post(`/v3/apps/${app}/processes/web/actions/scale`, {
          instances: index + 1,
        }),
      ),
    );
    const { body } = await two.client.get(`/v3/processes/${app}`);
    await view.until('what SQL says', () => view.lrps()[0]?.instances === body.instances);
    await Promise.all(Array.from({ length: 5 }, () => two.client.post(`/v3/apps/${app}/actions/restart`)));
    await view.until('one version', () => view.lrps().length === 1);
    expect(new Set(requests.map(({ id }) => id)).size).toBe(requests.length);
  });
});

async function breakRunInfo(url: string, processGuid: string): Promise<void> {
  const { openDatabase } = await import('@slipway/database');
  const db = openDatabase<{ run_infos: { process_guid: string; run_info: string } }>(url);
  await db.updateTable('run_infos').set({ run_info: '{}' }).where('process_guid', '=', processGuid).execute();
  await db.destroy();
}
