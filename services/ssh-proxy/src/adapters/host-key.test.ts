import { generateKeyPairSync } from 'node:crypto';
import ssh2 from 'ssh2';
import { expect, test } from 'vitest';
import { openSshKey } from './host-key.ts';

test('a key is the same in the format of OpenSSH', () => {
  for (let i = 0; i < 20; i += 1) {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const key = ssh2.utils.parseKey(openSshKey(privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()));
    if (key instanceof Error) throw key;
    expect(key.type).toBe('ssh-ed25519');
    const { x = '' } = publicKey.export({ format: 'jwk' });
    expect(key.getPublicSSH().subarray(-32).equals(Buffer.from(x, 'base64url'))).toBe(true);
    const data = Buffer.from('signed');
    expect(key.verify(data, key.sign(data) as Buffer)).toBe(true);
  }
});

test('another kind of key is refused', () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  expect(() => openSshKey(privateKey.export({ format: 'pem', type: 'pkcs8' }).toString())).toThrow('Ed25519');
});
