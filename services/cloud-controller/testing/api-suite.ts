import { afterAll, beforeAll } from 'vitest';
import { openRunInfo } from '../src/actions/run-infos.ts';
import { finishBuild } from '../src/actions/staging.ts';
import { type LrpRow, loadAllLrps } from '../src/adapters/sql/lrp-rows.ts';
import type { RunInfo } from '../src/domain/lrp/run-info.ts';
import type { Answer } from './client.ts';
import { createBuild, createPackage, createSpace, stagedResult } from './fixtures.ts';
import { startTestApi, type TestApi } from './test-api.ts';
import type { TestDatabase } from './test-database.ts';
import { startTokenIssuer, type TokenIssuer } from './token-issuer.ts';

type Lrp = Omit<LrpRow, 'runInfo'> & { readonly runInfo: RunInfo };

/** One API with an organization and a space for all tests of a `describe`. */
export interface ApiSuite {
  readonly api: TestApi;
  readonly issuer: TokenIssuer;
  readonly organizationGuid: string;
  readonly spaceGuid: string;
  /** Stages an app's package as a stager would; the droplet's guid. */
  stage(appGuid: string, execution?: Parameters<typeof stagedResult>[1]): Promise<string>;
  assign(appGuid: string, dropletGuid: string): Promise<Answer>;
  /** `<kind> <subject>` of each row. */
  outbox(): Promise<string[]>;
  /** What shall run of an app. */
  lrpsOf(appGuid: string): Promise<Lrp[]>;
}

export function useApi(create: () => Promise<TestDatabase>): ApiSuite {
  let issuer: TokenIssuer;
  let database: TestDatabase;
  let api: TestApi;
  let spaceGuid: string;
  let organizationGuid: string;
  beforeAll(async () => {
    issuer = await startTokenIssuer();
    database = await create();
    api = await startTestApi(database, issuer);
    ({ spaceGuid, organizationGuid } = await createSpace(api.admin));
  });
  afterAll(async () => {
    await api.stop();
    await database.remove();
    await issuer.stop();
  });
  return {
    get api() {
      return api;
    },
    get issuer() {
      return issuer;
    },
    get organizationGuid() {
      return organizationGuid;
    },
    get spaceGuid() {
      return spaceGuid;
    },
    stage: async (appGuid, execution = {}) => {
      const build = await createBuild(api.admin, await createPackage(api.admin, appGuid));
      await api.writer.write((unit) => finishBuild(unit, api.platform, stagedResult(build, execution)));
      const { body } = await api.admin.get(`/v3/builds/${build}`);
      return body.droplet.guid;
    },
    assign: (appGuid, dropletGuid) =>
      api.admin.patch(`/v3/apps/${appGuid}/relationships/current_droplet`, { data: { guid: dropletGuid } }),
    outbox: async () => {
      const rows = await api.db.selectFrom('outbox').select(['kind', 'subject']).orderBy('id').execute();
      return rows.map((row) => `${row.kind} ${row.subject}`);
    },
    lrpsOf: async (appGuid) => {
      const found: Lrp[] = [];
      for await (const page of loadAllLrps(api.db)) {
        found.push(
          ...page.map((row) => ({ ...row, runInfo: openRunInfo(api.platform, row.processGuid, row.runInfo) })),
        );
      }
      return found.filter(({ runInfo }) => runInfo.app.guid === appGuid);
    },
  };
}
