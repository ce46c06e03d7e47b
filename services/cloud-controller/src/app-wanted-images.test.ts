import { KvView } from '@slipway/bus';
import { buckets, type ImagesFreshness, keys, type WantedImage } from '@slipway/contracts';
import { generateSealingKeys, unseal } from '@slipway/service-kit';
import { describe, expect, test, vi } from 'vitest';
import type { Client } from '../testing/client.ts';
import { createApp, createSpace } from '../testing/fixtures.ts';
import { PATIENCE, useService } from '../testing/service-suite.ts';
import { engines } from '../testing/test-database.ts';

describe.each(engines)('on $engine', ({ create }) => {
  const suite = useService(create);

  /** The bucket as a cell sees it. */
  const follow = async () => {
    const view = await KvView.open<WantedImage | ImagesFreshness>(
      await suite.as('cell-rep', 'cell-1'),
      buckets.wantedImages,
    );
    suite.atEnd(() => view.close());
    const images = (): WantedImage[] =>
      [...view.entries.values()].map(({ value }) => value).filter((value) => 'dropletGuid' in value);
    const marker = (): ImagesFreshness | undefined => {
      const value = view.get(keys.imagesDomain);
      return value !== undefined && 'imageCount' in value ? value : undefined;
    };
    /** Guid of the droplet to whether it is current. */
    const until = (wanted: Record<string, boolean>): Promise<void> =>
      vi.waitFor(() => {
        expect(Object.fromEntries(images().map(({ dropletGuid, current }) => [dropletGuid, current]))).toEqual(wanted);
      }, PATIENCE);
    return { view, images, marker, until };
  };
  const assign = async (client: Client, app: string, droplet: string): Promise<void> => {
    const path = `/v3/apps/${app}/relationships/current_droplet`;
    expect((await client.patch(path, { data: { guid: droplet } })).status).toBe(200);
  };

  test('a droplet is wanted from being current on, also of an app that never started, and never for being staged', async () => {
    const { client } = await suite.start();
    const stager = await suite.as('stager');
    const bucket = await follow();
    const { spaceGuid, organizationGuid } = await createSpace(client);
    const app = await createApp(client, spaceGuid, 'shop');
    const [first, second] = [await suite.stage(client, stager, app), await suite.stage(client, stager, app)];
    await assign(client, app, first);
    await bucket.until({ [first]: true });
    expect(bucket.images()[0]).toMatchObject({
      app: { guid: app, name: 'shop', spaceGuid, organizationGuid },
      image: { registry: 'registry.test:5000', repository: 'team/app', layers: [{ size: 5678 }] },
      placementTags: [],
    });
    await client.patch(`/v3/apps/${app}`, { name: 'store' });
    await vi.waitFor(() => expect(bucket.images()[0]?.app.name).toBe('store'), PATIENCE);
    // It has never run and no revision names it: nothing leads back to it.
    await assign(client, app, second);
    await bucket.until({ [second]: true });
    const deleted = await client.delete(`/v3/apps/${app}`);
    expect(deleted.status).toBe(202);
    await bucket.until({});
  });

  test('what runs stays wanted, and what a revision can be rolled back to, until its droplet goes', async () => {
    const { client } = await suite.start();
    const stager = await suite.as('stager');
    const bucket = await follow();
    const app = await suite.runApp(client, stager);
    const { body } = await client.get(`/v3/apps/${app}/droplets/current`);
    const first: string = body.guid;
    const second = await suite.stage(client, stager, app);
    await assign(client, app, second);
    await bucket.until({ [first]: true, [second]: true });
    await client.post(`/v3/apps/${app}/actions/restart`);
    await bucket.until({ [first]: false, [second]: true });
    // Five that nobody uses are kept besides; then the oldest goes, and its revision cannot be gone back to.
    for (let i = 0; i < 5; i++) await suite.stage(client, stager, app);
    await bucket.until({ [second]: true });
    await client.post(`/v3/apps/${app}/actions/stop`);
    await bucket.until({ [second]: true });
  });

  test('credentials reach the cells sealed, and are written again only when they, or the cells’ key, are others', async () => {
    const { client, service } = await suite.start({ SYNC_INTERVAL_MS: '200' });
    const stager = await suite.as('stager');
    const bucket = await follow();
    const { spaceGuid } = await createSpace(client);
    const app = await createApp(client, spaceGuid);
    const credentials = { username: 'me', password: 'correct horse' };
    const droplet = await suite.stage(client, stager, app, { image: 'p.test/a:1', ...credentials });
    await assign(client, app, droplet);
    await bucket.until({ [droplet]: true });
    const [before] = bucket.images();
    expect(JSON.parse(unseal(before?.image.credentials ?? '', suite.settings.cellKeys))).toEqual(credentials);
    const revision = bucket.view.entries.get(keys.wantedImage(droplet))?.revision;
    const passes = new Set<string | undefined>();
    await vi.waitFor(() => {
      passes.add(bucket.marker()?.refreshedAt);
      expect(passes.size).toBeGreaterThan(3);
    }, PATIENCE);
    expect(bucket.view.entries.get(keys.wantedImage(droplet))?.revision).toBe(revision);
    await service.stop();

    const otherKeys = generateSealingKeys();
    await suite.start({ CELL_PUBLIC_KEY: otherKeys.publicKey });
    const now = (): string => bucket.images()[0]?.image.credentials ?? '';
    await vi.waitFor(() => expect(now()).not.toBe(before?.image.credentials), PATIENCE);
    expect(JSON.parse(unseal(now(), otherKeys))).toEqual(credentials);
  });

  test('what NATS lost comes back as it was, with the marker after it', async () => {
    const { client } = await suite.start();
    const stager = await suite.as('stager');
    const bucket = await follow();
    await suite.runApp(client, stager);
    await vi.waitFor(() => expect(bucket.images()).toHaveLength(1), PATIENCE);
    const before = bucket.images();
    await suite.nats.restart({ wipe: true });
    await vi.waitFor(() => {
      expect(bucket.view.fresh).toBe(true);
      expect(bucket.marker()?.imageCount).toBe(1);
      expect(bucket.images()).toEqual(before);
    }, PATIENCE);
  });
});
