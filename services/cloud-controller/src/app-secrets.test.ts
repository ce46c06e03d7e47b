import { randomBytes } from 'node:crypto';
import { publishMessage } from '@slipway/bus';
import { stagingResult } from '@slipway/contracts';
import { openDatabase } from '@slipway/database';
import { unseal } from '@slipway/service-kit';
import { describe, expect, test } from 'vitest';
import type { Client } from '../testing/client.ts';
import { createApp, createBuild, createPackage, createSpace, stagedResult } from '../testing/fixtures.ts';
import { type ServiceSuite, useService, waitForBuild } from '../testing/service-suite.ts';
import { engines, rawContent } from '../testing/test-database.ts';
import type { Database } from './adapters/sql/schema.ts';
import { sealedColumns } from './domain/secrets/purposes.ts';

/** Everything that a user may call a secret, each with a text of its own. */
const canaries = {
  variable: 'canary-app-variable',
  group: 'canary-running-group',
  stagingGroup: 'canary-staging-group',
  service: 'canary-service-credential',
  registry: 'canary-registry-password',
  shared: 'canary-shared-registry-password',
  image: 'canary-image-environment',
  task: 'canary-task-command',
} as const;

/** A started app with all of them. */
async function runAppWithSecrets(suite: ServiceSuite, client: Client): Promise<string> {
  const stager = await suite.as('stager');
  const { spaceGuid } = await createSpace(client);
  await client.patch('/v3/environment_variable_groups/running', { var: { GROUP: canaries.group } });
  await client.patch('/v3/environment_variable_groups/staging', { var: { GROUP: canaries.stagingGroup } });
  const app = await createApp(client, spaceGuid, 'well-kept', { environment_variables: { V: canaries.variable } });
  const relationships = { space: { data: { guid: spaceGuid } } };
  const credentials = { password: canaries.service };
  const service = await client.post('/v3/service_instances', {
    type: 'user-provided',
    name: 'database',
    credentials,
    relationships,
  });
  await client.post('/v3/service_credential_bindings', {
    type: 'app',
    relationships: { app: { data: { guid: app } }, service_instance: { data: { guid: service.body.guid } } },
  });
  const shared = { name: 'ci', registry: 's.test', username: 'ci', password: canaries.shared, relationships };
  // In use, and another that waits.
  const { body: offered } = await client.post('/v3/registry_credentials?force=true', shared);
  await client.patch(`/v3/registry_credentials/${offered.guid}`, { password: canaries.shared });
  const registry = { image: 'p.test/a:1', username: 'me', password: canaries.registry };
  const build = await createBuild(client, await createPackage(client, app, registry));
  await publishMessage(stager, stagingResult, stagedResult(build, { env: [`IMAGE=${canaries.image}`] }));
  await waitForBuild(client, build, 'STAGED');
  const { body } = await client.get(`/v3/builds/${build}`);
  const droplet = { data: { guid: body.droplet.guid } };
  await client.patch(`/v3/apps/${app}/relationships/current_droplet`, droplet);
  const started = await client.post(`/v3/apps/${app}/actions/start`);
  expect(started.status).toBe(200);
  const task = await client.post(`/v3/apps/${app}/tasks`, { command: `echo ${canaries.task}` });
  expect(task.status).toBe(202);
  return app;
}

describe.each(engines)('on $engine', ({ create }) => {
  const suite = useService(create);

  test('no secret is in the database in clear text, though the app runs with all of them', async () => {
    const { client, service } = await suite.start();
    const view = await suite.followDesired();
    const app = await runAppWithSecrets(suite, client);
    await view.until('the LRP', () => view.lrps().length === 1);
    const [lrp] = view.lrps();
    const { variable, group, service: credential, image } = canaries;
    for (const text of [variable, group, credential, image]) expect(JSON.stringify(lrp)).toContain(text);
    expect(unseal(lrp?.image.credentials ?? '', suite.settings.cellKeys)).toContain(canaries.registry);
    // A second version: what the first one left must be gone as well.
    await client.post(`/v3/apps/${app}/actions/restart`);
    const db = openDatabase<Database>(suite.database.url);
    try {
      for (const running of [true, false]) {
        const raw = await rawContent(db, suite.database);
        // It would be found: names are.
        expect(raw).toContain('well-kept');
        const found = Object.values(canaries).flatMap((text) => [text, Buffer.from(text).toString('base64')]);
        for (const text of found) expect(raw).not.toContain(text);
        if (running) await service.stop();
      }
    } finally {
      await db.destroy();
    }
  });

  test('with another key everything is sealed anew, and the old key is not needed again', async () => {
    const { client, service } = await suite.start();
    const view = await suite.followDesired();
    const app = await runAppWithSecrets(suite, client);
    await view.until('the LRP', () => view.lrps().length === 1);
    const [before] = view.lrps();
    await service.stop();
    const ENCRYPTION_KEY = randomBytes(32).toString('base64');
    const old = suite.settings.env.ENCRYPTION_KEY ?? '';
    const prefixes = (): Promise<string[]> => sealedPrefixes(suite.database.url);
    const [oldPrefix, ...others] = await prefixes();
    expect(others).toEqual([]);
    const second = await suite.start({ ENCRYPTION_KEY, DECRYPTION_KEYS: old });
    await second.service.stop();
    const [newPrefix, ...rest] = await prefixes();
    expect(rest).toEqual([]);
    expect(newPrefix).not.toBe(oldPrefix);
    const third = await suite.start({ ENCRYPTION_KEY });
    const { text } = await third.client.get(`/v3/apps/${app}/env`);
    expect(text).toContain(canaries.variable);
    expect(text).toContain(canaries.service);
    await third.client.post(`/v3/apps/${app}/actions/restart`);
    await view.until('the next version', () => view.lrps().some((lrp) => lrp.processGuid !== before?.processGuid));
    const lrp = view.lrps().find(({ processGuid }) => processGuid !== before?.processGuid);
    const environment = (of: typeof before): unknown => ({
      ...of?.action.environment,
      VCAP_APPLICATION: 'its version differs',
    });
    expect(environment(lrp)).toEqual(environment(before));
    expect(lrp?.action.imageEnv).toEqual(before?.action.imageEnv);
  });
});

/** What all that is sealed begins with: the ids of its keys. Fails when a column of secrets holds none. */
async function sealedPrefixes(url: string): Promise<string[]> {
  const db = openDatabase<Record<string, Record<string, string | null>>>(url);
  const prefixes = new Set<string>();
  try {
    for (const { table, column } of sealedColumns) {
      const rows = await db.selectFrom(table).select(column).where(column, 'is not', null).execute();
      expect(rows, `${table}.${column}`).not.toEqual([]);
      for (const row of rows) prefixes.add(row[column]?.split('.').slice(0, 2).join('.') ?? '');
    }
  } finally {
    await db.destroy();
  }
  return [...prefixes];
}
