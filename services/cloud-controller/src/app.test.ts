import { randomUUID } from 'node:crypto';
import { publishMessage, startStreamReader } from '@slipway/bus';
import { logEnvelope, stagingResult } from '@slipway/contracts';
import { generateSealingKeys, unseal } from '@slipway/service-kit';
import { describe, expect, test, vi } from 'vitest';
import { createApp, createBuild, createPackage, createSpace, stagedResult } from '../testing/fixtures.ts';
import { buildState, PATIENCE, useService, waitForBuild } from '../testing/service-suite.ts';
import { engines } from '../testing/test-database.ts';

describe.each(engines)('on $engine', ({ engine, create }) => {
  const suite = useService(create);

  test('a build goes out as a staging request whose id is the build, with credentials that only stagers can open', async () => {
    const { client } = await suite.start();
    const requests = await suite.noteRequests(await suite.as('stager'));
    const { spaceGuid } = await createSpace(client);
    const app = await createApp(client, spaceGuid);
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
    expect(JSON.parse(unseal(request?.data.credentials ?? '', suite.settings.stagerKeys))).toEqual(credentials);
  });

  test('a staging result ends its build once, whatever comes after', async () => {
    const { client } = await suite.start();
    const stager = await suite.as('stager');
    const { spaceGuid } = await createSpace(client);
    const app = await createApp(client, spaceGuid);
    const pack = await createPackage(client, app);
    const failed = await createBuild(client, pack);
    const error = { phase: 'authentication' as const, code: 'DENIED', message: 'registry.test says 401' };
    await publishMessage(stager, stagingResult, { outcome: 'failed', buildGuid: failed, error, durationMs: 3 });
    await waitForBuild(client, failed, 'FAILED');
    const { body } = await client.get(`/v3/builds/${failed}`);
    expect(body.error).toBe('StagingError - Staging error: authenticating with the registry: registry.test says 401');
    const staged = await createBuild(client, pack);
    // Late, unknown, twice: none of them counts.
    await publishMessage(stager, stagingResult, stagedResult(failed));
    await publishMessage(stager, stagingResult, stagedResult(randomUUID()));
    await publishMessage(stager, stagingResult, stagedResult(staged));
    await publishMessage(stager, stagingResult, stagedResult(staged));
    await waitForBuild(client, staged, 'STAGED');
    expect(await buildState(client, failed)).toBe('FAILED');
    expect((await client.get(`/v3/apps/${app}/droplets`)).body.resources).toHaveLength(1);
  });

  test('a started app is a desired LRP and the domain is fresh; stopped, it is none', async () => {
    const { client } = await suite.start();
    const view = await suite.followDesired();
    await view.until('the marker of an empty platform', () => view.marker()?.lrpCount === 0);
    const app = await suite.runApp(client, await suite.as('stager'));
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
    const { client, service } = await suite.start();
    const view = await suite.followDesired();
    const stager = await suite.as('stager');
    const { spaceGuid } = await createSpace(client);
    const app = await createApp(client, spaceGuid);
    const credentials = { username: 'me', password: 'correct horse' };
    const droplet = await suite.stage(client, stager, app, { image: 'p.test/a:1', ...credentials });
    await client.patch(`/v3/apps/${app}/relationships/current_droplet`, { data: { guid: droplet } });
    await client.post(`/v3/apps/${app}/actions/start`);
    await view.until('the LRP', () => view.lrps().length === 1);
    const [before] = view.lrps();
    expect(JSON.parse(unseal(before?.image.credentials ?? '', suite.settings.cellKeys))).toEqual(credentials);
    await service.stop();

    const otherKeys = generateSealingKeys();
    await suite.start({ CELL_PUBLIC_KEY: otherKeys.publicKey });
    const now = () => view.lrps()[0]?.image.credentials ?? '';
    await view.until('other credentials', () => now() !== before?.image.credentials);
    expect(JSON.parse(unseal(now(), otherKeys))).toEqual(credentials);
    expect(view.lrps()[0]?.processGuid).toBe(before?.processGuid);
  });

  test('switching images off empties the desired state within the moment, and on again brings it back', async () => {
    const { client } = await suite.start();
    const view = await suite.followDesired();
    await suite.runApp(client, await suite.as('stager'));
    await view.until('the LRP', () => view.lrps().length === 1);
    await client.patch('/v3/feature_flags/diego_docker', { enabled: false });
    await view.until('no LRP', () => view.lrps().length === 0);
    await client.patch('/v3/feature_flags/diego_docker', { enabled: true });
    await view.until('the LRP again', () => view.lrps().length === 1);
  });

  test('the API registers its route and says in the log of an app what was done', async () => {
    const registered = Promise.withResolvers<{ uris: string[]; port: number }>();
    const router = await suite.as('router');
    router.nc.subscribe('router.register', { callback: (_, message) => registered.resolve(message.json()) });
    await router.nc.flush();
    const { client, service } = await suite.start();
    expect(await registered.promise).toMatchObject({
      uris: ['localhost', 'api.example.com'],
      port: service.ports().api,
    });
    const lines: string[] = [];
    const reader = startStreamReader(await suite.as('log-cache'), {
      definition: { ...logEnvelope, stream: 'LOGS' },
      onRestart: () => undefined,
      onCaughtUp: () => undefined,
      onMessage: ({ data }) => {
        lines.push(`${data.sourceType} ${Buffer.from(data.payload, 'base64').toString()}`);
      },
    });
    suite.atEnd(() => reader.stop());
    const { spaceGuid } = await createSpace(client);
    const app = await createApp(client, spaceGuid);
    await vi.waitFor(() => expect(lines).toContain(`API Created app with guid ${app}`), PATIENCE);
  });

  test('it is ready once everything is synced, and not while NATS is away', async () => {
    const { service } = await suite.start();
    const ready = async (): Promise<string> =>
      (await fetch(`http://127.0.0.1:${service.ports().health}/readyz`)).text();
    await vi.waitFor(async () => expect(await ready()).toBe('ready\n'), PATIENCE);
    await suite.nats.kill();
    await vi.waitFor(async () => expect(await ready()).toContain('NATS'), PATIENCE);
    await suite.nats.restart();
    await vi.waitFor(async () => expect(await ready()).toBe('ready\n'), PATIENCE);
    const metrics = await (await fetch(`http://127.0.0.1:${service.ports().health}/metrics`)).text();
    expect(metrics).toContain('slipway_outbox_rows');
  });

  if (engine === 'sqlite') return;

  test('two processes share one database', async () => {
    const one = await suite.start();
    const two = await suite.start();
    const view = await suite.followDesired();
    const stager = await suite.as('stager');
    const requests = await suite.noteRequests(stager);
    const app = await suite.runApp(one.client, stager);
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
