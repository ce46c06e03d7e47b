import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger, createMetrics } from '@slipway/service-kit';
import { expect, onTestFinished, test } from 'vitest';
import { followRegistrySettings } from './follow-settings.ts';
import { entryForRegistry, type RegistrySettings } from './registry-settings.ts';
import { SettingsWatcher } from './settings-watcher.ts';

const helper = (name: string): string => `registries: {a.example: {credentialHelper: ${name}}}\n`;

async function directory(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'slipway-settings-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** What a watcher tells, in the words of the tests: the helper of a.example, `missing`, or the error. */
class Told {
  readonly all: string[] = [];
  #wake: (() => void)[] = [];
  readonly watcher: SettingsWatcher;

  constructor(file: string) {
    const tell = (text: string): void => {
      this.all.push(text);
      for (const wake of this.#wake.splice(0)) wake();
    };
    this.watcher = new SettingsWatcher({
      file,
      onSettings: (settings, outcome) => tell(outcome === 'missing' ? 'missing' : programOf(settings)),
      onRefused: (error) => tell(error.message),
    });
    onTestFinished(() => this.watcher.close());
  }

  /** Waits until something matches what was told last. */
  async last(expected: RegExp | string): Promise<void> {
    while (!(typeof expected === 'string' ? this.all.at(-1) === expected : expected.test(this.all.at(-1) ?? ''))) {
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }
}

function programOf(settings: RegistrySettings): string {
  const entry = entryForRegistry(settings, 'a.example');
  return entry?.helper?.program.replace('docker-credential-', '') ?? entry?.credentials?.basicAuthorization() ?? 'none';
}

test('a file is read at once, and again when it is written in place or replaced', async () => {
  const file = join(await directory(), 'registries.yaml');
  await writeFile(file, helper('one'));
  const told = new Told(file);
  await told.watcher.start();
  expect(told.all).toEqual(['one']);
  await writeFile(file, helper('two'));
  await told.last('two');
  await writeFile(`${file}.new`, helper('three'));
  await rename(`${file}.new`, file);
  await told.last('three');
});

test('what is written again as it was is told once', async () => {
  const dir = await directory();
  const file = join(dir, 'registries.yaml');
  await writeFile(file, helper('one'));
  const told = new Told(file);
  await told.watcher.start();
  await writeFile(file, helper('one'));
  await writeFile(file, helper('two'));
  await told.last('two');
  expect(told.all).toEqual(['one', 'two']);
});

test('a file that is not there is no error, and is read when it comes, even with its directory', async () => {
  const dir = await directory();
  const told = new Told(join(dir, 'later/registries.yaml'));
  await told.watcher.start();
  expect(told.all).toEqual(['missing']);
  await mkdir(join(dir, 'later'));
  await writeFile(join(dir, 'later/registries.yaml'), helper('one'));
  await told.last('one');
});

test('a file that is removed takes its settings with it, and one that is only replaced does not', async () => {
  const file = join(await directory(), 'registries.yaml');
  await writeFile(file, helper('one'));
  const told = new Told(file);
  await told.watcher.start();
  await rm(file);
  await writeFile(file, helper('two'));
  await told.last('two');
  expect(told.all).toEqual(['one', 'two']);
  await rm(file);
  await told.last('missing');
});

test('a version with errors is refused once, and the next good one counts, be it the last good one', async () => {
  const file = join(await directory(), 'registries.yaml');
  await writeFile(file, helper('one'));
  const told = new Told(file);
  await told.watcher.start();
  await writeFile(file, 'plainHttp: [http://a]\n');
  await told.last(/registries\.yaml:1: plainHttp\[0\]/);
  await writeFile(file, helper('one'));
  await told.last('one');
  expect(told.all).toHaveLength(3);
});

test('a file that the settings name is watched too', async () => {
  const [dir, other] = [await directory(), await directory()];
  const file = join(dir, 'registries.yaml');
  const password = join(other, 'password');
  await writeFile(file, `registries: {a.example: {username: u, passwordFile: ${password}}}\n`);
  const told = new Told(file);
  await told.watcher.start();
  expect(told.all.at(-1)).toContain(`${password}: there is no such file`);
  await writeFile(password, 'first\n');
  await told.last(`Basic ${Buffer.from('u:first').toString('base64')}`);
  await writeFile(`${password}.new`, 'second');
  await rename(`${password}.new`, password);
  await told.last(`Basic ${Buffer.from('u:second').toString('base64')}`);
});

test('a link that is made to lead elsewhere is followed, as Kubernetes does it with whole directories', async () => {
  const dir = await directory();
  for (const version of ['one', 'two']) {
    await mkdir(join(dir, version));
    await writeFile(join(dir, version, 'registries.yaml'), helper(version));
  }
  await symlink('one', join(dir, '..data'));
  await symlink('..data/registries.yaml', join(dir, 'registries.yaml'));
  const told = new Told(join(dir, 'registries.yaml'));
  await told.watcher.start();
  await symlink('two', join(dir, '..new'));
  await rename(join(dir, '..new'), join(dir, '..data'));
  await told.last('two');
});

test('a service uses each good version, and says in its log and metrics which one it refuses', async () => {
  const file = join(await directory(), 'registries.yaml');
  await writeFile(file, helper('one'));
  const lines: string[] = [];
  const refused = Promise.withResolvers<void>();
  const logger = createLogger('test', 'info', {
    write: (line) => {
      lines.push(line);
      if (line.includes('registry-settings.refused')) refused.resolve();
    },
  });
  const metrics = createMetrics('test');
  const used: string[] = [];
  const client = { useSettings: (settings: RegistrySettings) => void used.push(programOf(settings)) };
  const following = await followRegistrySettings({ file, client, logger, metrics });
  onTestFinished(() => following.close());
  const gauge = async () => (await metrics.getSingleMetric('slipway_registry_settings_valid')?.get())?.values[0]?.value;
  expect(used).toEqual(['one']);
  expect(await gauge()).toBe(1);

  await writeFile(file, 'registries:\n  a.example: {password: canary-password}\n');
  await refused.promise;
  expect(used).toEqual(['one']);
  expect(await gauge()).toBe(0);
  const line = JSON.parse(lines.at(-1) ?? '') as { level: string; err: { message: string; code: string } };
  expect(line).toMatchObject({ level: 'error', err: { code: 'REGISTRY_SETTINGS_INVALID' } });
  expect(line.err.message).toContain('registries.yaml:2: registries."a.example": there is a password and no username');
  expect(lines.join()).not.toContain('canary-password');
});
