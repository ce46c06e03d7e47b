import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { NatsHandle } from '@slipway/testing';
import { expect, onTestFinished } from 'vitest';

export interface UaaProcess {
  readonly url: string;
  readonly healthUrl: string;
  /** What it wrote so far. */
  readonly output: () => string;
  kill(): Promise<void>;
  /** SIGTERM; resolves with the exit status. */
  terminate(): Promise<number | null>;
  readonly exited: Promise<number | null>;
}

export type Environment = Readonly<Record<string, string>>;

export function environmentOf(nats: NatsHandle, settings: Environment): Environment {
  return {
    NATS_URL: nats.url,
    NATS_USER: 'uaa',
    NATS_PASSWORD: nats.password('uaa'),
    EXTERNAL_URL: 'http://localhost:8080',
    SYSTEM_HOSTS: 'localhost,127.0.0.1',
    ...settings,
  };
}

/** Runs a program of the service as the supervisor does. */
export function run(program: 'main' | 'rotate-key-command', env: Environment): UaaProcess {
  const path = fileURLToPath(new URL(`./${program}.ts`, import.meta.url));
  const child: ChildProcess = spawn(process.execPath, [path], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(child, 'close').then(([status]) => status as number | null);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
  };
  onTestFinished(kill);
  return {
    url: `http://127.0.0.1:${env.LISTEN_PORT}`,
    healthUrl: `http://127.0.0.1:${env.HEALTH_PORT}`,
    output: () => output,
    kill,
    exited,
    terminate: () => {
      child.kill('SIGTERM');
      return exited;
    },
  };
}

export function readiness(service: UaaProcess): Promise<string> {
  return fetch(`${service.healthUrl}/readyz`).then(
    (response) => response.text(),
    () => 'no answer',
  );
}

export async function untilReady(service: UaaProcess): Promise<void> {
  await expect.poll(() => readiness(service), { timeout: 30_000 }).toBe('ready\n');
}
