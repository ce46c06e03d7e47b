import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { checkServerIdentity, connect as connectTls, type SecureContext } from 'node:tls';
import type { Backend } from '../../domain/routes/backend.ts';

/** Opens a connection to a backend; failures come as the socket's `error`. */
export type Dial = (backend: Backend) => Socket;

/** How long a silent connection may be dead before the kernel asks; Gorouter asks each second. */
const KEEP_ALIVE_PROBE_MS = 15_000;

/**
 * Plain TCP, or TLS for endpoints that registered a `tls_port`: the certificate must be trusted by `tls` and, when the
 * endpoint registered a name for it, carry that name.
 */
export function createDial(tls: SecureContext | undefined): Dial {
  return (backend) => {
    const { host, port } = backend;
    const socketOptions = { host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_PROBE_MS };
    if (!backend.tls) return connectTcp({ ...socketOptions, allowHalfOpen: true });
    const name = backend.serverCertDomainSan;
    return connectTls({
      ...socketOptions,
      ...(tls === undefined ? {} : { secureContext: tls }),
      // RFC 6066 3 has no addresses there.
      ...(name === '' || isIP(name) !== 0 ? {} : { servername: name }),
      checkServerIdentity: (_, certificate) => (name === '' ? undefined : checkServerIdentity(name, certificate)),
      ALPNProtocols: ['http/1.1'],
    });
  };
}
