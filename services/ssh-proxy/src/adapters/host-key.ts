import { createPrivateKey } from 'node:crypto';

const TYPE = 'ssh-ed25519';

/** An Ed25519 key in PKCS #8 as OpenSSH has private keys (PROTOCOL.key), which is what ssh2 reads. */
export function openSshKey(pkcs8: string): string {
  const { kty, crv, x, d } = createPrivateKey(pkcs8).export({ format: 'jwk' });
  if (kty !== 'OKP' || crv !== 'Ed25519' || x === undefined || d === undefined)
    throw new Error('expected an Ed25519 key');
  const [publicKey, seed] = [Buffer.from(x, 'base64url'), Buffer.from(d, 'base64url')];
  const publicBlob = Buffer.concat([text(TYPE), text(publicKey)]);
  // The two check numbers, which tell a wrong passphrase, are equal; there is none here.
  const check = Buffer.alloc(8);
  const parts = [check, text(TYPE), text(publicKey), text(Buffer.concat([seed, publicKey])), text('')];
  const secret = Buffer.concat(parts);
  const padding = Buffer.from(Array.from({ length: (8 - (secret.length % 8)) % 8 }, (_, index) => index + 1));
  const blob = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    ...[text('none'), text('none'), text(''), uint32(1), text(publicBlob), text(Buffer.concat([secret, padding]))],
  ]);
  const lines = blob.toString('base64').replace(/.{70}/g, '$&\n');
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${lines}\n-----END OPENSSH PRIVATE KEY-----\n`;
}

function text(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value as Buffer);
  return Buffer.concat([uint32(bytes.length), bytes]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
