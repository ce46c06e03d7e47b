// @module-tag root
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type LaunchedPlatform, launchPlatform } from '@slipway/infra';
import {
  buildImage,
  buildLayer,
  CfClient,
  pushImage,
  type RegistryHandle,
  sampleImage,
  startAnyRegistry,
} from '@slipway/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { leftovers } from './src/leftovers.ts';

// The real clients of Debian's openssh-client, as users have them.
const hasClients = ['ssh', 'scp', 'sftp'].every((name) => existsSync(`/usr/bin/${name}`));

const cellId = `e2e-${randomBytes(3).toString('hex')}`;
const rootSchema = z.object({
  links: z.object({ app_ssh: z.object({ href: z.string(), meta: z.object({ host_key_fingerprint: z.string() }) }) }),
});
const eventsSchema = z.object({ resources: z.array(z.object({ type: z.string() })) });

let platform: LaunchedPlatform;
let cf: CfClient;
let registry: RegistryHandle;
let dir: string;
let port: string;
/** One with a shell, one with nothing but a server that listens on its own loopback. */
const apps = { shell: '', scratch: '' };

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'e2e-ssh-'));
  registry = await startAnyRegistry();
  platform = await launchPlatform({ settings: { SLIPWAY_CELL_ID: cellId } });
  cf = new CfClient({ url: platform.url, username: 'admin', password: platform.adminPassword, checkAnswers: true });
  const space = await cf.space('space', await cf.organization('org'));
  const start = async (name: string, image: string): Promise<string> => {
    const app = await cf.createApp(name, space);
    const build = await cf.createBuild(await cf.createPackage(app, image));
    await cf.setDroplet(app, await cf.waitForBuild(build));
    if (name === 'scratch')
      await cf.call('PATCH', `/v3/processes/${app}`, z.unknown(), { health_check: { type: 'process' } });
    await cf.call('POST', `/v3/apps/${app}/actions/start`, z.unknown());
    await cf.waitForRunning(app, 1);
    return app;
  };
  apps.shell = await start('shell', (await pushImage(registry, 'sample', 'v1', await sampleImage())).reference);
  const bare = buildImage({
    layers: [
      buildLayer([
        { name: 'httpd', content: await readFile('/bin/busybox'), mode: 0o755 },
        { name: 'index.html', content: 'from inside\n' },
        { name: 'data/', mode: 0o777 },
      ]),
    ],
    config: { Entrypoint: ['/httpd', '-f', '-p', '127.0.0.1:9000', '-h', '/'], User: '12345' },
  });
  apps.scratch = await start('scratch', (await pushImage(registry, 'scratch', 'v1', bare)).reference);
  port = (await appSsh()).href.split(':')[1] ?? '';
  // What `cf ssh-code` prints is what clients ask for.
  await writeFile(join(dir, 'askpass'), '#!/bin/sh\necho "$CODE"\n');
  await chmod(join(dir, 'askpass'), 0o700);
});
afterAll(async () => {
  await platform?.stop();
  await registry?.stop();
  if (dir !== undefined) await rm(dir, { recursive: true });
});

async function appSsh(): Promise<z.infer<typeof rootSchema>['links']['app_ssh']> {
  return rootSchema.parse(JSON.parse((await cf.fetch('localhost', '/')).body)).links.app_ssh;
}

/** As `cf ssh-code` gets it. */
async function oneTimeCode(): Promise<string> {
  const path = '/uaa/oauth/authorize?client_id=ssh-proxy&response_type=code';
  const { headers } = await cf.fetch('localhost', path, { headers: { authorization: `bearer ${await cf.token()}` } });
  return new URL(String(headers.location)).searchParams.get('code') ?? '';
}

const options = (): string[] =>
  ['StrictHostKeyChecking=accept-new', `UserKnownHostsFile=${join(dir, 'known_hosts')}`, 'LogLevel=ERROR']
    .concat(['PreferredAuthentications=password', 'NumberOfPasswordPrompts=1'])
    .flatMap((option) => ['-o', option]);

async function client(program: string, args: readonly string[], code?: string): Promise<ChildProcess> {
  const env = { ...process.env, SSH_ASKPASS: join(dir, 'askpass'), SSH_ASKPASS_REQUIRE: 'force' };
  const child = spawn(`/usr/bin/${program}`, [...options(), ...args], {
    cwd: dir,
    env: { ...env, CODE: code ?? (await oneTimeCode()) },
    stdio: 'pipe',
  });
  child.stdin?.on('error', () => undefined);
  return child;
}

interface Result {
  readonly out: string;
  readonly err: string;
  readonly status: number | null;
}

async function finish(child: ChildProcess, input: string | Buffer = ''): Promise<Result> {
  child.stdin?.end(input);
  const status = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [out, err] = await Promise.all([
    text(child.stdout as NodeJS.ReadableStream),
    text(child.stderr as NodeJS.ReadableStream),
  ]);
  return { out, err, status: await status };
}

const sshTo = (app: string, ...args: string[]): string[] => ['-p', port, '-l', `cf:${app}/0`, ...args];
const ssh = async (app: string, command: string, input?: string | Buffer): Promise<Result> =>
  await finish(await client('ssh', sshTo(app, 'localhost', command)), input);
const scp = async (app: string, ...args: string[]): Promise<Result> =>
  await finish(await client('scp', ['-P', port, '-o', `User=cf:${app}/0`, ...args]));

const sha = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

describe.skipIf(!hasClients)('with the clients of OpenSSH', () => {
  test('the host is who the platform says it is, and nothing waits for users before the first', async () => {
    const { meta } = await appSsh();
    expect((await platform.status()).processes.find(({ name }) => name === 'ssh-proxy')).not.toHaveProperty('pid');
    expect((await ssh(apps.shell, 'true')).status).toBe(0);
    const known = execFileSync('/usr/bin/ssh-keygen', ['-l', '-f', join(dir, 'known_hosts')], { encoding: 'utf8' });
    expect(known).toContain(`SHA256:${meta.host_key_fingerprint} `);
  });

  test.each(['shell', 'scratch'] as const)(
    'a command runs in an image with %s, with its streams and status',
    async (name) => {
      const input = randomBytes(3_000_000);
      const result = await ssh(
        apps[name],
        `/.slipway/busybox sha256sum; echo "err $0" >&2; echo "$PORT"; exit 7`,
        input,
      );
      expect(result).toEqual({ out: `${sha(input)}  -\n8080\n`, err: expect.stringContaining('err '), status: 7 });
    },
  );

  test('a terminal is one, with the size of the user’s, in the home of the user of the image', async () => {
    const { out, status } = await finish(
      await client('ssh', sshTo(apps.shell, '-tt', 'localhost')),
      'tty; /.slipway/busybox stty size; id -u; exit 4\n',
    );
    expect(out).toContain('/dev/pts/0');
    expect(out).toMatch(/\d+ \d+\r\n1000\r\n/);
    expect(status).toBe(4);
  });

  test('a port of the loopback there is one here', async () => {
    const local = await freePort();
    const tunnel = await client(
      'ssh',
      sshTo(apps.scratch, '-N', '-L', `127.0.0.1:${local}:localhost:9000`, 'localhost'),
    );
    const ask = async (): Promise<string> => (await fetch(`http://127.0.0.1:${local}/index.html`)).text();
    await expect.poll(() => ask().catch(String)).toBe('from inside\n');
    // The platform's own ports are not reached through it.
    tunnel.kill();
    const wrong = await client('ssh', sshTo(apps.scratch, '-W', 'localhost:1', 'localhost'));
    expect((await finish(wrong)).status).not.toBe(0);
  });

  test.each([
    ['the protocol of scp', ['-O']],
    ['SFTP', []],
  ])('files and directories go there and back by %s, into an image with nothing', async (_, flags) => {
    const tree = await mkdtemp(join(dir, 'tree-'));
    const content = randomBytes(1_500_000);
    await mkdir(join(tree, 'sub dir'));
    await writeFile(join(tree, 'sub dir', 'big'), content);
    await writeFile(join(tree, "it's a name"), 'small', { mode: 0o640 });
    const place = `/data/${flags.length}`;
    expect((await scp(apps.scratch, ...flags, '-rp', tree, `localhost:${place}`)).status).toBe(0);
    const back = join(dir, `back-${flags.length}`);
    expect((await scp(apps.scratch, ...flags, '-rp', `localhost:${place}`, back)).status).toBe(0);
    expect((await readFile(join(back, 'sub dir', 'big'))).equals(content)).toBe(true);
    expect(await readFile(join(back, "it's a name"), 'utf8')).toBe('small');
    expect((await ssh(apps.scratch, `/.slipway/busybox stat -c %a:%u '${place}/it'\\''s a name'`)).out).toBe(
      '640:12345\n',
    );
    const missing = await scp(apps.scratch, ...flags, 'localhost:/no/such', join(dir, 'nothing'));
    expect(missing.status).not.toBe(0);
    expect(missing.err).toContain('No such file');
    const forbidden = await scp(apps.scratch, ...flags, join(tree, "it's a name"), 'localhost:/index.html');
    expect(forbidden.status).not.toBe(0);
    expect(forbidden.err).toContain('ermission denied');
  });

  test('sftp lists, renames, links and removes', async () => {
    await writeFile(join(dir, 'local'), 'local file');
    const orders = [
      'mkdir /data/new',
      'put local /data/new/x',
      'rename /data/new/x /data/new/y',
      'chmod 600 /data/new/y',
    ]
      .concat(['ln -s y /data/new/l', 'ls -l /data/new', 'get /data/new/l got', 'rm /data/new/l', 'rm /data/new/y'])
      .concat(['rmdir /data/new', 'ls /data/new']);
    const sftp = await client('sftp', ['-P', port, '-o', `User=cf:${apps.scratch}/0`, 'localhost']);
    const { out, err } = await finish(sftp, `${orders.join('\n')}\n`);
    expect(out).toMatch(/-rw------- +1 12345 .* y$/m);
    expect(out).toMatch(/lrwxrwxrwx +1 12345 .* l$/m);
    expect(await readFile(join(dir, 'got'), 'utf8')).toBe('local file');
    expect(err).toContain('not found');
  });

  test('a code is good for one log-in, and nothing else is one', async () => {
    const code = await oneTimeCode();
    const attempt = async (used: string, user: string): Promise<number | null> =>
      (await finish(await client('ssh', ['-p', port, '-l', user, 'localhost', 'true'], used))).status;
    expect(await attempt(code, `cf:${apps.shell}/0`)).toBe(0);
    expect(await attempt(code, `cf:${apps.shell}/0`)).toBe(255);
    expect(await attempt('wrong', `cf:${apps.shell}/0`)).toBe(255);
    expect(await attempt(await oneTimeCode(), `cf:${apps.shell}/7`)).toBe(255);
    expect(await attempt(await oneTimeCode(), 'root')).toBe(255);
  });

  test('an app that has switched it off lets nobody in, at once, and events tell of both', async () => {
    const feature = `/v3/apps/${apps.shell}/features/ssh`;
    await cf.call('PATCH', feature, z.unknown(), { enabled: false });
    expect((await ssh(apps.shell, 'true')).status).toBe(255);
    await cf.call('PATCH', feature, z.unknown(), { enabled: true });
    expect((await ssh(apps.shell, 'true')).status).toBe(0);
    const events = await cf.call('GET', `/v3/audit_events?target_guids=${apps.shell}&per_page=100`, eventsSchema);
    const types = events.resources.map(({ type }) => type);
    expect(types).toContain('audit.app.ssh-authorized');
    expect(types).toContain('audit.app.ssh-unauthorized');
  });

  test('when the client goes, what it ran goes with it', async () => {
    const child = await client('ssh', sshTo(apps.scratch, 'localhost', 'setsid sleep 4711 & echo started; sleep 4712'));
    let said = '';
    for await (const piece of child.stdout as NodeJS.ReadableStream) {
      said += piece;
      if (said.includes('started')) break;
    }
    child.kill('SIGKILL');
    await expect.poll(async () => (await ssh(apps.scratch, 'ps')).out).not.toContain('471');
  });

  test('what never takes its input goes with its client all the same', async () => {
    const child = await client('ssh', sshTo(apps.scratch, 'localhost', 'echo started; exec sleep 4731'));
    await new Promise((resolve) => child.stdout?.once('data', resolve));
    child.stdin?.write(Buffer.alloc(30_000_000));
    // All that there is room for on the way is full.
    await expect.poll(async () => (await ssh(apps.scratch, 'ps')).out).toContain('4731');
    child.kill('SIGKILL');
    await expect.poll(async () => (await ssh(apps.scratch, 'ps')).out, { timeout: 60_000 }).not.toContain('4731');
  });

  test('a forwarded connection that is reset ends alone', async () => {
    const repPid = async (): Promise<number | undefined> =>
      (await platform.status()).processes.find(({ name }) => name === 'cell-rep')?.pid;
    const before = await repPid();
    // It goes with bytes unread, which is a reset.
    const listen = 'nc -l -p 9999 -e /.slipway/busybox sleep 1';
    const until = "while ! grep -q ':270F ' /proc/net/tcp /proc/net/tcp6; do :; done";
    const listener = await client(
      'ssh',
      sshTo(apps.scratch, 'localhost', `touch /data/mark; ${listen} & ${until}; echo up; wait`),
    );
    await new Promise((resolve) => listener.stdout?.once('data', resolve));
    const ended = finish(listener);
    const forwarded = await client('ssh', sshTo(apps.scratch, '-W', '127.0.0.1:9999', 'localhost'));
    forwarded.stdin?.write('hello');
    await new Promise((resolve) => forwarded.once('close', resolve));
    expect((await ended).status).toBe(0);
    expect((await ssh(apps.scratch, 'test -e /data/mark')).status).toBe(0);
    expect(await repPid()).toBe(before);
  });

  test('a command that only begins like scp runs once', async () => {
    await ssh(apps.scratch, 'scp nothing; echo once >> /data/log');
    expect((await ssh(apps.scratch, 'cat /data/log')).out).toBe('once\n');
  });

  test('a killed rep takes its sessions along, and the next lets users in to the same containers', async () => {
    const child = await client('ssh', sshTo(apps.scratch, 'localhost', 'echo started; sleep 4721'));
    await new Promise((resolve) => child.stdout?.once('data', resolve));
    const { pid } = (await platform.status()).processes.find(({ name }) => name === 'cell-rep') ?? {};
    const ended = finish(child);
    process.kill(pid as number, 'SIGKILL');
    expect((await ended).status).not.toBe(0);
    await expect.poll(async () => (await ssh(apps.scratch, 'ps')).out, { timeout: 60_000 }).toContain('/httpd');
    expect((await ssh(apps.scratch, 'ps')).out).not.toContain('4721');
  });

  test('stopping leaves nothing', async () => {
    expect(await platform.stop()).toBe(0);
    expect(await leftovers({ dataDirectory: platform.dataDirectory, cellId })).toEqual([]);
  });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port: found } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return found;
}
