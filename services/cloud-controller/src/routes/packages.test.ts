import { describe, expect, test } from 'vitest';
import { useApi } from '../../testing/api-suite.ts';
import { errorOf } from '../../testing/client.ts';
import { createApp, createBuild, createPackage, createSpace } from '../../testing/fixtures.ts';
import { engines } from '../../testing/test-database.ts';
import { purposes } from '../domain/secrets/purposes.ts';

describe.each(engines)('on $engine', ({ create }) => {
  const suite = useApi(create);
  const secret = { image: 'registry.test/app:1', username: 'robot', password: 'beep-beep' };
  const passwordOf = async (guid: string): Promise<string> => {
    const row = await suite.api.db
      .selectFrom('packages')
      .select('password')
      .where('guid', '=', guid)
      .executeTakeFirstOrThrow();
    return suite.api.platform.vault.decrypt(row.password ?? '', purposes.packagePassword(guid));
  };
  const copy = (source: string, app: string) =>
    suite.api.admin.post(`/v3/packages?source_guid=${source}`, { relationships: { app: { data: { guid: app } } } });

  describe('packages', () => {
    test('are copied from app to app with what opens their registry', async () => {
      const { admin } = suite.api;
      const [from, to] = [await createApp(admin, suite.spaceGuid), await createApp(admin, suite.spaceGuid)];
      const source = await createPackage(admin, from, secret);
      const copied = await copy(source, to);
      expect([copied.status, copied.body]).toMatchObject([
        201,
        {
          state: 'READY',
          data: { image: secret.image, username: 'robot' },
          relationships: { app: { data: { guid: to } } },
        },
      ]);
      expect(await passwordOf(copied.body.guid)).toBe(secret.password);
      expect(errorOf(await copy(source, from)).detail).toBe('Source and destination app cannot be the same');
      expect(errorOf(await copy('nothing', to)).detail).toContain('Source package is invalid');
      expect(errorOf(await admin.post('/v3/packages', { relationships: { app: { data: { guid: to } } } })).status).toBe(
        422,
      );
    });

    test('get new credentials, which stay unseen', async () => {
      const { admin } = suite.api;
      const guid = await createPackage(admin, await createApp(admin, suite.spaceGuid), secret);
      const changed = await admin.patch(`/v3/packages/${guid}`, {
        password: 'boop-boop',
        metadata: { labels: { a: 'b' } },
      });
      expect(changed.body).toMatchObject({ data: { username: 'robot' }, metadata: { labels: { a: 'b' } } });
      expect(await passwordOf(guid)).toBe('boop-boop');
      const events = await admin.get('/v3/audit_events?types=audit.app.package.update');
      expect(changed.text + events.text + suite.api.log()).not.toContain('boop-boop');
      const open = await createPackage(admin, await createApp(admin, suite.spaceGuid));
      expect(errorOf(await admin.patch(`/v3/packages/${open}`, { username: 'robot' })).detail).toBe(
        'Data username and password must be given together',
      );
    });

    test('are deleted, but not while they are staged', async () => {
      const { admin } = suite.api;
      const guid = await createPackage(admin, await createApp(admin, suite.spaceGuid));
      expect((await admin.delete(`/v3/packages/${guid}`)).status).toBe(202);
      expect((await admin.get(`/v3/packages/${guid}`)).status).toBe(404);
      const staging = await createPackage(admin, await createApp(admin, suite.spaceGuid));
      await createBuild(admin, staging);
      expect(errorOf(await admin.delete(`/v3/packages/${staging}`)).detail).toContain('is being staged');
    });
  });

  test('droplets are deleted, but not those that are used', async () => {
    const { admin } = suite.api;
    const { spaceGuid } = await createSpace(admin);
    const app = await createApp(admin, spaceGuid);
    const [running, current, free] = [await suite.stage(app), await suite.stage(app), await suite.stage(app)];
    await suite.assign(app, running);
    await admin.post(`/v3/apps/${app}/actions/start`);
    await suite.assign(app, current);
    for (const used of [running, current]) {
      expect(errorOf(await admin.delete(`/v3/droplets/${used}`)).detail).toContain('currently used');
    }
    const labelled = await admin.patch(`/v3/droplets/${free}`, { metadata: { labels: { a: 'b' } } });
    expect(labelled.body.metadata.labels).toEqual({ a: 'b' });
    expect((await admin.delete(`/v3/droplets/${free}`)).status).toBe(202);
    expect((await admin.get(`/v3/droplets/${free}`)).status).toBe(404);
  });
});
