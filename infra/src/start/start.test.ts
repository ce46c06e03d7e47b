import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, readlink, rm, stat } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type LaunchedPlatform, launchPlatform } from '../launch/launch-platform.ts';
import { inPrivateMounts } from '../process/private-mounts.ts';
import { repositoryRoot } from '../process/repository-root.ts';
import { runCommand } from '../process/run-command.ts';

const services = ['cloud-controller', 'uaa', 'stager', 'scheduler', 'router', 'log-cache'];

/** `npm start` after the bootstrap, with settings of the test's choice. */
function start(settings: Record<string, string>): { child: ChildProcess; output: () => string; exit: Promise<number> } {
  const [command, ...args] = inPrivateMounts([process.execPath, join(repositoryRoot, 'infra/src/start/main.ts')]);
  const child = spawn(command, args, { env: { ...process.env, ...settings }, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (text) => (output += text));
  return { child, output: () => output, exit: once(child, 'close').then(([code]) => code as number) };
}

async function newDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-start-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** Processes whose command line, environment or directory names `mark`. */
async function processesOf(mark: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)) {
    const texts = await Promise.all([
      ...['cmdline', 'environ'].map((file) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')),
      readlink(`/proc/${pid}/cwd`).catch(() => ''),
    ]);
    if (texts.some((text) => text.includes(mark))) found.push(`${pid} ${texts[0]?.replaceAll('\0', ' ')}`);
  }
  return found;
}

/** One cell in all starts of this file. */
const cell = {
  SLIPWAY_CELL_ID: `whole-${process.pid}`,
  SLIPWAY_CELL_SUBNET: `10.${128 + (process.pid % 100)}.252.0/22`,
};

describe('a platform that runs', { tags: 'root' }, () => {
  let platform: LaunchedPlatform;

  beforeAll(async () => {
    platform = await launchPlatform({ settings: cell });
  });

  afterAll(async () => {
    await platform?.stop();
  });

  test('answers, and says where and how to get in', async () => {
    const answer = await fetch(`http://127.0.0.1:${platform.port}/v3/info`, { headers: { host: 'localhost' } });
    expect(answer.status).toBe(200);
    expect(platform.output()).toContain(`Slipway is ready at ${platform.url}`);
    expect(platform.output()).toContain(`cf auth admin ${platform.adminPassword}`);
  });

  test('is not started again on the same directory: the second is told its pid and address', async () => {
    const second = start({ SLIPWAY_DATA_DIR: platform.dataDirectory, SLIPWAY_PORT: '1' });
    expect(await second.exit).toBe(1);
    expect(second.output()).toContain(`pid ${platform.pid}, at ${platform.url}`);
    expect((await platform.status()).ready).toBe(true);
  });

  test('keeps its port: another platform is told who is on it and which setting to change', async () => {
    const other = start({ SLIPWAY_DATA_DIR: await newDirectory(), SLIPWAY_PORT: String(platform.port) });
    expect(await other.exit).toBe(1);
    expect(other.output()).toMatch(
      new RegExp(`port ${platform.port} is in use by .*pid ${await platform.pidOf('router')}`),
    );
    expect(other.output()).toContain('SLIPWAY_PORT');
  });

  test('runs each service as a user of its own without capabilities; the cell alone is root', async () => {
    const uids = new Map<string, string>();
    for (const service of [...services, 'nats-server', 'cell-rep']) {
      const status = await readFile(`/proc/${await platform.pidOf(service)}/status`, 'utf8');
      uids.set(service, /^Uid:\t(\d+)/m.exec(status)?.[1] ?? '');
      if (service !== 'cell-rep') expect(status).toMatch(/^CapEff:\t0{16}$[\s\S]*^NoNewPrivs:\t1$/m);
    }
    expect(uids.get('cell-rep')).toBe('0');
    uids.delete('cell-rep');
    expect(new Set(uids.values()).size).toBe(7);
    expect([...uids.values()]).not.toContain('0');
  });

  test('shows no secret in a command line or an environment, and keeps them in files of their owners', async () => {
    const secrets = JSON.parse(await readFile(join(platform.dataDirectory, 'secrets.json'), 'utf8')) as object;
    const values = [...JSON.stringify(secrets).matchAll(/"([\w+/=-]{32,})"/g)].map((match) => match[1] as string);
    expect(values.length).toBeGreaterThan(10);
    const hidden = values.filter((value) => !JSON.stringify(secrets).includes(`"publicKey":"${value}"`));
    const { processes } = await platform.status();
    // ssh-proxy is started by its first user; platform-parts.test.ts looks at what it is started with.
    const pids = processes.flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
    expect(pids.length).toBeGreaterThan(7);
    for (const pid of pids) {
      const shown = (
        await Promise.all(['cmdline', 'environ'].map((f) => readFile(`/proc/${pid}/${f}`, 'utf8')))
      ).join();
      expect(hidden.filter((value) => shown.includes(value))).toEqual([]);
    }
    expect((await stat(join(platform.dataDirectory, 'secrets.json'))).mode & 0o777).toBe(0o600);
  });

  test('mounts nothing that others see', async () => {
    expect(await readFile('/proc/self/mountinfo', 'utf8')).not.toContain(platform.dataDirectory);
  });

  test('that is killed takes its services with it, and the next start is well', async () => {
    await platform.kill();
    await expect.poll(() => processesOf(platform.dataDirectory), { timeout: 60_000 }).toEqual([]);
    // The same cell, as an operator's would be: what it left is cleaned up at its next start.
    const again = await launchPlatform({ dataDirectory: platform.dataDirectory, settings: cell });
    expect(again.adminPassword).toBe(platform.adminPassword);
    expect(await again.stop()).toBe(0);
    expect(await processesOf(platform.dataDirectory)).toEqual([]);
    expect(existsSync(join(platform.dataDirectory, 'running'))).toBe(false);
    const { output: tables } = await runCommand('nft', ['list', 'tables']);
    expect(tables).not.toContain(String(process.pid));
    await rm(platform.dataDirectory, { recursive: true });
    platform = await launchPlatform({ settings: cell });
  });
});

describe('a start that is stopped', { tags: 'root' }, () => {
  test.each(['Starting Slipway', 'nats-server       ready', 'stager            ready'])(
    'after "%s" leaves no process',
    async (moment) => {
      const directory = await newDirectory();
      const probe = createServer().listen(0, '127.0.0.1');
      await once(probe, 'listening');
      const { port } = probe.address() as AddressInfo;
      await new Promise((resolve) => probe.close(resolve));
      const { child, output, exit } = start({
        SLIPWAY_DATA_DIR: directory,
        SLIPWAY_PORT: String(port),
        SLIPWAY_CELL_ID: `start-${process.pid}`,
      });
      await expect.poll(output, { timeout: 60_000 }).toContain(moment);
      child.kill('SIGINT');
      expect(await exit, output()).toBe(130);
      expect(await processesOf(directory)).toEqual([]);
    },
  );
});
