import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { pushImage, type RegistryAuth, type RegistryProcess, startRegistry } from '@slipway/testing';
import { expect, onTestFinished, test } from 'vitest';
import { parseReference } from '../reference.ts';
import { parseRegistrySettings } from '../settings/parse-settings.ts';
import type { RegistrySettings } from '../settings/registry-settings.ts';
import { RegistryCredentials } from './credentials.ts';
import { image, platform, retries, serve } from './hostile-pull.test-support.ts';
import { always, honest } from './hostile-registry.test-support.ts';
import { RegistryClient, type RegistryClientOptions } from './registry-client.ts';
import type { RegistryError } from './registry-error.ts';
import { resolveImage } from './resolve.ts';

const GIVEN = { username: 'bob', password: 'builder-secret' };
const settingsOf = (text: string): Promise<RegistrySettings> =>
  parseRegistrySettings(text, 'registries.yaml', () => Promise.reject(new Error('names no files')));

async function registryWith(auth: RegistryAuth): Promise<RegistryProcess> {
  const registry = await startRegistry({ auth });
  onTestFinished(() => registry.stop());
  await pushImage(registry, 'team/app', 'v1', image, { credentials: GIVEN });
  return registry;
}

interface Pull {
  readonly steps: string[];
  readonly pull: (credentials?: RegistryCredentials) => Promise<string>;
  readonly client: RegistryClient;
}

/** Pulls one image as a stager would; the outcome is a digest or an error's message. */
function puller(registry: { readonly address: string }, options: RegistryClientOptions): Pull {
  const steps: string[] = [];
  const client = new RegistryClient({ retries, ...options });
  onTestFinished(() => client.close());
  const reference = parseReference(`${registry.address}/team/app:v1`);
  const pull = async (credentials?: RegistryCredentials): Promise<string> => {
    const repository = client.repository(reference, { credentials, onStep: (text) => steps.push(text) });
    const outcome = await resolveImage(repository, reference, { platform }).then(
      ({ manifestDigest }) => manifestDigest,
      (error: RegistryError) => error,
    );
    expect(`${inspect(outcome, { depth: 9 })} ${steps.join('\n')}`).not.toContain('secret');
    return typeof outcome === 'string' ? outcome : outcome.message;
  };
  return { steps, pull, client };
}

/** A credential helper that says what a shell script makes it say. */
async function helper(script: string): Promise<{ readonly path: string; readonly directory: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-helper-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  await chmod(directory, 0o777);
  const path = join(directory, 'docker-credential-test');
  await writeFile(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return { path, directory };
}

const says = (username: string, secret: string): string =>
  `echo '${JSON.stringify({ ServerURL: 'x', Username: username, Secret: secret })}'`;

test.each<RegistryAuth['kind']>(['basic', 'token'])(
  'with %s authentication the credentials of the settings are used where a package has none of its own',
  async (kind) => {
    const registry = await registryWith({ kind, ...GIVEN });
    const settings = await settingsOf(`registries: {"${registry.address}": ${JSON.stringify(GIVEN)}}`);
    const { pull, steps } = puller(registry, { settings });
    expect(await pull()).toBe(image.manifest.digest);
    expect(steps.join('\n')).not.toContain('bob');
    if (kind === 'token') expect(steps.join('\n')).toContain("to pull team/app, with the platform's credentials");

    // Those of the package come first, and nobody else's are tried when they are refused.
    expect(await pull(new RegistryCredentials('mallory', 'builder-secret'))).toMatch(
      /"mallory" may not pull it|wrong user/,
    );
  },
);

test('credentials of the settings that are refused are not taken for those of the user', async () => {
  const registry = await registryWith({ kind: 'basic', ...GIVEN });
  const settings = await settingsOf(`registries: {"${registry.address}": {username: bob, password: old-secret}}`);
  expect(await puller(registry, { settings }).pull()).toMatch(
    /it answered 401 .*: the platform's own credentials may not pull it, or are wrong/,
  );
});

test('credentials of one registry, and of one port, are not those of another', async () => {
  const registry = await registryWith({ kind: 'basic', ...GIVEN });
  const settings = await settingsOf(`registries: {"127.0.0.1:1": ${JSON.stringify(GIVEN)}}`);
  expect(await puller(registry, { settings }).pull()).toContain('needs a user name and password and none were given');
});

test.each<RegistryAuth['kind']>(['basic', 'token'])(
  'with %s authentication a credential helper is asked for the registry, once',
  async (kind) => {
    const registry = await registryWith({ kind, ...GIVEN });
    const { path, directory } = await helper(
      `read -r server; echo "$server" >> "$0.asked"; [ "$server" = ${registry.address} ] && ${says(GIVEN.username, GIVEN.password)}`,
    );
    const settings = await settingsOf(`registries: {"${registry.address}": {credentialHelper: ${path}}}`);
    const { pull, steps } = puller(registry, { settings });
    expect(await Promise.all([pull(), pull()])).toEqual([image.manifest.digest, image.manifest.digest]);
    expect(await readFile(join(directory, 'docker-credential-test.asked'), 'utf8')).toBe(`${registry.address}\n`);
    if (kind === 'token') expect(steps.join('\n')).toContain('with the credentials that docker-credential-test gives');
  },
);

test.each<RegistryAuth['kind']>(['basic', 'token'])(
  'with %s authentication a helper is asked anew when its last credentials have expired',
  async (kind) => {
    const registry = await registryWith({ kind, ...GIVEN, ...(kind === 'token' ? { expiresIn: 1 } : {}) });
    const { path } = await helper(
      `if [ -e "$0.rotated" ]; then ${says(GIVEN.username, GIVEN.password)}; else ${says('bob', 'old-secret')}; fi`,
    );
    const settings = await settingsOf(`registries: {"${registry.address}": {credentialHelper: ${path}}}`);
    let now = 0;
    const { pull } = puller(registry, { settings, now: () => now });
    expect(await pull()).toMatch(/the credentials that docker-credential-test gives|wrong user name or password/);
    await writeFile(`${path}.rotated`, '');
    now = 10_000;
    expect(await pull()).toBe(image.manifest.digest);
  },
);

test('a helper that fails fails the pull, and what it said is not for whoever pulls', async () => {
  const registry = await registryWith({ kind: 'basic', ...GIVEN });
  const { path } = await helper('echo "no AWS credentials found" ; exit 1');
  const settings = await settingsOf(`registries: {"${registry.address}": {credentialHelper: ${path}}}`);
  expect(await puller(registry, { settings }).pull()).toBe(
    `authentication: asked docker-credential-test for the credentials of ${registry.address}: ` +
      "it ended with 1; the platform's log has what it said",
  );
});

test('a registry that wants no credentials costs no run of the helper', async () => {
  const open = await serve(honest(image));
  const settings = await settingsOf(
    `registries: {"${open.address}": {credentialHelper: /nowhere/docker-credential-x}}`,
  );
  expect(await puller(open, { settings }).pull()).toBe(image.manifest.digest);
});

test('an identity token is exchanged for tokens by POST, never sent as a password', async () => {
  const identityToken = 'identity-secret';
  const registry = await registryWith({ kind: 'token', ...GIVEN, identityToken });
  const before = registry.tokenRequests.length;
  const { path } = await helper(says('<token>', identityToken));
  const settings = await settingsOf(`registries: {"${registry.address}": {credentialHelper: ${path}}}`);
  expect(await puller(registry, { settings }).pull()).toBe(image.manifest.digest);
  expect(registry.tokenRequests.slice(before)).toEqual([
    {
      service: 'test-registry',
      scope: 'repository:team/app:pull',
      authorization: undefined,
      form: {
        grant_type: 'refresh_token',
        client_id: 'slipway',
        service: 'test-registry',
        scope: 'repository:team/app:pull',
        refresh_token: identityToken,
      },
    },
  ]);
});

test('an identity token is nothing for a registry that wants Basic', async () => {
  const registry = await serve(always(401, { 'www-authenticate': 'Basic realm="x"' }));
  expect(await puller(registry, {}).pull(new RegistryCredentials('<token>', 'identity-secret'))).toContain(
    'it wants a user name and password, and there is only an identity token for it',
  );
  expect(registry.loot()).not.toContain('authorization');
});

test('a token that is about to expire is replaced before the registry refuses it', async () => {
  const registry = await registryWith({ kind: 'token', ...GIVEN, expiresIn: 100 });
  let now = 0;
  const { pull } = puller(registry, { now: () => now });
  const credentials = new RegistryCredentials(GIVEN.username, GIVEN.password);
  await pull(credentials);
  const [tokens, requests] = [registry.tokenRequests.length, (await registry.asked()).length];
  now = 91_000;
  expect(await pull(credentials)).toBe(image.manifest.digest);
  expect(registry.tokenRequests.length - tokens).toBe(1);
  await expect.poll(() => registry.requests.slice(requests).map((line) => line.slice(-3))).toEqual(['200']);
});

test('a token server that is gone when a token is to be replaced is asked for again by the registry', async () => {
  let [now, fails] = [0, false];
  const tokens = await serve((request, response) =>
    (fails ? always(500, {}) : always(200, {}, '{"token":"t","expires_in":100}'))(request, response),
  );
  const registry = await serve((request, response) =>
    request.headers.authorization === undefined
      ? always(401, { 'www-authenticate': `Bearer realm="${tokens.origin}"` })(request, response)
      : honest(image)(request, response),
  );
  const { pull, steps } = puller(registry, { now: () => now });
  await pull();
  [now, fails] = [91_000, true];
  expect(await pull()).toMatch(/it answered 500/);
  expect(steps.some((step) => step.includes('gave no new token: it answered 500'))).toBe(true);
  fails = false;
  expect(await pull()).toBe(image.manifest.digest);
});

test('settings that are replaced at run time count for the next pull', async () => {
  const registry = await registryWith({ kind: 'basic', ...GIVEN });
  const { pull, client } = puller(registry, {});
  expect(await pull()).toContain('none were given');
  client.useSettings(await settingsOf(`registries: {"${registry.address}": ${JSON.stringify(GIVEN)}}`));
  expect(await pull()).toBe(image.manifest.digest);
  client.useSettings(await settingsOf(''));
  expect(await pull()).toContain('none were given');
});
