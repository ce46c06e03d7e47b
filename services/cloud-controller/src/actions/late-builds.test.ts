import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createApp, createBuild, createPackage, createSpace, stagedResult } from '../../testing/fixtures.ts';
import { startTestApi, type TestApi } from '../../testing/test-api.ts';
import { engines, type TestDatabase } from '../../testing/test-database.ts';
import { startTokenIssuer, type TokenIssuer } from '../../testing/token-issuer.ts';
import { failLateBuilds } from '../handlers/late-builds.ts';
import { finishBuild, requestStagingAgain } from './staging.ts';

describe.each(engines)('on $engine', ({ create }) => {
  let issuer: TokenIssuer;
  let database: TestDatabase;
  let api: TestApi;
  beforeAll(async () => {
    issuer = await startTokenIssuer();
    database = await create();
    api = await startTestApi(database, issuer);
  });
  afterAll(async () => {
    await api.stop();
    await database.remove();
    await issuer.stop();
  });

  const MINUTE_MS = 60_000;
  const inMinutes = (minutes: number) => (): Date => new Date(Date.now() + minutes * MINUTE_MS);

  test('a build that nobody answers fails after the staging timeout, and its result counts no more', async () => {
    const { spaceGuid } = await createSpace(api.admin);
    const app = await createApp(api.admin, spaceGuid);
    const pack = await createPackage(api.admin, app);
    const build = await createBuild(api.admin, pack);
    expect(await failLateBuilds(api.writer, api.platform, inMinutes(14))).toBe(0);
    expect(await failLateBuilds(api.writer, api.platform, inMinutes(16))).toBe(1);
    const { body } = await api.admin.get(`/v3/builds/${build}`);
    expect(body).toMatchObject({
      state: 'FAILED',
      error: 'StagingTimeExpired - Staging time expired: no stager had a result within 900 s',
    });
    expect(await api.writer.write((unit) => finishBuild(unit, api.platform, stagedResult(build)))).toBe(false);
    // The next one may begin.
    await createBuild(api.admin, pack);
  });

  test('builds that wait are asked for again, others are not', async () => {
    const { spaceGuid } = await createSpace(api.admin);
    const waiting = await createBuild(api.admin, await createPackage(api.admin, await createApp(api.admin, spaceGuid)));
    const staged = await createBuild(api.admin, await createPackage(api.admin, await createApp(api.admin, spaceGuid)));
    await api.writer.write((unit) => finishBuild(unit, api.platform, stagedResult(staged)));
    await api.db.deleteFrom('outbox').execute();
    await api.writer.write((unit) => requestStagingAgain(unit));
    const subjects = (await api.db.selectFrom('outbox').select('subject').execute()).map(({ subject }) => subject);
    expect(subjects).toContain(waiting);
    expect(subjects).not.toContain(staged);
  });
});
