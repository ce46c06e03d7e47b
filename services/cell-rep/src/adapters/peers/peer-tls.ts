import { constants, hkdfSync } from 'node:crypto';
import type { ConnectionOptions, TlsOptions } from 'node:tls';

/** TLS 1.3 with the one key that all cells have, and a Diffie-Hellman exchange of its own for each connection. */
const COMMON = {
  minVersion: 'TLSv1.3',
  maxVersion: 'TLSv1.3',
  ciphers: 'TLS_AES_128_GCM_SHA256',
  // Nothing that was recorded can be resumed with what a cell remembers.
  secureOptions: constants.SSL_OP_NO_TICKET,
} as const;

const IDENTITY = 'slipway-cell';
const PURPOSE = 'slipway cell peers v1';

/** The key of connections between cells, out of the private key to which pull credentials are sealed. */
export function peerKey(cellPrivateKey: string): Buffer {
  return Buffer.from(hkdfSync('sha256', Buffer.from(cellPrivateKey, 'base64url'), Buffer.alloc(0), PURPOSE, 32));
}

/** Has no certificate: whoever does not have the key gets through no handshake. */
export function serverTls(key: Buffer): TlsOptions {
  return { ...COMMON, pskCallback: (_, identity) => (identity === IDENTITY ? key : null) };
}

export function clientTls(key: Buffer): ConnectionOptions {
  return {
    ...COMMON,
    pskCallback: () => ({ psk: key, identity: IDENTITY }),
    // Asked only when the other side answered with a certificate instead, which nobody here has.
    ca: [],
    checkServerIdentity: () => new Error('it has a certificate and not the key of the cells'),
  };
}
