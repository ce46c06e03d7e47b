import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { KvStore } from '@slipway/bus';
import { buckets, jetStreamPrefix, keys } from '@slipway/contracts';
import { openDatabase } from '@slipway/database';
import { describe, expect, test, vi } from 'vitest';
import { createApp, createBuild, createPackage, createSpace } from '../testing/fixtures.ts';
import { PATIENCE, useService } from '../testing/service-suite.ts';
import { engines } from '../testing/test-database.ts';

describe.each(engines)('on $engine', ({ create }) => {
  const suite = useService(create);

  test('what NATS lost comes back: the LRPs as they were, the marker, and requests without an answer', async () => {
    const { client } = await suite.start();
    const view = await suite.followDesired();
    const stager = await suite.as('stager');
    const app = await suite.runApp(client, stager);
    await view.until('the LRP', () => view.lrps().length === 1);
    const before = view.lrps();
    const build = await createBuild(client, await createPackage(client, app));
    await suite.nats.restart({ wipe: true });
    await view.until('everything again', () => view.lrps().length === 1 && view.marker() !== undefined);
    expect(view.lrps()).toEqual(before);
    const requests = await suite.noteRequests(stager);
    await vi.waitFor(() => expect(requests.map(({ id }) => id)).toContain(build), PATIENCE);
  });

  test('what was committed while NATS was away is told when it is back, even if the process died in between', async () => {
    const { child, client } = await suite.spawn();
    const stager = await suite.as('stager');
    const view = await suite.followDesired();
    const app = await suite.runApp(client, stager);
    await view.until('the LRP', () => view.lrps().length === 1);
    await suite.nats.kill();
    const build = await createBuild(client, await createPackage(client, app));
    const scaled = await client.post(`/v3/apps/${app}/processes/web/actions/scale`, { instances: 3 });
    expect(scaled.status).toBe(202);
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
    await suite.nats.restart();
    await suite.spawn();
    await view.until('three instances', () => view.lrps()[0]?.instances === 3);
    const requests = await suite.noteRequests(stager);
    await vi.waitFor(() => expect(requests.map(({ id }) => id)).toContain(build), PATIENCE);
  });

  test('records that are not desired, or cannot be read, are put right by the full pass', async () => {
    const { client, service } = await suite.start();
    const view = await suite.followDesired();
    const app = await suite.runApp(client, await suite.as('stager'));
    await view.until('the LRP', () => view.lrps().length === 1);
    await service.stop();
    const [good] = view.lrps();
    const guid = good?.processGuid ?? '';
    const bus = await suite.as('cloud-controller');
    const store = await KvStore.open(bus, buckets.desiredLrps);
    const stray = `${randomUUID()}-${randomUUID()}`;
    if (good !== undefined) await store.put(keys.desiredLrp(stray), { ...good, processGuid: stray });
    bus.nc.publish(`${jetStreamPrefix}.$KV.desired-lrps.${keys.desiredLrp(guid)}`, '{"v":1,"broken":true}');
    await bus.nc.flush();
    const marker = view.marker()?.refreshedAt;
    await suite.start();
    await view.until('another marker', () => view.marker()?.refreshedAt !== marker);
    expect(view.lrps()).toEqual([good]);
    expect(view.lrps()[0]?.app.guid).toBe(app);
    expect((await store.get(keys.desiredLrp(guid)))?.value).toEqual(good);
  });

  test('one process whose record cannot be made keeps neither the others nor freshness back', async () => {
    const { client, service } = await suite.start();
    const view = await suite.followDesired();
    const stager = await suite.as('stager');
    const app = await suite.runApp(client, stager);
    await view.until('the LRP', () => view.lrps().length === 1);
    const { spaceGuid } = await createSpace(client);
    const other = await createApp(client, spaceGuid);
    const droplet = await suite.stage(client, stager, other);
    await client.patch(`/v3/apps/${other}/relationships/current_droplet`, { data: { guid: droplet } });
    await client.post(`/v3/apps/${other}/actions/start`);
    await view.until('both LRPs', () => view.lrps().length === 2);
    await service.stop();
    await breakRunInfo(suite.database.url, app);
    const marker = view.marker()?.refreshedAt;
    await suite.start();
    await view.until('another marker', () => view.marker()?.refreshedAt !== marker);
    // Its record stays, so its instances are left alone.
    expect(
      view
        .lrps()
        .map((lrp) => lrp.app.guid)
        .toSorted(),
    ).toEqual([app, other].toSorted());
  });
});

async function breakRunInfo(url: string, processGuid: string): Promise<void> {
  const db = openDatabase<{ run_infos: { process_guid: string; run_info: string } }>(url);
  await db.updateTable('run_infos').set({ run_info: '{}' }).where('process_guid', '=', processGuid).execute();
  await db.destroy();
}
