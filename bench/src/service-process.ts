import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from './cell/free-port.ts';

const READY_POLL_MS = 50;

export interface RunningService {
  readonly child: ChildProcess;
  readonly port: number;
  readonly healthPort: number;
}

/** Runs a service until it is ready. */
export async function startService(
  name: string,
  env: Readonly<Record<string, string>>,
  nodeFlags: readonly string[] = [],
): Promise<RunningService> {
  const main = fileURLToPath(new URL(`../../services/${name}/src/main.ts`, import.meta.url));
  const [port, healthPort] = [await freePort(), await freePort()];
  const child = spawn(process.execPath, [...nodeFlags, main], {
    env: { ...env, LISTEN_PORT: String(port), HEALTH_PORT: String(healthPort) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (/"level":"(error|fatal)"/.test(line)) console.error(`${name}: ${line}`);
  });
  while (!(await answers(`http://127.0.0.1:${healthPort}/readyz`))) {
    if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}`);
    await delay(READY_POLL_MS);
  }
  return { child, port, healthPort };
}

const answers = (url: string): Promise<boolean> =>
  fetch(url).then(
    ({ ok }) => ok,
    () => false,
  );

export async function endService(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;
}
