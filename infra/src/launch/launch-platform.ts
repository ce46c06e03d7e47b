import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { askPlatform, type PlatformStatus } from '../platform/instance-lock.ts';
import { inPrivateMounts } from '../process/private-mounts.ts';
import { repositoryRoot } from '../process/repository-root.ts';

const READY_DEADLINE_MS = 120_000;
const STOP_DEADLINE_MS = 120_000;
const POLL_MS = 20;
const KEPT_LINES = 2_000;

export interface LaunchOptions {
  /** Kept after `stop`. Default: a new one that is removed. */
  readonly dataDirectory?: string;
  /** Settings of the platform (`SLIPWAY_…`), above those that set it apart from any other on this machine. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** A whole platform in processes of its own, as `npm start` runs it. It dies with this process. */
export interface LaunchedPlatform {
  readonly url: string;
  readonly port: number;
  readonly dataDirectory: string;
  readonly adminPassword: string;
  /** Of the supervisor. */
  readonly pid: number;
  /** From the start of the process to everything ready. */
  readonly bootSeconds: number;
  /** The last lines of the terminal. */
  output(): string;
  status(): Promise<PlatformStatus>;
  /** The pid of a service (or of `nats-server`) right now. Throws when it does not run. */
  pidOf(service: string): Promise<number>;
  /** As Ctrl-C. Resolves with the exit status when all of it is gone. */
  stop(): Promise<number>;
  /** SIGKILL of the supervisor: resolves when it is gone; the kernel then asks the services to end. */
  kill(): Promise<void>;
}

/** Starts a platform with a port, a cell id, addresses and uids of its own. Needs root, for its cell. */
export async function launchPlatform(options: LaunchOptions = {}): Promise<LaunchedPlatform> {
  const dataDirectory = options.dataDirectory ?? (await mkdtemp(join(tmpdir(), 'slipway-platform-')));
  const settings: Record<string, string> = {
    SLIPWAY_PORT: String(await freePort()),
    SLIPWAY_SSH_PORT: String(await freePort()),
    SLIPWAY_CELL_ID: `cell-${randomBytes(3).toString('hex')}`,
    // Addresses and uids that the default platform does not use, and most likely no other of ours.
    SLIPWAY_CELL_SUBNET: `10.${randomInt(128, 250)}.${randomInt(0, 64) * 4}.0/22`,
    SLIPWAY_CELL_UID_BASE: String(200_000_000 + randomInt(0, 100) * 20_000_000),
    ...options.settings,
    SLIPWAY_DATA_DIR: dataDirectory,
  };
  const started = performance.now();
  // As the bootstrap does it.
  const program = [process.execPath, '--max-semi-space-size=2', join(repositoryRoot, 'infra/src/start/main.ts')];
  const [command, ...args] = inPrivateMounts(program);
  const child = spawn(command, args, {
    // The pipe is the lifeline: its end tells the platform that this process is gone.
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    env: {
      ...process.env,
      NODE_COMPILE_CACHE: join(repositoryRoot, 'node_modules/.cache/node-compile'),
      ...settings,
      SLIPWAY_LIFELINE_FD: '3',
    },
    detached: true,
  });
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) throw new Error('a piped stream is missing');
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      if (lines.length > KEPT_LINES) lines.shift();
    });
  }
  const clean = async (): Promise<void> => {
    if (options.dataDirectory === undefined) await rm(dataDirectory, { recursive: true, force: true });
  };
  const exited = once(child, 'exit').then(([code]) => (code as number | null) ?? 128);
  try {
    await ready(child, dataDirectory);
  } catch (error) {
    await end(child, exited, 'SIGTERM');
    await clean();
    throw new Error(`the platform does not start:\n${lines.join('\n')}`, { cause: error });
  }
  const bootSeconds = (performance.now() - started) / 1000;
  const status = async (): Promise<PlatformStatus> => {
    const answer = await askPlatform(dataDirectory);
    if (answer === undefined) throw new Error('the platform does not answer any more');
    return answer;
  };
  const secrets = JSON.parse(await readFile(join(dataDirectory, 'secrets.json'), 'utf8')) as { adminPassword: string };
  return {
    url: `http://localhost:${settings.SLIPWAY_PORT}`,
    port: Number(settings.SLIPWAY_PORT),
    dataDirectory,
    adminPassword: secrets.adminPassword,
    pid: child.pid as number,
    bootSeconds,
    output: () => lines.join('\n'),
    status,
    pidOf: async (service) => {
      const pid = (await status()).processes.find(({ name }) => name === service)?.pid;
      if (pid === undefined) throw new Error(`${service} does not run`);
      return pid;
    },
    stop: async () => {
      const exitStatus = await end(child, exited, 'SIGTERM');
      await clean();
      return exitStatus;
    },
    kill: async () => {
      await end(child, exited, 'SIGKILL');
    },
  };
}

async function ready(child: ChildProcess, dataDirectory: string): Promise<void> {
  const deadline = Date.now() + READY_DEADLINE_MS;
  while ((await askPlatform(dataDirectory))?.ready !== true) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error('it ended');
    if (Date.now() > deadline) throw new Error(`it is not ready after ${READY_DEADLINE_MS / 1000} s`);
    await delay(POLL_MS);
  }
}

async function end(child: ChildProcess, exited: Promise<number>, signal: NodeJS.Signals): Promise<number> {
  if (child.exitCode === null && child.signalCode === null) {
    child.kill(signal);
    const killer = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE_MS);
    await exited;
    clearTimeout(killer);
  }
  return await exited;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
