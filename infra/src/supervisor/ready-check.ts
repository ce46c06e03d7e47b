import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { request } from 'undici';

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
    const { statusCode, body } = await request(url, { signal: AbortSignal.timeout(ANSWER_DEADLINE_MS) });
    const text = (await body.text()).trim();
    return statusCode === 200 ? undefined : `${statusCode} ${text.slice(0, 300)}`;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === 'ECONNREFUSED' ? 'does not listen yet' : message;
  }
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
