import { spawn } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const repository = join(import.meta.dirname, '../..');

/** A command of the README, run as a newcomer runs it: by the system's Node, through the bootstrap. */
export interface CommandLine {
  readonly dataDirectory: string;
  readonly cellId: string;
  readonly port: number;
  /** All that it printed so far. */
  output(): string;
  /** As Ctrl-C does. */
  interrupt(): void;
  /** The exit status, once it ended. */
  exited(): Promise<number | null>;
  /** Interrupts it if it runs, and removes the data directory. */
  dispose(): Promise<void>;
}

/** Runs `npm run <command>` with a port, a data directory, a cell and addresses of its own. */
export async function runCommandLine(
  command: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<CommandLine> {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'slipway-e2e-'));
  const port = await freePort();
  const cellId = `e2e-${randomBytes(3).toString('hex')}`;
  const child = spawn('node', [join(repository, 'infra/bootstrap/run.mjs'), ...command], {
    cwd: repository,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      SLIPWAY_PORT: String(port),
      SLIPWAY_DATA_DIR: dataDirectory,
      SLIPWAY_CELL_ID: cellId,
      SLIPWAY_CELL_SUBNET: `10.${randomInt(128, 250)}.${randomInt(0, 64) * 4}.0/22`,
      SLIPWAY_CELL_UID_BASE: String(200_000_000 + randomInt(0, 100) * 20_000_000),
      ...env,
    },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const exited = once(child, 'exit').then(([status]) => status as number | null);
  const interrupt = (): void => void child.kill('SIGINT');
  return {
    dataDirectory,
    cellId,
    port,
    output: () => output,
    interrupt,
    exited: () => exited,
    dispose: async () => {
      if (child.exitCode === null && child.signalCode === null) interrupt();
      await exited;
      await rm(dataDirectory, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
