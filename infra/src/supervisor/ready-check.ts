import { setTimeout as delay } from 'node:timers/promises';
import { request } from 'undici';

const POLL_MS = 50;
const ANSWER_DEADLINE_MS = 5_000;

/** Resolves once `url` answers 200. `onWaiting` is told each new reason why not. Ends with the signal only. */
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
    const { statusCode, body } = await request(url, { signal: AbortSignal.timeout(ANSWER_DEADLINE_MS) });
    const text = (await body.text()).trim();
    return statusCode === 200 ? undefined : `${statusCode} ${text.slice(0, 300)}`;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === 'ECONNREFUSED' ? 'does not listen yet' : message;
  }
}
