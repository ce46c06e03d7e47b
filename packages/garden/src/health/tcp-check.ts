import { connect } from 'node:net';
import type { CheckResult } from './check-result.ts';

/** Seconds with two digits, as in Cloud Foundry's messages. */
function seconds(ms: number): string {
  return (ms / 1000).toFixed(2);
}

/** Go's words for what a connection fails with. */
const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connect: connection refused',
  EHOSTUNREACH: 'connect: no route to host',
  ENETUNREACH: 'connect: network is unreachable',
  ECONNRESET: 'connect: connection reset by peer',
};

/**
 * Whether something accepts connections at an address and port, as Cloud Foundry's port check finds out. Connects from
 * the cell, so that the image needs no program for it; something that listens on 127.0.0.1 only is not reached.
 */
export async function tcpCheck(
  address: string,
  port: number,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<CheckResult> {
  const failed = (reason: string): CheckResult => ({
    ok: false,
    message: `failed to make TCP connection to ${address}:${port}: ${reason}`,
  });
  return await new Promise<CheckResult>((resolve) => {
    const socket = connect({ host: address, port });
    const end = (result: CheckResult): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', cancel);
      socket.destroy();
      resolve(result);
    };
    const cancel = (): void => end(failed('cancelled'));
    const timer = setTimeout(() => end(failed(`timed out after ${seconds(timeoutMs)} seconds`)), timeoutMs);
    signal?.addEventListener('abort', cancel, { once: true });
    socket.once('connect', () => end({ ok: true }));
    socket.once('error', (error: NodeJS.ErrnoException) => end(failed(reasons[error.code ?? ''] ?? error.message)));
    if (signal?.aborted) cancel();
  });
}
