import { connect as connectTls } from 'node:tls';

/** OpenSSL's words for bytes that are no TLS. Its others are of alerts and handshakes: who sends those speaks it. */
const NOT_TLS = /^ERR_SSL_(?:WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST|HTTPS_PROXY_REQUEST)$/;

/** `unclear`: it hung up without a word, or stayed silent. Most likely plain http, but it may as well be ending. */
export type SpokenScheme = 'tls' | 'plain' | 'unclear';

/**
 * What a server on this machine speaks, found out with a handshake that carries no request and checks no certificate;
 * the requests themselves check it. Whoever answers in another language speaks plain http; so may one who hangs up or
 * stays silent for `timeoutMs` (a server that waits for the end of a request line).
 *
 * @throws the network's error when there is no connection at all
 */
export async function probeScheme(hostname: string, port: number, timeoutMs: number): Promise<SpokenScheme> {
  const { promise, resolve, reject } = Promise.withResolvers<SpokenScheme>();
  let connected = false;
  const socket = connectTls({ host: hostname, port, rejectUnauthorized: false, timeout: timeoutMs });
  socket
    .once('connect', () => {
      connected = true;
    })
    .once('secureConnect', () => resolve('tls'))
    .once('timeout', () => (connected ? resolve('unclear') : reject(timedOut())))
    .once('close', () => resolve('unclear'))
    .on('error', (error: NodeJS.ErrnoException) => (connected ? resolve(meaning(error.code ?? '')) : reject(error)));
  try {
    return await promise;
  } finally {
    socket.destroy();
  }
}

function meaning(code: string): SpokenScheme {
  if (NOT_TLS.test(code)) {
    return 'plain';
  }
  // All others but TLS's are the network's.
  return /^ERR_SSL_|^ERR_TLS_|^EPROTO$/.test(code) ? 'tls' : 'unclear';
}

function timedOut(): Error {
  return Object.assign(new Error('connect timed out'), { code: 'ETIMEDOUT' });
}
