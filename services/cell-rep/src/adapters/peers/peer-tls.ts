import { hkdfSync } from 'node:crypto';
import type { ConnectionOptions, TlsOptions } from 'node:tls';
import { sharedKeyClient, sharedKeyServer } from '@slipway/service-kit';

const IDENTITY = 'slipway-cell';
const PURPOSE = 'slipway cell peers v1';

/** The key of connections between cells, out of the private key to which pull credentials are sealed. */
export function peerKey(cellPrivateKey: string): Buffer {
  return Buffer.from(hkdfSync('sha256', Buffer.from(cellPrivateKey, 'base64url'), Buffer.alloc(0), PURPOSE, 32));
}

export function serverTls(key: Buffer): TlsOptions {
  return sharedKeyServer({ identity: IDENTITY, key });
}

export function clientTls(key: Buffer): ConnectionOptions {
  return sharedKeyClient({ identity: IDENTITY, key });
}
