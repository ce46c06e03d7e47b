import { existsSync } from 'node:fs';
import { Agent, request } from 'undici';

const DEFAULT_SOCKET = '/var/run/docker.sock';
/** A local engine answers in milliseconds; a socket that nobody serves any more must not hold up a test run. */
const PING_MS = 3_000;

/** Whether a Docker engine answers at DOCKER_HOST or at its usual socket. */
export async function dockerEngineAnswers(env: NodeJS.ProcessEnv = process.env): Promise<boolean> {
  const host = env.DOCKER_HOST ?? `unix://${DEFAULT_SOCKET}`;
  const socketPath = host.startsWith('unix://') ? host.slice('unix://'.length) : undefined;
  if (socketPath !== undefined && !existsSync(socketPath)) {
    return false;
  }
  const dispatcher = new Agent({ connect: { timeout: PING_MS, ...(socketPath === undefined ? {} : { socketPath }) } });
  const url = socketPath === undefined ? host.replace(/^tcp:/, 'http:') : 'http://docker';
  try {
    const { statusCode, body } = await request(`${url}/_ping`, { dispatcher, signal: AbortSignal.timeout(PING_MS) });
    return statusCode === 200 && (await body.text()) === 'OK';
  } catch {
    // Whatever the reason is, nobody answers there.
    return false;
  } finally {
    await dispatcher.destroy();
  }
}
