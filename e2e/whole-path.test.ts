// @module-tag root
import { randomBytes, randomUUID } from 'node:crypto';
import { type LaunchedPlatform, launchPlatform } from '@slipway/infra';
import {
  CfClient,
  pushImage,
  type RegistryHandle,
  SAMPLE_GREETING,
  sampleImage,
  startAnyRegistry,
} from '@slipway/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { runCommandLine } from './src/command-line.ts';
import { leftovers } from './src/leftovers.ts';
import { startLoad } from './src/steady-load.ts';

const answerSchema = z.object({ greeting: z.string(), index: z.string(), instance: z.string(), user: z.string() });
const NAME = 'whole-path';

describe('the whole path, through the public API', () => {
  const cellId = `e2e-${randomBytes(3).toString('hex')}`;
  let platform: LaunchedPlatform;
  const marks = () => ({ dataDirectory: platform.dataDirectory, cellId });
  let cf: CfClient;
  let registry: RegistryHandle;
  let image: { readonly reference: string; readonly digest: string };
  let spaceGuid: string;
  let appGuid: string;
  let host: string;

  beforeAll(async () => {
    registry = await startAnyRegistry();
    image = await pushImage(registry, 'sample', 'v1', await sampleImage());
    platform = await launchPlatform({ settings: { SLIPWAY_CELL_ID: cellId } });
    cf = new CfClient({ url: platform.url, username: 'admin', password: platform.adminPassword, checkAnswers: true });
  });
  afterAll(async () => {
    await platform?.stop();
    await registry?.stop();
  });

  const ask = async () => answerSchema.parse(JSON.parse((await cf.fetch(host, '/')).body));
  const buildOf = async (reference: string, guid = appGuid): Promise<string> =>
    cf.createBuild(await cf.createPackage(guid, reference));

  test('a push leads to an answering URL, from exactly the image that was staged', async () => {
    spaceGuid = await cf.space('space', await cf.organization('org'));
    appGuid = await cf.createApp(NAME, spaceGuid, { GREETING: 'from the environment' });
    const dropletGuid = await cf.waitForBuild(await buildOf(image.reference));
    const droplet = await cf.droplet(dropletGuid);
    expect(JSON.stringify(droplet)).toContain(image.digest);
    await cf.setDroplet(appGuid, dropletGuid);
    host = await cf.mapRoute(appGuid, spaceGuid, NAME);
    await cf.action(appGuid, 'start');
    const [instance] = await cf.waitForRunning(appGuid, 1);
    await expect.poll(async () => (await cf.fetch(host, '/')).status).toBe(200);
    const answer = await ask();
    expect(answer).toMatchObject({ greeting: 'from the environment', index: '0', user: '1000:1000' });
    expect(answer.greeting).not.toBe(SAMPLE_GREETING);
    expect(answer.instance).toBe(instance?.instance_guid);
    expect((await cf.fetch(host, '/version.txt')).body).toBe('2\n');
    expect((await cf.fetch(host, '/draft.txt')).status).toBe(404);
  });

  test("a host that nobody mapped is the router's own 404", async () => {
    const answer = await cf.fetch(`nobody-${randomUUID()}.apps.localhost`, '/');
    expect(answer.status).toBe(404);
    expect(answer.headers['x-cf-routererror']).toBe('unknown_route');
  });

  test("the app sees the platform's environment above the image's own", async () => {
    const environment = (await cf.fetch(host, '/cgi-bin/env')).body;
    expect(environment).toMatch(/^PORT=8080$/m);
    expect(environment).toMatch(/^CF_INSTANCE_INDEX=0$/m);
    expect(environment).toMatch(/^QUOTED="\$1" 'two'$/m);
    expect(environment).toMatch(/^GREETING=from the environment$/m);
    expect(environment).toMatch(new RegExp(`^VCAP_APPLICATION=.*"application_id":"${appGuid}"`, 'm'));
  });

  test('scaled to 3, each instance gets its turn', async () => {
    await cf.scale(appGuid, 3);
    await cf.waitForRunning(appGuid, 3);
    await expect
      .poll(async () => {
        const answers = await Promise.all(Array.from({ length: 9 }, ask));
        return [...new Set(answers.map(({ index }) => index))].toSorted();
      })
      .toEqual(['0', '1', '2']);
  });

  test('one that crashes is started again, the others serve on', async () => {
    const before = await cf.stats(appGuid);
    const { body } = await cf.fetch(host, '/cgi-bin/crash');
    expect(body).toContain('crashing');
    await expect
      .poll(
        async () => {
          const now = await cf.stats(appGuid);
          const running = now.filter(({ state }) => state === 'RUNNING');
          const replaced = running.filter((n) => !before.some((b) => b.instance_guid === n.instance_guid));
          return { running: running.length, replaced: replaced.length };
        },
        { timeout: 60_000 },
      )
      .toEqual({ running: 3, replaced: 1 });
  });

  test("its lines and the platform's about it are in the log", async () => {
    await expect
      .poll(
        async () => {
          const answer = await cf.fetch('localhost', `/api/v1/read/${appGuid}?envelope_types=LOG&limit=1000`, {
            headers: { authorization: `bearer ${await cf.token()}` },
          });
          const batch = readSchema.parse(JSON.parse(answer.body)).envelopes.batch;
          const kinds = batch.map(({ tags, log }) => `${tags.source_type} ${Buffer.from(log.payload, 'base64')}`);
          return [
            /^STG Staging complete: sha256:/,
            /^CELL Cell \S+ successfully created container for instance/,
            /^APP\/PROC\/WEB from the environment: instance 0 listens on 8080 and 8443/,
            /^APP\/PROC\/WEB asked to crash/,
            /^APP\/PROC\/WEB Exit status 42/,
            /^RTR .*GET \/version\.txt/,
          ].filter((pattern) => !kinds.some((kind) => pattern.test(kind)));
        },
        { timeout: 30_000 },
      )
      .toEqual([]);
  });

  describe('kill -9', () => {
    const services = ['cloud-controller', 'uaa', 'stager', 'scheduler', 'cell-rep', 'log-cache', 'nats-server'];
    const pidOf = async (name: string): Promise<number | undefined> =>
      (await platform.status()).processes.find((p) => p.name === name && p.ready)?.pid;

    /** Kills a service and waits until the supervisor has it back and ready. */
    async function killAndWait(name: string): Promise<void> {
      const pid = await pidOf(name);
      if (pid === undefined) throw new Error(`${name} does not run`);
      process.kill(pid, 'SIGKILL');
      await expect
        .poll(
          async () => {
            const now = await pidOf(name);
            return now !== undefined && now !== pid;
          },
          { timeout: 60_000 },
        )
        .toBe(true);
    }
    const guids = async (): Promise<unknown[]> => (await cf.stats(appGuid)).map((s) => s.instance_guid);

    test.each(services)(
      'of %s: it comes back, the app never stops answering, no instance is replaced',
      async (name) => {
        await cf.waitForRunning(appGuid, 3);
        const before = await guids();
        const load = startLoad(cf, host);
        await killAndWait(name);
        // The service works again, not only its health page: a change goes through everything.
        await cf.scale(appGuid, 4);
        await cf.waitForRunning(appGuid, 4);
        await cf.scale(appGuid, 3);
        await cf.waitForRunning(appGuid, 3);
        const report = await load.stop();
        expect(report.failures).toEqual([]);
        expect(report.requests).toBeGreaterThan(10);
        expect(await guids()).toEqual(before);
      },
    );

    test('of the router: the app answers again once it is back', async () => {
      const load = startLoad(cf, host);
      await killAndWait('router');
      await expect.poll(async () => (await cf.fetch(host, '/version.txt')).status, { timeout: 30_000 }).toBe(200);
      const { failures } = await load.stop();
      // While nobody listens connections are refused or reset; a router that is back must know the routes.
      expect(failures.filter((f) => !/ECONNREFUSED|ECONNRESET|UND_ERR_SOCKET/.test(f))).toEqual([]);
      const after = startLoad(cf, host);
      await cf.stats(appGuid);
      expect((await after.stop()).failures).toEqual([]);
    });
  });

  test('a staging that fails says in which phase and why', async () => {
    const build = await buildOf(`127.0.0.1:${registry.port}/no-such-image:v9`);
    await expect(cf.waitForBuild(build)).rejects.toThrow(/resolve.*no-such-image:v9.*404/s);
  });

  test('with diego_docker off, a build is refused as Cloud Foundry does', async () => {
    const packageGuid = await cf.createPackage(appGuid, image.reference);
    const flag = async (enabled: boolean): Promise<unknown> =>
      cf.call('PATCH', '/v3/feature_flags/diego_docker', z.unknown(), { enabled });
    await flag(false);
    try {
      await expect(cf.createBuild(packageGuid)).rejects.toMatchObject({
        errors: [{ title: expect.stringMatching(/^CF-(DockerDisabled|FeatureDisabled)$/) }],
      });
    } finally {
      await flag(true);
    }
    await cf.waitForRunning(appGuid, 3);
  });

  test('stopped, it answers no more and nothing of it runs', async () => {
    await cf.action(appGuid, 'stop');
    await expect
      .poll(async () => (await cf.fetch(host, '/')).headers['x-cf-routererror'], { timeout: 30_000 })
      .toBe('unknown_route');
    await expect
      .poll(async () => (await leftovers(marks())).filter((l) => /conmon|tini|busybox|veth/.test(l)), {
        timeout: 30_000,
      })
      .toEqual([]);
  });

  test('deleted, it is gone', async () => {
    await cf.deleteApp(appGuid);
    expect(await cf.findApp(NAME, spaceGuid)).toBeUndefined();
  });

  test('a second start on the same data says who runs, and on which port', async () => {
    const settings = { SLIPWAY_DATA_DIR: platform.dataDirectory, SLIPWAY_PORT: String(platform.port) };
    const second = await runCommandLine(['start'], settings);
    expect(await second.exited()).toBe(1);
    expect(second.output()).toContain(`:${platform.port}`);
    expect(second.output()).toMatch(/already runs/);
    await second.dispose();
  });

  test('stopping ends it with nothing left: no process, mount, network, cgroup', async () => {
    expect(await platform.stop()).toBe(0);
    expect(await leftovers(marks())).toEqual([]);
  });
});

const readSchema = z.object({
  envelopes: z.object({
    batch: z.array(z.object({ tags: z.record(z.string(), z.string()), log: z.object({ payload: z.string() }) })),
  }),
});
