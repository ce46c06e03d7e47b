import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Bus, keepTopology } from '@slipway/bus';
import {
  buckets,
  type NatsParticipant,
  natsUserName,
  renderNatsServerConfig,
  serviceNames,
  streams,
} from '@slipway/contracts';
import { createLogger, Secret } from '@slipway/service-kit';

export interface NatsHandle {
  readonly url: string;
  readonly port: number;
  /** Of each service, with its real account and permissions (a cell: `cell-rep-cell-1`), and of `operator`. */
  password(user: string): string;
  /** A connection of the operator's, in the account of the streams: may read and send everything. Close it. */
  connectOperator(): Promise<Bus>;
  /** SIGKILL, then started anew on the same port; `wipe` loses the JetStream store in between. */
  restart(options?: { readonly wipe?: boolean }): Promise<void>;
  /** SIGSTOP: connections stay, and nothing is answered. `kill` and `restart` end that. */
  pause(): void;
  /** SIGKILL; `restart` brings it back. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

export interface NatsOptions {
  /** Cells that get a user; default `cell-1` and `cell-2`. */
  readonly cellIds?: readonly string[];
}

const everyStream = [
  ...Object.values(streams).map(({ name }) => name),
  ...Object.values(buckets).map(({ name }) => `KV_${name}`),
];

/** Starts a real nats-server on a free loopback port, with all streams in it. It dies with this process. */
export async function startNats(options: NatsOptions = {}): Promise<NatsHandle> {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-nats-'));
  const cells = options.cellIds ?? ['cell-1', 'cell-2'];
  const operator = { user: 'operator', password: 'operator-password' };
  const participants: NatsParticipant[] = [
    ...serviceNames
      .filter((service) => service !== 'cell-rep')
      .map((service) => ({ service, password: `${service}-password` })),
    ...cells.map((cellId) => ({ service: 'cell-rep' as const, cellId, password: `cell-rep-${cellId}-password` })),
  ];
  const passwords = new Map([
    [operator.user, operator.password],
    ...participants.map(({ service, cellId, password }) => [natsUserName(service, cellId), password] as const),
  ]);
  let port = -1;
  let child: ChildProcess | undefined;

  const start = async (): Promise<void> => {
    const configFile = join(directory, 'nats.conf');
    const storeDir = join(directory, 'store');
    const rendered = renderNatsServerConfig({
      host: '127.0.0.1',
      port,
      serverName: 'test',
      storeDir,
      operator,
      participants,
    });
    await writeFile(configFile, rendered, { mode: 0o600 });
    child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', 'nats-server', '-c', configFile], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    port = await serverReady(child);
  };
  const kill = async (): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  };

  await start();
  const url = `nats://127.0.0.1:${port}`;
  const keeper = keepTopology({
    url,
    user: operator.user,
    password: new Secret(operator.password),
    logger: createLogger('topology', 'silent'),
  });
  await keeper.complete;
  return {
    url,
    port,
    password: (name) => {
      const found = passwords.get(name);
      if (found === undefined) throw new Error(`no NATS user ${name}; there are ${[...passwords.keys()].join(', ')}`);
      return found;
    },
    connectOperator: () =>
      Bus.connect({
        url,
        user: operator.user,
        password: new Secret(operator.password),
        apiPrefix: '$JS.API',
        source: 'test',
        logger: createLogger('test', 'silent'),
        streams: everyStream,
      }),
    pause: () => void child?.kill('SIGSTOP'),
    kill,
    restart: async ({ wipe = false } = {}) => {
      await kill();
      if (wipe) await rm(join(directory, 'store'), { recursive: true, force: true });
      await start();
    },
    stop: async () => {
      await keeper.stop();
      await kill();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Resolves with the port that the server listens on, once it is ready. */
async function serverReady(child: ChildProcess): Promise<number> {
  if (child.stderr === null) throw new Error('nats-server has no stderr');
  const seen: string[] = [];
  const failed = new Promise<never>((_, reject) => {
    child.once('error', (cause) => reject(new Error('cannot start nats-server', { cause })));
    child.once('exit', (code) => reject(new Error(`nats-server ended with ${code}:\n${seen.join('\n')}`)));
  });
  failed.catch(() => undefined);
  const ready = new Promise<number>((resolve) => {
    // The reader stays on, for a full pipe would stop the server.
    createInterface({ input: child.stderr as NodeJS.ReadableStream }).on('line', (line) => {
      if (seen.length < 100) seen.push(line);
      if (!line.includes('Server is ready')) return;
      const listening = seen.map((l) => /Listening for client connections on .*:(\d+)/.exec(l)).find((m) => m !== null);
      resolve(Number(listening?.[1]));
    });
  });
  return Promise.race([ready, failed]);
}
