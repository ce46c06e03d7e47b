import { randomBytes, randomUUID } from 'node:crypto';
import { migrate, openDatabase } from '@slipway/database';
import { createLogger, createMetrics, generateSealingKeys, Secret } from '@slipway/service-kit';
import { checkAgainstOpenapi } from '@slipway/testing';
import type { Platform } from '../src/actions/platform.ts';
import { migrationsWith } from '../src/adapters/sql/migrations.ts';
import type { Database, Db } from '../src/adapters/sql/schema.ts';
import { seed } from '../src/adapters/sql/seed.ts';
import { type ApiLine, Writer } from '../src/adapters/sql/writer.ts';
import { createTokenVerifier } from '../src/adapters/uaa/token-verifier.ts';
import { createUserDirectory } from '../src/adapters/uaa/user-directory.ts';
import { Vault } from '../src/adapters/vault.ts';
import { linksOf } from '../src/resources/shapes.ts';
import { createApi } from '../src/routes/api.ts';
import type { Api } from '../src/routes/api-context.ts';
import { type Client, createClient } from './client.ts';
import type { TestDatabase } from './test-database.ts';
import { EXTERNAL_URL, type TokenIssuer } from './token-issuer.ts';

/** The API with a real database and without a bus. Every answer is compared with the API's description. */
const SSH = {
  address: 'cf.test:2222',
  fingerprint: 'uNiVztksCsDhcc0u9e8BgrJXVGDw4mwKIUPWNThnKZg',
  md5Fingerprint: '00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff',
};

export interface TestApi {
  readonly db: Db;
  readonly writer: Writer;
  readonly platform: Platform;
  readonly admin: Client;
  readonly as: (authorization: string) => Client;
  readonly lines: readonly ApiLine[];
  readonly log: () => string;
  /** `GET /v3/apps/{guid}` of each endpoint that Fastify knows. */
  readonly endpoints: () => readonly string[];
  stop(): Promise<void>;
}

let described: Promise<Record<string, unknown>> | undefined;

/** The API's own description; every API of a test file has the same. */
function description(api: Api): Promise<Record<string, unknown>> {
  described ??= api.inject('/v3/openapi.json').then((response) => response.json<Record<string, unknown>>());
  return described;
}

export async function startTestApi(database: TestDatabase, issuer: TokenIssuer): Promise<TestApi> {
  const db: Db = openDatabase<Database>(database.url);
  const vault = new Vault(new Secret(randomBytes(32)));
  await migrate(db, migrationsWith(vault));
  await seed(db, { appsDomain: 'apps.localhost', now: new Date().toISOString() });
  const lines: ApiLine[] = [];
  let log = '';
  const logger = createLogger('cloud-controller', 'debug', {
    write: (line) => {
      log += line;
    },
  });
  const platform: Platform = {
    externalUrl: EXTERNAL_URL,
    vault,
    newGuid: randomUUID,
    cellPublicKey: generateSealingKeys().publicKey,
    systemHosts: ['localhost', 'api.apps.localhost'],
    limits: {
      defaultMemoryMb: 1024,
      defaultDiskMb: 1024,
      maximumDiskMb: 2048,
      defaultLogRateBytesPerSecond: -1,
      defaultStartTimeoutS: 60,
      maximumStartTimeoutS: 180,
      stagingTimeoutS: 900,
      buildsPerOrganization: 200,
      networkPoliciesPerSource: 150,
      processUsers: ['app'],
    },
  };
  const now = (): Date => new Date();
  const writer = new Writer({ db, now, onAnnounced: () => undefined, onLine: (line) => lines.push(line) });
  const tokens = createTokenVerifier({ uaaUrl: issuer.uaaUrl, issuer: `${EXTERNAL_URL}/uaa/oauth/token`, logger });
  const users = createUserDirectory({
    uaaUrl: issuer.uaaUrl,
    clientSecret: new Secret(issuer.clientSecret),
    now,
  });
  const api = await createApi(
    { db, writer, platform, link: linksOf(EXTERNAL_URL), ssh: SSH, tokens, users, now, actual: () => undefined },
    { logger, metrics: createMetrics('test'), checkResponses: true },
  );
  const as = (authorization: string): Client =>
    createClient(async ({ method, path, headers, body }) => {
      const response = await api.inject({
        method: method as 'GET',
        url: path,
        headers: { ...headers, ...(authorization === '' ? {} : { authorization }) },
        ...(body === undefined ? {} : { payload: body }),
      });
      const answer = { status: response.statusCode, headers: response.headers, text: response.body };
      checkAgainstOpenapi(await description(api), {
        method,
        path,
        ...answer,
        body: answer.text,
        sent: body?.toString(),
      });
      return answer;
    });
  return {
    db,
    writer,
    platform,
    admin: as(await issuer.token()),
    as,
    lines,
    log: () => log,
    endpoints: () => endpointsOf(api.printRoutes()),
    stop: async () => {
      await api.close();
      await db.destroy();
    },
  };
}

/** The endpoints in Fastify's picture of its routes: a line for each path, indented below the one it begins with. */
function endpointsOf(picture: string): string[] {
  const prefixes: string[] = [];
  return picture.split('\n').flatMap((line) => {
    const [, indent = '', part = '', methods = ''] = /^([│ ├└─]*)(\S*) ?(?:\((.*)\))?$/.exec(line) ?? [];
    const depth = indent.length / 4;
    if (depth === 0) return [];
    prefixes[depth] = (prefixes[depth - 1] ?? '') + part;
    const path = prefixes[depth].replaceAll(/:(\w+)/g, '{$1}').replace('*', '{rest}');
    return methods
      .split(', ')
      .filter((method) => ['GET', 'PUT', 'POST', 'DELETE', 'PATCH'].includes(method))
      .map((method) => `${method} ${path}`);
  });
}
