import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { NatsHandle } from '@slipway/testing';
import { expect, onTestFinished } from 'vitest';
import type { Partners } from './partners.test-support.ts';

export interface LogCacheProcess {
  readonly url: string;
  readonly healthUrl: string;
  kill(): Promise<void>;
  /** SIGTERM; resolves with the exit status. */
  terminate(): Promise<number | null>;
}

const main = fileURLToPath(new URL('./main.ts', import.meta.url));

/** Runs the service as the supervisor does, on ports of the test's. */
export function startProcess(nats: NatsHandle, partners: Partners, ports: [number, number]): LogCacheProcess {
  const [port, healthPort] = ports;
  const child: ChildProcess = spawn(process.execPath, [main], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      NATS_URL: nats.url,
      NATS_USER: 'log-cache',
      NATS_PASSWORD: nats.password('log-cache'),
      LISTEN_PORT: String(port),
      HEALTH_PORT: String(healthPort),
      SYSTEM_HOSTS: 'localhost,127.0.0.1',
      UAA_URL: partners.uaaUrl,
      CLOUD_CONTROLLER_URL: partners.url,
    },
  });
  const exited = once(child, 'exit');
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
  };
  onTestFinished(kill);
  return {
    url: `http://127.0.0.1:${port}`,
    healthUrl: `http://127.0.0.1:${healthPort}`,
    kill,
    terminate: async () => {
      child.kill('SIGTERM');
      return (await exited)[0];
    },
  };
}

export async function untilReady(service: LogCacheProcess): Promise<void> {
  const status = (): Promise<number> =>
    fetch(`${service.healthUrl}/readyz`).then(
      (response) => response.status,
      () => 0,
    );
  await expect.poll(status, { timeout: 30_000 }).toBe(200);
}
