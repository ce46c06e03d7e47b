import { request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

/** Between two tries; each is a connection of its own, as those of strangers are. */
const PAUSE_MS = 2;
const TRY_TIMEOUT_MS = 2_000;
const DEADLINE_MS = 60_000;

export interface Target {
  /** Default: loopback. */
  readonly address?: string;
  readonly port: number;
  readonly host: string;
  readonly path: string;
}

export interface FirstAnswer {
  /** When the first 200 was there, by `performance.now()`. */
  readonly at: number;
  readonly body: string;
}

/** Asks again and again until the answer is 200. */
export async function firstAnswer(target: Target, stopped: AbortSignal): Promise<FirstAnswer> {
  const deadline = performance.now() + DEADLINE_MS;
  for (;;) {
    const body = await ask(target);
    if (body !== undefined) return { at: performance.now(), body };
    stopped.throwIfAborted();
    if (performance.now() > deadline) throw new Error(`${target.host} does not answer within ${DEADLINE_MS} ms`);
    await delay(PAUSE_MS);
  }
}

/** Undefined when there is nobody, or the answer is another than 200. */
function ask({ address = '127.0.0.1', port, host, path }: Target): Promise<string | undefined> {
  return new Promise((resolve) => {
    const options = { host: address, port, path, headers: { host }, agent: false, timeout: TRY_TIMEOUT_MS };
    const sent = request(options);
    sent.on('response', (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => resolve(response.statusCode === 200 && body !== '' ? body : undefined));
      response.on('error', () => resolve(undefined));
    });
    sent.on('timeout', () => sent.destroy());
    sent.on('error', () => resolve(undefined));
    sent.end();
  });
}
