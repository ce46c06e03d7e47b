import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/** The certificates of a PEM text, one by one; what stands between them is comment. @throws Error in words */
export function readCertificates(pem: string): readonly string[] {
  const found = pem.match(CERTIFICATE) ?? [];
  if (found.length === 0) {
    throw new Error('there is no certificate in it: expected PEM, -----BEGIN CERTIFICATE----- and so on');
  }
  for (const [i, text] of found.entries()) {
    try {
      new X509Certificate(text);
    } catch (cause) {
      throw new Error(`certificate ${i + 1} of it cannot be read: expected an X.509 certificate in PEM`, { cause });
    }
  }
  return found;
}

/** Checks that a private key is one, without a passphrase, and that of the certificate. @throws Error in words */
export function checkKeyPair(certificate: string, key: string): void {
  let parsed: ReturnType<typeof createPrivateKey>;
  try {
    parsed = createPrivateKey(key);
  } catch {
    // Without the cause, which may quote the key.
    throw new Error('the key cannot be read: expected a private key in PEM, without a passphrase');
  }
  if (!new X509Certificate(certificate).checkPrivateKey(parsed)) {
    throw new Error('the key is not that of the certificate: give the two that were made together');
  }
  try {
    createSecureContext({ cert: certificate, key });
  } catch (error) {
    const { code = 'refused' } = error as NodeJS.ErrnoException;
    throw new Error(`TLS does not take them (${code}): a key too short, or a hash too old, at most times`);
  }
}
