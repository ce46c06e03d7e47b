import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { isIP } from 'node:net';
import { der } from './der.ts';

/** A key and a certificate that vouches for itself, for servers and signers in tests. */
export interface SelfSigned {
  readonly key: KeyObject;
  readonly keyPem: string;
  readonly certPem: string;
  /** DER in base64, as in the `x5c` header of a JWT. */
  readonly certBase64: string;
}

const OID = {
  commonName: '2.5.4.3',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
} as const;

const YEAR_MS = 365 * 24 * 3600 * 1000;

/** Makes a P-256 key and an X.509 certificate for these host names and IPv4 addresses; default: good for a year. */
export function selfSigned(
  names: readonly string[],
  valid: { readonly from?: Date; readonly to?: Date } = {},
): SelfSigned {
  const { privateKey: key, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const algorithm = der.sequence(der.oid(OID.ecdsaWithSha256));
  const name = der.sequence(der.set(der.sequence(der.oid(OID.commonName), der.utf8(names[0] ?? 'test'))));
  const now = Date.now();
  const alternatives = names.map((each) =>
    isIP(each) === 4
      ? der.context(7, Buffer.from(each.split('.').map(Number)), false)
      : der.context(2, Buffer.from(each), false),
  );
  const extension = (oid: string, value: Buffer): Buffer => der.sequence(der.oid(oid), der.octets(value));
  const certificate = der.sequence(
    der.context(0, der.integer(2)),
    der.integer(1),
    algorithm,
    name,
    // An hour back, for clocks differ.
    der.sequence(
      der.utcTime(valid.from ?? new Date(now - 3_600_000)),
      der.utcTime(valid.to ?? new Date(now + YEAR_MS)),
    ),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der.context(
      3,
      der.sequence(
        extension(OID.basicConstraints, der.sequence(der.boolean(true))),
        extension(OID.subjectAltName, der.sequence(...alternatives)),
      ),
    ),
  );
  const encoded = der.sequence(certificate, algorithm, der.bits(sign('sha256', certificate, key)));
  const certBase64 = encoded.toString('base64');
  return {
    key,
    keyPem: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
    certPem: `-----BEGIN CERTIFICATE-----\n${certBase64.replace(/.{64}(?=.)/g, '$&\n')}\n-----END CERTIFICATE-----\n`,
    certBase64,
  };
}
