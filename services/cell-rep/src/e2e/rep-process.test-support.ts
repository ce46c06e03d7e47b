import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { get } from 'node:http';
import { createInterface } from 'node:readline';
import type { NatsHandle } from '@slipway/testing';
import { onTestFinished, vi } from 'vitest';

const MAIN = new URL('../main.ts', import.meta.url).pathname;
const FRAGILE = new URL('fragile-rep.test-support.ts', import.meta.url).pathname;
const CLEAN = new URL('../clean.ts', import.meta.url).pathname;

export type Environment = Readonly<Record<string, string>>;

/** The rep as the process that it is. */
export interface RepProcess {
  readonly pid: number;
  readonly healthPort: number;
  /** Its log, each line parsed. */
  readonly lines: readonly Readonly<Record<string, unknown>>[];
  signal(name: NodeJS.Signals): void;
  /** Resolves with its exit code, or the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>;
}

/** Starts main.ts, until it serves /readyz. CELL_TEST_LOG=1 shows its log. */
export async function startRep(env: Environment): Promise<RepProcess> {
  return await startProcess(env.TEST_KILL_FILE === undefined ? MAIN : FRAGILE, env);
}

/** Another service of the platform, as the process that it is, until it is ready; killed when the test is over. */
export async function startOther(
  service: 'scheduler' | 'router',
  nats: NatsHandle,
  env: Environment = {},
): Promise<RepProcess> {
  const main = new URL(`../../../${service}/src/main.ts`, import.meta.url).pathname;
  const bus = { NATS_URL: nats.url, NATS_USER: service, NATS_PASSWORD: nats.password(service) };
  const other = await startProcess(main, { PATH: process.env.PATH ?? '', HEALTH_PORT: '0', ...bus, ...env });
  onTestFinished(async () => {
    other.signal('SIGKILL');
    await other.exited;
  });
  await untilReady(other);
  return other;
}

/** Starts a program that logs as services do, until it serves /readyz. */
export async function startProcess(main: string, env: Environment): Promise<RepProcess> {
  // It dies with the test's process, which may be stopped at any time.
  const command = ['--pdeathsig', 'KILL', '--', process.execPath, main];
  const child = spawn('setpriv', command, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: Record<string, unknown>[] = [];
  const listening = Promise.withResolvers<number>();
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      if (process.env.CELL_TEST_LOG !== undefined) process.stderr.write(`${line}\n`);
      const parsed = parseLine(line);
      lines.push(parsed);
      if (parsed.msg === 'health.listening') listening.resolve(Number(parsed.port));
    });
  }
  const exited = once(child, 'exit').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals);
  const early = exited.then((status): never => {
    throw new Error(`it ended with ${status}:\n${lines.map((line) => JSON.stringify(line)).join('\n')}`);
  });
  early.catch(() => undefined);
  const healthPort = await Promise.race([listening.promise, early]);
  return { pid: child.pid as number, healthPort, lines, signal: (name) => child.kill(name), exited };
}

/** /readyz says so. */
export async function untilReady(rep: RepProcess): Promise<void> {
  let ended: number | NodeJS.Signals | undefined;
  void rep.exited.then((status) => {
    ended = status;
  });
  await vi.waitUntil(
    async () => {
      if (ended !== undefined) throw new Error(`the process ended with ${ended}`);
      try {
        return (await askHealth(rep, '/readyz')).status === 200;
      } catch (error) {
        const said = rep.lines.map((line) => JSON.stringify(line)).join('\n');
        throw new Error(`process ${rep.pid} listened, and does not answer at ${rep.healthPort}:\n${said}`, {
          cause: error,
        });
      }
    },
    { timeout: 60_000 },
  );
}

/**
 * GET at the health port of a process, on a connection of its own: with none kept from an earlier request, or from an
 * earlier process at the same port, a reset can only mean that this process ended.
 */
export async function askHealth({ healthPort }: RepProcess, path: string): Promise<{ status: number; body: string }> {
  return await new Promise((resolve, reject) => {
    const request = get({ host: '127.0.0.1', port: healthPort, path, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.once('error', reject);
    });
    request.once('error', reject);
  });
}

/** Runs clean.ts; resolves with its exit code. */
export async function runClean(env: Environment): Promise<number> {
  const child = spawn(process.execPath, [CLEAN], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  const [code] = (await once(child, 'exit')) as [number];
  return code;
}

function parseLine(line: string): Record<string, unknown> {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return { msg: line };
  }
}
