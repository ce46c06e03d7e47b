import { connect as connectTls } from 'node:tls';

/** An alert is TLS's own way to refuse: whoever sends one speaks it. */
const SPEAKS_TLS = /ALERT|UNSUPPORTED_PROTOCOL|NO_PROTOCOLS|VERSION_TOO_LOW/;

/**
 * Whether a server on this machine speaks TLS, found out with a handshake that carries no request and checks no
 * certificate; the requests themselves check it. Whoever answers in another language, hangs up or stays silent for
 * `timeoutMs` (a server that waits for the end of a request line) does not.
 *
 * @throws the network's error when there is no connection at all
 */
export async function speaksTls(hostname: string, port: number, timeoutMs: number): Promise<boolean> {
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  let connected = false;
  const socket = connectTls({ host: hostname, port, rejectUnauthorized: false, timeout: timeoutMs });
  socket
    .once('connect', () => {
      connected = true;
    })
    .once('secureConnect', () => resolve(true))
    .once('timeout', () => (connected ? resolve(false) : reject(timedOut())))
    .once('close', () => resolve(false))
    .on('error', (error: NodeJS.ErrnoException) =>
      connected ? resolve(SPEAKS_TLS.test(error.code ?? '')) : reject(error),
    );
  try {
    return await promise;
  } finally {
    socket.destroy();
  }
}

function timedOut(): Error {
  return Object.assign(new Error('connect timed out'), { code: 'ETIMEDOUT' });
}
