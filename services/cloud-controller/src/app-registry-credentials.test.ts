import { KvStore, publishMessage, startWorkQueue } from '@slipway/bus';
import {
  buckets,
  type DesiredLrp,
  type DesiredTask,
  keys,
  type Message,
  type RegistryCheckRequest,
  registryCheckRequest,
  registryCheckResult,
  type TaskRecord,
  type WantedImage,
} from '@slipway/contracts';
import { generateSealingKeys, type SealingKeys, unseal } from '@slipway/service-kit';
import { describe, expect, test, vi } from 'vitest';
import type { Client } from '../testing/client.ts';
import { createApp, createBuild, createPackage, createSpace } from '../testing/fixtures.ts';
import { PATIENCE, type ServiceSuite, useService } from '../testing/service-suite.ts';
import { engines } from '../testing/test-database.ts';

/** That of the images of the fixtures. */
const REGISTRY = 'registry.test:5000';
const one = (guid: string) => ({ data: { guid } });
const opened = (sealed: string | undefined, sealing: SealingKeys): unknown =>
  sealed === undefined ? undefined : JSON.parse(unseal(sealed, sealing));

describe.each(engines)('registry credentials, on $engine', ({ create }) => {
  const suite = useService(create);

  /** A stager that knows the passwords that registries take. */
  const beStager = async (good: ReadonlySet<string>) => {
    const bus = await suite.as('stager');
    const asked: Message<RegistryCheckRequest>[] = [];
    const queue = await startWorkQueue(bus, {
      definition: registryCheckRequest,
      durable: 'stager',
      concurrency: 1,
      handle: async (message) => {
        asked.push(message);
        const { checkGuid, credentials } = message.data;
        const { password } = opened(credentials, suite.settings.stagerKeys) as { password: string };
        const answer = good.has(password)
          ? ({ outcome: 'accepted', detail: 'it answered 200' } as const)
          : ({ outcome: 'refused', code: 'REGISTRY_UNAUTHORIZED', detail: 'it answered 401' } as const);
        await publishMessage(bus, registryCheckResult, { checkGuid, ...answer, durationMs: 1 });
      },
    });
    suite.atEnd(() => queue.stop());
    return { bus, asked };
  };
  const untilState = async (client: Client, guid: string, state: string): Promise<void> => {
    await vi.waitFor(async () => {
      const { body } = await client.get(`/v3/registry_credentials/${guid}`);
      if (body.verification.state !== state) throw new Error(`it is ${body.verification.state}`);
    }, PATIENCE);
  };
  const make = async (client: Client, name: string, relationships: object, more = {}): Promise<string> => {
    const body = { name, registry: REGISTRY, username: name, password: 'first', relationships, ...more };
    const answer = await client.post('/v3/registry_credentials', body);
    expect([answer.status, answer.text]).toEqual([202, answer.text]);
    await untilState(client, answer.body.guid, 'verified');
    return answer.body.guid;
  };
  const untilLrp = async (
    view: Awaited<ReturnType<ServiceSuite['followDesired']>>,
    username: string | undefined,
    password?: string,
    sealing = suite.settings.cellKeys,
  ): Promise<DesiredLrp> => {
    const expected = username === undefined ? undefined : JSON.stringify({ username, password });
    const fits = (lrp: DesiredLrp): boolean => {
      try {
        const { credentials } = lrp.image;
        return (credentials === undefined ? undefined : unseal(credentials, sealing)) === expected;
      } catch {
        // Sealed to another key.
        return false;
      }
    };
    await view.until(`an LRP with ${expected}`, () => view.lrps().length === 1 && view.lrps().every(fits));
    return view.lrps()[0] as DesiredLrp;
  };

  test('are what builds are staged with: the space before the organization, the longest prefix, the package first', async () => {
    const { client } = await suite.start();
    const { bus } = await beStager(new Set(['first']));
    const { spaceGuid, organizationGuid } = await createSpace(client, 'dev');
    const requests = await suite.noteRequests(bus);
    const stage = async (image: string, login = {}) => {
      const app = await createApp(client, spaceGuid);
      const build = await createBuild(client, await createPackage(client, app, { image, ...login }));
      return vi.waitFor(() => {
        const request = requests.find(({ data }) => data.buildGuid === build);
        if (request === undefined) throw new Error('not asked yet');
        return [request.data.credentialsOf, opened(request.data.credentials, suite.settings.stagerKeys)];
      }, PATIENCE);
    };
    const as = (username: string) => ({ username, password: 'first' });
    await make(client, 'org', { organization: one(organizationGuid) });
    await make(client, 'org-team', { organization: one(organizationGuid) }, { repository_prefix: 'team/' });
    const ofOrganization = (name: string) => `the registry credentials "${name}" of organization "org-of-dev"`;
    expect(await stage(`${REGISTRY}/x`)).toEqual([ofOrganization('org'), as('org')]);
    expect(await stage(`${REGISTRY}/team/app:1`)).toEqual([ofOrganization('org-team'), as('org-team')]);
    await make(client, 'space', { space: one(spaceGuid) });
    expect(await stage(`${REGISTRY}/team/app:1`)).toEqual([
      'the registry credentials "space" of space "dev"',
      as('space'),
    ]);
    const own = { username: 'own', password: 'of the package' };
    expect(await stage(`${REGISTRY}/team/app:1`, own)).toEqual([undefined, own]);
    expect(await stage('elsewhere.test/x')).toEqual([undefined, undefined]);
    expect(await stage('Not A Reference')).toEqual([undefined, undefined]);
  });

  test('are rewritten in place when they are rotated: no new process guid, no new version', async () => {
    const { client } = await suite.start();
    const { bus, asked } = await beStager(new Set(['first', 'second']));
    const view = await suite.followDesired();
    const app = await suite.runApp(client, bus);
    const { body } = await client.get(`/v3/apps/${app}`);
    const space = body.relationships.space.data.guid;
    const before = await untilLrp(view, undefined);
    const guid = await make(client, 'ci', { space: one(space) });
    const [{ data: question } = { data: undefined }] = asked;
    expect(question).toMatchObject({ registry: REGISTRY });
    const first = await untilLrp(view, 'ci', 'first');
    const untouched = (lrp: DesiredLrp) => {
      const { credentials: _, ...image } = lrp.image;
      return { ...lrp, image };
    };
    expect(untouched(first)).toEqual(untouched(before));
    // A rejected one changes nothing; a good one is what the next start uses.
    await client.patch(`/v3/registry_credentials/${guid}`, { password: 'wrong' });
    await untilState(client, guid, 'failed');
    await client.patch(`/v3/registry_credentials/${guid}`, { password: 'second' });
    const second = await untilLrp(view, 'ci', 'second');
    expect(untouched(second)).toEqual(untouched(before));
    // Written once: what is sealed stays the same text until it is another password.
    await client.patch(`/v3/apps/${app}`, { metadata: { labels: { a: 'b' } } });
    await client.post(`/v3/processes/${app}/actions/scale`, { instances: 2 });
    await view.until('two instances', () => view.lrps()[0]?.instances === 2);
    expect(view.lrps()[0]?.image.credentials).toBe(second.image.credentials);
    await client.delete(`/v3/registry_credentials/${guid}`);
    expect(untouched(await untilLrp(view, undefined))).toEqual({
      ...untouched(second),
      instances: 2,
      updatedAt: expect.anything(),
    });
  });

  test('reach tasks and the images that cells keep, and follow a new key of the cells', async () => {
    // At once, and not with the next full pass.
    const rarely = { SYNC_INTERVAL_MS: '3600000' };
    const { client, service } = await suite.start(rarely);
    const { bus } = await beStager(new Set(['first', 'second']));
    const view = await suite.followDesired();
    const app = await suite.runApp(client, bus);
    const { body } = await client.get(`/v3/apps/${app}`);
    const guid = await make(client, 'ci', { space: one(body.relationships.space.data.guid) });
    const task = (await client.post(`/v3/apps/${app}/tasks`, { command: 'x' })).body.guid;
    const scheduler = await suite.as('scheduler');
    const tasks = await KvStore.open<TaskRecord>(scheduler, buckets.tasks);
    const cell = await suite.as('cell-rep', 'cell-1');
    const images = await KvStore.open(cell, buckets.wantedImages);
    const droplet = (await client.get(`/v3/apps/${app}/droplets/current`)).body.guid;
    const everywhere = async (sealing: SealingKeys) => {
      const desired = (await tasks.get(keys.desiredTask(task)))?.value as DesiredTask | undefined;
      const wanted = (await images.get(keys.wantedImage(droplet)))?.value as WantedImage | undefined;
      return {
        task: opened(desired?.image.credentials, sealing),
        image: opened(wanted?.image.credentials, sealing),
        lrp: opened(view.lrps()[0]?.image.credentials, sealing),
      };
    };
    const untilEverywhere = (password: string, sealing: SealingKeys): Promise<void> => {
      const login = { username: 'ci', password };
      return vi.waitFor(async () => {
        expect(await everywhere(sealing)).toEqual({ task: login, image: login, lrp: login });
      }, PATIENCE);
    };
    await untilEverywhere('first', suite.settings.cellKeys);
    await client.patch(`/v3/registry_credentials/${guid}`, { password: 'second' });
    await untilEverywhere('second', suite.settings.cellKeys);
    await service.stop();
    const other = generateSealingKeys();
    await suite.start({ ...rarely, CELL_PUBLIC_KEY: other.publicKey });
    await untilEverywhere('second', other);
  });

  test('are asked about again when the bus has lost the question', async () => {
    const { client } = await suite.start();
    const { spaceGuid } = await createSpace(client);
    const body = { name: 'ci', registry: REGISTRY, username: 'ci', password: 'first' };
    const answer = await client.post('/v3/registry_credentials', { ...body, relationships: { space: one(spaceGuid) } });
    await suite.nats.kill();
    await suite.nats.restart({ wipe: true });
    await beStager(new Set(['first']));
    await untilState(client, answer.body.guid, 'verified');
  });
});
