import { get } from 'node:http';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 50;
const ANSWER_DEADLINE_MS = 5_000;

/** Resolves once `url` answers 200 (http) or greets with JetStream on (nats). `onWaiting` is told each new reason why not. Ends with the signal only. */
export async function untilReady(url: string, signal: AbortSignal, onWaiting: (reason: string) => void): Promise<void> {
  let said: string | undefined;
  for (;;) {
    signal.throwIfAborted();
    const reason = await notReadyReason(url);
    if (reason === undefined) return;
    if (reason !== said) onWaiting(reason);
    said = reason;
    await delay(POLL_MS, undefined, { signal });
  }
}

async function notReadyReason(url: string): Promise<string | undefined> {
  try {
    if (url.startsWith('nats:')) return await natsNotReadyReason(new URL(url));
    const { status, body } = await fetchText(url);
    return status === 200 ? undefined : `${status} ${body.trim().slice(0, 300)}`;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === 'ECONNREFUSED' ? 'does not listen yet' : message;
  }
}

/** By node:http: the supervisor stays small without an HTTP client of its own. */
async function fetchText(url: string): Promise<{ readonly status: number | undefined; readonly body: string }> {
  const signal = AbortSignal.timeout(ANSWER_DEADLINE_MS);
  return await new Promise((resolve, reject) => {
    get(url, { signal, agent: false }, (response) => {
      text(response).then((body) => resolve({ status: response.statusCode, body }), reject);
    }).once('error', reject);
  });
}

/** A nats-server greets each connection with `INFO {…}`, before anybody has to say who he is. */
async function natsNotReadyReason({ hostname, port }: URL): Promise<string | undefined> {
  const socket = connect({ host: hostname, port: Number(port) });
  socket.setTimeout(ANSWER_DEADLINE_MS, () => socket.destroy(new Error('says nothing')));
  try {
    const lines = createInterface({ input: socket });
    const failed = new Promise<never>((_, reject) => socket.once('error', reject));
    const first = await Promise.race([lines[Symbol.asyncIterator]().next(), failed]);
    if (first.done === true || !String(first.value).startsWith('INFO ')) return 'does not speak NATS';
    const info = JSON.parse(String(first.value).slice('INFO '.length)) as { jetstream?: boolean };
    return info.jetstream === true ? undefined : 'JetStream is not on';
  } finally {
    socket.destroy();
  }
}
