import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readPlatformConfig } from '../config.ts';
import { DataDirectory } from './data-directory.ts';
import { prepareDropletRegistry } from './droplet-registry.ts';
import { AlreadyRunning, askPlatform, lockCell, lockDataDirectory, type PlatformStatus } from './instance-lock.ts';
import { describePortOwner } from './port-owner.ts';
import { assignPorts, listenProblem } from './ports.ts';
import {
  natsProcess,
  type ProcessContext,
  portNames,
  registryProcess,
  serviceProcesses,
  sshProxyProcess,
} from './processes.ts';
import { loadSecrets } from './secrets.ts';
import { publicHostKey } from './ssh.ts';

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'platform-'));
});

afterEach(async () => {
  await rm(dir, { recursive: true });
});

test('secrets are made once, for their owner only', async () => {
  const file = join(dir, 'secrets.json');
  const first = await loadSecrets(file, undefined);
  const second = await loadSecrets(file, 'ignored, for there is one');
  expect(first.generated).toBe(true);
  expect(second).toEqual({ secrets: first.secrets, generated: false });
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  const all = [first.secrets.adminPassword, ...Object.values(first.secrets.natsPasswords)];
  expect(new Set(all).size).toBe(all.length);
  expect(Math.min(...all.map((password) => password.length))).toBeGreaterThanOrEqual(32);
});

test('the operator may set the password of the first start', async () => {
  const { secrets } = await loadSecrets(join(dir, 'secrets.json'), 'correct horse');
  expect(secrets.adminPassword).toBe('correct horse');
});

test('damaged secrets are not replaced, for the databases can be read with the old ones only', async () => {
  const file = join(dir, 'secrets.json');
  await writeFile(file, '{"adminPassword":"x"');
  await expect(loadSecrets(file, undefined)).rejects.toThrow(/is damaged: restore it/);
  expect(await readFile(file, 'utf8')).toBe('{"adminPassword":"x"');
});

test('ports are different ones, and stay as they are from start to start', async () => {
  const file = join(dir, 'ports.json');
  const first = await assignPorts(file, ['nats', 'uaa', 'registry']);
  expect(new Set(Object.values(first)).size).toBe(3);
  expect(await assignPorts(file, ['uaa', 'nats'])).toEqual({ uaa: first.uaa, nats: first.nats });
  expect(await assignPorts(file, ['registry'])).toEqual({ registry: first.registry });
});

test('a port that somebody took meanwhile is picked anew, and a damaged file too', async () => {
  const file = join(dir, 'ports.json');
  const { nats } = await assignPorts(file, ['nats']);
  const squatter = createServer().listen(nats, '127.0.0.1');
  await expect.poll(() => listenProblem(nats as number, '127.0.0.1')).toBe('EADDRINUSE');
  expect((await assignPorts(file, ['nats'])).nats).not.toBe(nats);
  squatter.close();
  await writeFile(file, 'not json');
  expect((await assignPorts(file, ['nats'])).nats).toBeGreaterThan(19_999);
});

test('who is on a port is named', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  expect(await describePortOwner(port)).toContain(`(pid ${process.pid})`);
  server.close();
});

const status: PlatformStatus = { pid: 4711, url: 'http://localhost:8080', ready: true, processes: [] };

test('a second platform on the same directory is told who runs there and at which port', async () => {
  const lock = await lockDataDirectory(dir, () => status);
  const second = lockDataDirectory(dir, () => status);
  await expect(second).rejects.toThrow(AlreadyRunning);
  await expect(second).rejects.toThrow(/pid 4711, at http:\/\/localhost:8080.*SLIPWAY_PORT/);
  await lock.release();
  const again = await lockDataDirectory(dir, () => status);
  await again.release();
});

test('a second platform with the same cell is told so, and what it needs of its own', async () => {
  const cell = `test-${process.pid}`;
  const lock = await lockCell(cell, () => status);
  await expect(lockCell(cell, () => status)).rejects.toThrow(
    new RegExp(`already runs a cell called ${cell} .*at ${status.url}.*SLIPWAY_CELL_ID, SLIPWAY_CELL_SUBNET`),
  );
  await lock.release();
  await (await lockCell(cell, () => status)).release();
});

test('who runs on a directory can be asked', async () => {
  expect(await askPlatform(dir)).toBeUndefined();
  const lock = await lockDataDirectory(dir, () => status);
  expect(await askPlatform(dir)).toEqual(status);
  await lock.release();
});

test('what a process may not know it cannot read', { tags: 'root' }, async () => {
  const users: Record<string, number> = { uaa: 60_991, stager: 60_992 };
  const data = new DataDirectory(join(dir, 'data'), (name) =>
    users[name] === undefined ? undefined : { uid: users[name], gid: users[name] },
  );
  await data.create();
  await data.createServiceDirectory('uaa');
  const secret = await data.writeSecret('uaa', 'ADMIN_PASSWORD', 'x');
  const own = await stat(secret);
  expect([own.uid, own.mode & 0o777]).toEqual([60_991, 0o600]);
  for (const directory of [data.serviceDirectory('uaa'), join(dir, 'data/secrets/uaa')]) {
    const { uid, mode } = await stat(directory);
    expect([uid, mode & 0o777]).toEqual([60_991, 0o700]);
  }
  expect((await stat(join(dir, 'data/secrets'))).mode & 0o777).toBe(0o711);
});

test('a secret that is written again keeps its mode', async () => {
  const data = new DataDirectory(dir, () => undefined);
  await data.create();
  const file = await data.writeSecret('uaa', 'KEY', 'one');
  await chmod(file, 0o600);
  await data.writeSecret('uaa', 'KEY', 'two');
  expect(await readFile(file, 'utf8')).toBe('two');
  expect((await stat(file)).mode & 0o777).toBe(0o600);
});

function context(env: Record<string, string> = {}): ProcessContext {
  const names = ['cloud-controller', 'uaa', 'stager', 'scheduler', 'cell-rep', 'router', 'log-cache', 'ssh-proxy'];
  const secretNames = [
    'NATS_PASSWORD',
    'ENCRYPTION_KEY',
    'ADMIN_PASSWORD',
    'STAGER_PRIVATE_KEY',
    'CELL_PRIVATE_KEY',
    'CLOUD_CONTROLLER_SECRET',
    'UAA_CLIENT_SECRET',
    'SSH_PROXY_SECRET',
    'CELL_SESSION_KEY',
    'SESSION_KEY',
    'HOST_KEY',
  ];
  return {
    config: readPlatformConfig({ SLIPWAY_DATA_DIR: dir, ...env }),
    data: new DataDirectory(dir, () => undefined),
    userOf: (name) => (name === 'cell-rep' ? undefined : { uid: 60_800 + names.indexOf(name), gid: 60_800 }),
    program: '/app',
    ports: Object.fromEntries(portNames.map((name, index) => [name, 20_000 + index])),
    secretFiles: Object.fromEntries(names.flatMap((n) => secretNames.map((s) => [`${n}/${s}`, `/secrets/${n}/${s}`]))),
    ssh: { port: 2222, publicKey: 'ssh-ed25519 AAAA' },
    publicKeys: { stager: 'stager-key', cell: 'cell-key' },
  };
}

test('secrets reach a process as files only: neither its command line nor its environment holds one', async () => {
  const given = context({ SLIPWAY_ADMIN_PASSWORD: 'very-secret' });
  const specs = [
    natsProcess(given, '/n.conf'),
    registryProcess(given, '/r.json'),
    ...serviceProcesses(given),
    ...[sshProxyProcess(given)].filter((spec) => spec !== undefined),
  ];
  expect(JSON.stringify(specs)).not.toContain('very-secret');
  const settings = specs
    .flatMap((spec) => Object.keys(spec.env))
    .filter((name) => /PASSWORD|PRIVATE|ENCRYPTION|_SECRET/.test(name));
  expect(settings.every((name) => name.endsWith('_FILE'))).toBe(true);
  expect(settings.length).toBeGreaterThan(8);
});

test('a data directory of before gets a host key, keeps all else, and keeps the key from then on', async () => {
  const file = join(dir, 'secrets.json');
  const { sshHostKey: _, ...before } = (await loadSecrets(file, undefined)).secrets;
  await writeFile(file, JSON.stringify(before));
  const { secrets, generated } = await loadSecrets(file, undefined);
  expect(generated).toBe(false);
  expect(secrets).toMatchObject(before);
  expect(publicHostKey(secrets.sshHostKey)).toMatch(/^ssh-ed25519 [A-Za-z0-9+/]{68}$/);
  expect((await loadSecrets(file, undefined)).secrets).toEqual(secrets);
});

test('ssh-proxy is started by its first connection, and everyone who speaks with it is told its keys', () => {
  const specs = serviceProcesses(context());
  const envOf = (name: string) => specs.find((spec) => spec.name === name)?.env;
  expect(sshProxyProcess(context())).toMatchObject({
    door: { host: '127.0.0.1', port: 2222 },
    env: { LISTEN_PORT: 'handed', SESSION_KEY_FILE: '/secrets/ssh-proxy/SESSION_KEY' },
  });
  expect(envOf('cell-rep')).toHaveProperty('CELL_SESSION_KEY_FILE');
  expect(envOf('uaa')).toHaveProperty('SSH_PROXY_SECRET_FILE');
  expect(envOf('cloud-controller')).toMatchObject({ SSH_ADDRESS: 'localhost:2222' });
  const without = { ...context(), ssh: undefined };
  expect(sshProxyProcess(without)).toBeUndefined();
  expect(JSON.stringify(serviceProcesses(without))).not.toMatch(/SSH|SESSION_KEY/);
});

test('an operator sets anything of a service, and it stands before what the platform says', () => {
  const specs = serviceProcesses(
    context({
      SLIPWAY_SET_CLOUD_CONTROLLER_MAXIMUM_APP_DISK_MB: '8192',
      SLIPWAY_SET_CLOUD_CONTROLLER_DATABASE_URL_FILE: '/etc/slipway/database-url',
      SLIPWAY_SET_CELL_REP_CELL_ON_STOP: 'keep',
    }),
  );
  const envOf = (name: string) => specs.find((spec) => spec.name === name)?.env;
  expect(envOf('cloud-controller')).toMatchObject({
    MAXIMUM_APP_DISK_MB: '8192',
    DATABASE_URL_FILE: '/etc/slipway/database-url',
    GIVEN_SETTINGS: 'MAXIMUM_APP_DISK_MB,DATABASE_URL_FILE',
  });
  expect(envOf('cloud-controller')).not.toHaveProperty('DATABASE_URL');
  expect(envOf('cell-rep')).toMatchObject({ CELL_ON_STOP: 'keep', GIVEN_SETTINGS: 'CELL_ON_STOP' });
  expect(envOf('uaa')).toMatchObject({ DATABASE_URL: expect.stringContaining('uaa.db'), GIVEN_SETTINGS: '' });
  expect(() => context({ SLIPWAY_SET_BOSH_X: '1' })).toThrow(
    /SLIPWAY_SET_BOSH_X: no service is called so; there are cloud/,
  );
});

test('every process has its own port, user and directory; the cell alone is root', () => {
  const specs = serviceProcesses(context());
  expect(new Set(specs.map((spec) => spec.readyUrl)).size).toBe(specs.length);
  expect(new Set(specs.map((spec) => spec.cwd)).size).toBe(specs.length);
  expect(specs.filter((spec) => spec.user === undefined).map((spec) => spec.name)).toEqual(['cell-rep']);
  expect(specs.find((spec) => spec.name === 'cell-rep')?.env).toMatchObject({
    CELL_ON_STOP: 'destroy',
    CELL_ID: 'cell-1',
  });
});

test.each([
  ['8080', false],
  ['80', true],
])('on port %s the router may bind low ports: %s', (port, may) => {
  const router = serviceProcesses(context({ SLIPWAY_PORT: port })).find((spec) => spec.name === 'router');
  expect(router?.env.LISTEN_PORT).toBe(port);
  expect(router?.bindsLowPorts).toBe(may);
});

test('every bad setting is named at once', () => {
  const bad = { SLIPWAY_PORT: 'http', SLIPWAY_DATA_DIR: 'data', SLIPWAY_LOG_LEVEL: 'loud' };
  expect(() => readPlatformConfig(bad)).toThrow(/SLIPWAY_PORT[\s\S]*SLIPWAY_DATA_DIR[\s\S]*SLIPWAY_LOG_LEVEL/);
});

test.each([
  ['SLIPWAY_CELL_ID', 'Cell 1'],
  ['SLIPWAY_CELL_SUBNET', '10.254.0.0'],
  ['SLIPWAY_CELL_SUBNET', '10.254.0.1/22'],
  ['SLIPWAY_CELL_SUBNET', '10.254.0.0/30'],
  ['SLIPWAY_CELL_SUBNET', '300.254.0.0/22'],
  ['SLIPWAY_CELL_SUBNET', 'fd00::/64'],
  ['SLIPWAY_CELL_UID_BASE', '1000'],
  ['SLIPWAY_CELL_MEMORY_MB', '1G'],
  ['SLIPWAY_LOG_RATE_LINES_PER_SECOND', '-2'],
  ['SLIPWAY_CELL_DISK_MB', '0'],
  ['SLIPWAY_CELL_CONTAINERS', '-1'],
  ['SLIPWAY_INSECURE_REGISTRIES', 'http://registry.test'],
  ['SLIPWAY_REGISTRIES_FILE', 'registries.yaml'],
  ['SLIPWAY_DROPLET_REGISTRY', 'docker.io/acme'],
  ['SLIPWAY_DROPLET_REGISTRY', 'https://droplets.example.com'],
])('%s of %s is refused before anything starts', (name, value) => {
  expect(() => readPlatformConfig({ [name]: value })).toThrow(new RegExp(`${name}: expected`));
});

test("the cell's settings reach it as they were given", () => {
  const specs = serviceProcesses(
    context({
      SLIPWAY_CELL_SUBNET: '10.0.0.0/8',
      SLIPWAY_CELL_CONTAINERS: '5',
      SLIPWAY_TRUSTED_TOKEN_HOSTS: 'a.test,b.test',
    }),
  );
  const env = specs.find((spec) => spec.name === 'cell-rep')?.env;
  expect(env).toMatchObject({ CELL_SUBNET: '10.0.0.0/8', CELL_CONTAINERS: '5', TRUSTED_TOKEN_HOSTS: 'a.test,b.test' });
  expect(specs.find((spec) => spec.name === 'stager')?.env.TRUSTED_TOKEN_HOSTS).toBe('a.test,b.test');
});

test('stager and cell alike are told of the droplet registry, and its password is in a file', async () => {
  const data = new DataDirectory(dir, () => undefined);
  await data.create();
  const prepare = (env: Record<string, string>) =>
    prepareDropletRegistry(readPlatformConfig({ SLIPWAY_DATA_DIR: dir, ...env }), data, 20_099);
  expect(await prepare({})).toBeUndefined();
  const own = await prepare({ SLIPWAY_DROPLET_REGISTRY: 'local' });
  expect(own?.settings).toEqual({
    DROPLET_REGISTRY: '127.0.0.1:20099/slipway',
    DROPLET_REGISTRY_USERNAME: 'slipway',
  });
  const written = JSON.parse(await readFile(own?.configFile ?? '', 'utf8')) as { auth: { htpasswd: { path: string } } };
  expect(await readFile(written.auth.htpasswd.path, 'utf8')).toMatch(/^slipway:\$2y\$05\$/);
  const elsewhere = await prepare({
    SLIPWAY_DROPLET_REGISTRY: 'droplets.example.com/slipway',
    SLIPWAY_DROPLET_REGISTRY_USERNAME: 'robot',
    SLIPWAY_DROPLET_REGISTRY_PASSWORD: 'very-secret',
  });
  expect(elsewhere).toMatchObject({ password: 'very-secret', configFile: undefined });

  const given = context();
  const files = { 'stager/DROPLET_REGISTRY_PASSWORD': '/s', 'cell-rep/DROPLET_REGISTRY_PASSWORD': '/c' };
  const specs = serviceProcesses({
    ...given,
    dropletRegistry: elsewhere?.settings,
    secretFiles: { ...given.secretFiles, ...files },
  });
  expect(JSON.stringify(specs)).not.toContain('very-secret');
  const told = specs.filter(({ env }) => env.DROPLET_REGISTRY === 'droplets.example.com/slipway');
  expect(told.map(({ name, env }) => [name, env.DROPLET_REGISTRY_PASSWORD_FILE])).toEqual([
    ['stager', '/s'],
    ['cell-rep', '/c'],
  ]);
});

test('stager and cell read one registries file, and run credential helpers as one user', () => {
  const envs = (given: Record<string, string>) =>
    serviceProcesses(context(given)).filter(({ name }) => name === 'stager' || name === 'cell-rep');
  expect(envs({}).map(({ env }) => env.REGISTRIES_FILE)).toEqual(Array(2).fill(join(dir, 'registries.yaml')));
  const given = envs({ SLIPWAY_REGISTRIES_FILE: '/etc/slipway/registries.yaml' });
  expect(given.map(({ env }) => env.REGISTRIES_FILE)).toEqual(Array(2).fill('/etc/slipway/registries.yaml'));
  const [stager, cell] = given;
  expect(cell?.env.CREDENTIAL_HELPER_USER).toBe(`${stager?.user?.uid}:${stager?.user?.gid}`);
});

test('the defaults depend on who starts it, and on the port', () => {
  expect(readPlatformConfig({}, 0)).toMatchObject({ SLIPWAY_DATA_DIR: '/var/lib/slipway', SLIPWAY_PORT: 8080 });
  expect(readPlatformConfig({}, 1000).SLIPWAY_DATA_DIR).toMatch(/\/\.local\/share\/slipway$/);
  expect(readPlatformConfig({ SLIPWAY_PORT: '9000' }).SLIPWAY_EXTERNAL_URL).toBe('http://localhost:9000');
});

test('mkdir of an existing data directory changes nothing in it', async () => {
  await mkdir(join(dir, 'data/services/uaa'), { recursive: true });
  await writeFile(join(dir, 'data/services/uaa/uaa.db'), 'rows');
  await new DataDirectory(join(dir, 'data'), () => undefined).create();
  expect(await readFile(join(dir, 'data/services/uaa/uaa.db'), 'utf8')).toBe('rows');
});
