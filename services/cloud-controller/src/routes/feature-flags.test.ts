import { describe, expect, test } from 'vitest';
import { useApi } from '../../testing/api-suite.ts';
import { errorOf } from '../../testing/client.ts';
import { createApp, createPackage } from '../../testing/fixtures.ts';
import { engines } from '../../testing/test-database.ts';

describe.each(engines)('on $engine', ({ create }) => {
  const suite = useApi(create);

  describe('the feature flag diego_docker', () => {
    const set = (enabled: boolean, message: string | null = null) =>
      suite.api.admin.patch('/v3/feature_flags/diego_docker', { enabled, custom_error_message: message });

    test('starts as on, and off it refuses builds, starts and apps, even to administrators', async () => {
      const app = await createApp(suite.api.admin, suite.spaceGuid);
      const pack = await createPackage(suite.api.admin, app);
      await suite.assign(app, await suite.stage(app));
      await suite.api.admin.post(`/v3/apps/${app}/actions/start`);
      const flag = await suite.api.admin.get('/v3/feature_flags/diego_docker');
      expect(flag.body).toMatchObject({ enabled: true, custom_error_message: null });
      try {
        expect((await set(false)).body.enabled).toBe(false);
        const refused = {
          status: 403,
          code: 330002,
          title: 'CF-FeatureDisabled',
          detail: 'Feature Disabled: diego_docker',
        };
        expect(errorOf(await suite.api.admin.post('/v3/builds', { package: { guid: pack } }))).toEqual(refused);
        expect(errorOf(await suite.api.admin.post(`/v3/apps/${app}/actions/restart`))).toEqual(refused);
        await expect(createApp(suite.api.admin, suite.spaceGuid)).rejects.toThrow('CF-FeatureDisabled');
        // Nothing is desired while it is off, though the app counts as started.
        expect(await suite.lrpsOf(app)).toEqual([]);
        expect((await suite.outbox()).at(-1)).toBe('sync ');
        await set(false, 'ask the platform team');
        const custom = await suite.api.admin.post('/v3/builds', { package: { guid: pack } });
        expect(errorOf(custom).detail).toBe('Feature Disabled: ask the platform team');
      } finally {
        await set(true);
      }
      expect(await suite.lrpsOf(app)).toHaveLength(1);
    });

    test('is listed with the others, and only administrators set it', async () => {
      const list = await suite.api.admin.get('/v3/feature_flags?per_page=5000');
      expect(list.body.resources.map((flag: { name: string }) => flag.name)).toContain('diego_docker');
      expect(errorOf(await suite.api.admin.get('/v3/feature_flags/none')).detail).toBe('Feature flag not found');
      const user = suite.api.as(
        await suite.issuer.token({ userGuid: 'user', scopes: ['cloud_controller.read', 'cloud_controller.write'] }),
      );
      expect((await user.get('/v3/feature_flags/diego_docker')).status).toBe(200);
      expect(errorOf(await user.patch('/v3/feature_flags/diego_docker', { enabled: false })).status).toBe(403);
    });
  });
});
