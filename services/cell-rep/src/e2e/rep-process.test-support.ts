import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { vi } from 'vitest';

const MAIN = new URL('../main.ts', import.meta.url).pathname;
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
  // It dies with the test's process, which may be stopped at any time.
  const command = ['--pdeathsig', 'KILL', '--', process.execPath, MAIN];
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
    throw new Error(`the rep ended with ${status}:\n${lines.map((line) => JSON.stringify(line)).join('\n')}`);
  });
  early.catch(() => undefined);
  const healthPort = await Promise.race([listening.promise, early]);
  return { pid: child.pid as number, healthPort, lines, signal: (name) => child.kill(name), exited };
}

/** /readyz says so. */
export async function untilReady({ healthPort, exited }: RepProcess): Promise<void> {
  let ended: number | NodeJS.Signals | undefined;
  void exited.then((status) => {
    ended = status;
  });
  await vi.waitUntil(
    async () => {
      if (ended !== undefined) throw new Error(`the rep ended with ${ended}`);
      // A kept connection to a rep that was killed and had this port may be tried first.
      const answer = await fetch(`http://127.0.0.1:${healthPort}/readyz`).catch(() => undefined);
      return answer?.ok === true;
    },
    { timeout: 60_000 },
  );
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
