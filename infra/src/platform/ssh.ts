import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';

/** Where users log in to instances; it speaks with no NATS, and so is none of the bus's services. */
export const SSH_PROXY = 'ssh-proxy';

/** A host key as PEM (PKCS #8). */
export function generateHostKey(): string {
  return generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
}

/** Its public half as in known_hosts: type and base64. */
export function publicHostKey(hostKey: string): string {
  const { x } = createPublicKey(createPrivateKey(hostKey)).export({ format: 'jwk' });
  const parts = [Buffer.from('ssh-ed25519'), Buffer.from(x ?? '', 'base64url')];
  const blob = Buffer.concat(
    parts.flatMap((part) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(part.length);
      return [length, part];
    }),
  );
  return `ssh-ed25519 ${blob.toString('base64')}`;
}

/** What ssh-proxy shares with uaa and with cells. Both sides are told at each start, so nobody has to keep it. */
export function newSshSecrets(): { readonly clientSecret: string; readonly sessionKey: string } {
  return { clientSecret: randomBytes(24).toString('base64url'), sessionKey: randomBytes(32).toString('base64') };
}
