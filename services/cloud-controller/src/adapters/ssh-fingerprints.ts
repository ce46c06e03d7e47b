import { createHash } from 'node:crypto';

/** How clients show a host's key: by SHA-256 as OpenSSH does, and by MD5 as it did. `key` is its type and base64. */
export function fingerprintsOf(key: string): { readonly fingerprint: string; readonly md5Fingerprint: string } {
  const blob = Buffer.from(key.split(' ')[1] ?? '', 'base64');
  const md5 = createHash('md5').update(blob).digest('hex');
  return {
    fingerprint: createHash('sha256').update(blob).digest('base64').replace(/=+$/, ''),
    md5Fingerprint: md5.replace(/(?<=.)(?=(?:..)+$)/g, ':'),
  };
}
