import { constants } from 'node:crypto';
import type { ConnectionOptions, TlsOptions } from 'node:tls';

/** TLS 1.3 with a key that both sides have, and a Diffie-Hellman exchange of its own for each connection. */
const COMMON = {
  minVersion: 'TLSv1.3',
  maxVersion: 'TLSv1.3',
  ciphers: 'TLS_AES_128_GCM_SHA256',
  // Nothing that was recorded can be resumed with what a process remembers.
  secureOptions: constants.SSL_OP_NO_TICKET,
} as const;

/** What the key is for, and its 32 bytes. */
export interface SharedKey {
  readonly identity: string;
  readonly key: Buffer;
}

/** Has no certificate: whoever does not have the key gets through no handshake. */
export function sharedKeyServer({ identity, key }: SharedKey): TlsOptions {
  return { ...COMMON, pskCallback: (_, offered) => (offered === identity ? key : null) };
}

export function sharedKeyClient({ identity, key }: SharedKey): ConnectionOptions {
  return {
    ...COMMON,
    pskCallback: () => ({ psk: key, identity }),
    // Asked only when the other side answered with a certificate instead, which nobody here has.
    ca: [],
    checkServerIdentity: () => new Error(`it has a certificate and not the key ${identity}`),
  };
}
