import { describe, expect, test } from 'vitest';
import { useApi } from '../../testing/api-suite.ts';
import { errorOf } from '../../testing/client.ts';
import { createApp, createBuild, createPackage, createSpace, stagedResult } from '../../testing/fixtures.ts';
import { engines } from '../../testing/test-database.ts';
import { createBuild as createBuildOf, finishBuild } from '../actions/staging.ts';

describe.each(engines)('on $engine', ({ create }) => {
  const suite = useApi(create);

  describe('packages', () => {
    test('are ready at once, and their password is kept and never shown', async () => {
      const app = await createApp(suite.api.admin, suite.spaceGuid);
      const password = 'correct horse battery staple';
      const answer = await suite.api.admin.post('/v3/packages', {
        type: 'docker',
        relationships: { app: { data: { guid: app } } },
        data: { image: 'private/app:1', username: 'me', password },
      });
      expect(answer.status).toBe(201);
      expect(answer.body).toMatchObject({
        state: 'READY',
        data: { image: 'private/app:1', username: 'me', password: '***' },
      });
      const rows = await suite.api.db.selectFrom('packages').selectAll().where('app_guid', '=', app).execute();
      expect(JSON.stringify(rows)).not.toContain(password);
      expect(suite.api.log()).not.toContain(password);
      const listed = await suite.api.admin.get(
        `/v3/packages?app_guids=${app}&states=READY&order_by=-created_at&per_page=1`,
      );
      expect(listed.body.resources).toEqual([answer.body]);
    });

    test.each([
      [{ image: '' }, "Data image can't be blank"],
      [{}, "Data image can't be blank"],
      [{ image: 'x', username: 'me' }, 'Data username and password must be given together'],
    ])('%j are refused', async (data, detail) => {
      const app = await createApp(suite.api.admin, suite.spaceGuid);
      await expect(createPackage(suite.api.admin, app, data)).rejects.toThrow(detail);
    });
  });

  describe('builds', () => {
    test('one organization has only so many under way, and others are not counted among them', async () => {
      const { admin, db, platform, writer } = suite.api;
      const limited = { ...platform, limits: { ...platform.limits, buildsPerOrganization: 2 } };
      const caller = { admin: true, userGuid: 'admin-guid', userName: 'admin', email: null };
      const wish = { memoryMb: undefined, diskMb: undefined, logRateBytesPerSecond: undefined, metadata: undefined };
      const build = async (spaceGuid: string): Promise<string> => {
        const guid = await createPackage(admin, await createApp(admin, spaceGuid));
        const pack = await db.selectFrom('packages').selectAll().where('guid', '=', guid).executeTakeFirstOrThrow();
        return (await writer.write((unit) => createBuildOf(unit, limited, caller, pack, wish))).guid;
      };
      const [crowded, quiet] = [(await createSpace(admin)).spaceGuid, (await createSpace(admin)).spaceGuid];
      const first = await build(crowded);
      await build(crowded);
      await expect(build(crowded)).rejects.toThrow('The organization has 2 builds that are being staged');
      await build(quiet);
      await writer.write((unit) => finishBuild(unit, platform, stagedResult(first)));
      await build(crowded);
    });

    test('wait for a stager, become a droplet, and give the app what to run', async () => {
      const app = await createApp(suite.api.admin, suite.spaceGuid);
      const pack = await createPackage(suite.api.admin, app);
      const build = await createBuild(suite.api.admin, pack);
      expect((await suite.api.admin.get(`/v3/builds/${build}`)).body).toMatchObject({
        state: 'STAGING',
        error: null,
        droplet: null,
        package: { guid: pack },
        created_by: { guid: 'admin-guid', name: 'admin' },
      });
      expect((await suite.outbox()).at(-1)).toBe(`staging-request ${build}`);
      const second = await suite.api.admin.post('/v3/builds', { package: { guid: pack } });
      expect(errorOf(second)).toMatchObject({ status: 422, code: 170017, title: 'CF-StagingInProgress' });

      const finish = () => suite.api.writer.write((unit) => finishBuild(unit, suite.api.platform, stagedResult(build)));
      expect(await finish()).toBe(true);
      const staged = await suite.api.admin.get(`/v3/builds/${build}`);
      expect(staged.body).toMatchObject({ state: 'STAGED', error: null });
      // The same answer once more changes nothing.
      expect(await finish()).toBe(false);
      const droplets = await suite.api.admin.get(`/v3/packages/${pack}/droplets?states=STAGED`);
      expect(droplets.body.resources).toHaveLength(1);
      const droplet = droplets.body.resources[0];
      expect(droplet).toMatchObject({
        guid: staged.body.droplet.guid,
        state: 'STAGED',
        image: `registry.test:5000/team/app:1@sha256:${'a'.repeat(64)}`,
        image_digests: { manifest: `sha256:${'a'.repeat(64)}`, index: null },
        process_types: { web: '/bin/server --dir /www' },
      });
      const related = await suite.assign(app, droplet.guid);
      expect(related.body.data).toEqual({ guid: droplet.guid });
      expect((await suite.api.admin.get(`/v3/apps/${app}/droplets/current`)).body).toEqual(droplet);
    });

    test('fail with the step and the cause', async () => {
      const app = await createApp(suite.api.admin, suite.spaceGuid);
      const build = await createBuild(suite.api.admin, await createPackage(suite.api.admin, app));
      await suite.api.writer.write((unit) =>
        finishBuild(unit, suite.api.platform, {
          outcome: 'failed',
          buildGuid: build,
          error: { phase: 'resolve', code: 'NOT_FOUND', message: 'registry.test:5000/team/app has no tag 1' },
          durationMs: 5,
        }),
      );
      const { body } = await suite.api.admin.get(`/v3/builds/${build}`);
      expect(body.state).toBe('FAILED');
      expect(body.error).toBe(
        'StagingError - Staging error: resolving the image: registry.test:5000/team/app has no tag 1',
      );
      const late = await suite.api.writer.write((unit) => finishBuild(unit, suite.api.platform, stagedResult(build)));
      expect(late).toBe(false);
      expect(suite.api.lines.filter((line) => line.appGuid === app).at(-1)).toMatchObject({ stream: 'ERR' });
    });

    test('of a package that is not there are refused', async () => {
      const answer = await suite.api.admin.post('/v3/builds', { package: { guid: 'none' } });
      expect(errorOf(answer)).toMatchObject({
        status: 422,
        detail: 'Unable to use package. Ensure that the package exists and you have access to it.',
      });
    });
  });
});
