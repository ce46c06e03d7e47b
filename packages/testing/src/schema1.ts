import { generateKeyPairSync, sign } from 'node:crypto';
import { digestOf, mediaTypes } from '@slipway/oci';
import type { BuiltContent, BuiltLayer } from './image-builder.ts';

/** A Docker schema 1 manifest, as Docker wrote it before 1.10. Its layers must be packed with gzip. */
export function buildSchema1(
  repository: string,
  tag: string,
  layers: readonly BuiltLayer[],
  { signed = true }: { readonly signed?: boolean } = {},
): BuiltContent {
  const document = {
    schemaVersion: 1,
    name: repository,
    tag,
    architecture: 'amd64',
    fsLayers: layers.toReversed().map(({ digest }) => ({ blobSum: digest })),
    history: layers.toReversed().map(({ diffId }, i, all) => ({
      v1Compatibility: JSON.stringify({
        id: diffId.slice('sha256:'.length),
        ...(i + 1 < all.length ? { parent: all[i + 1]?.diffId.slice('sha256:'.length) } : {}),
        ...(i === 0 ? { architecture: 'amd64', os: 'linux', config: { Cmd: ['/app'] } } : {}),
      }),
    })),
  };
  const payload = JSON.stringify(document, null, 3);
  const bytes = Buffer.from(signed ? signPretty(payload) : payload);
  const mediaType = signed ? mediaTypes.dockerSchema1Signed : mediaTypes.dockerSchema1;
  return { mediaType, digest: digestOf(bytes), size: bytes.length, bytes };
}

/**
 * libtrust's "pretty" JSON web signature: the signatures are put before the closing brace, and the protected header says
 * where the payload was cut.
 */
function signPretty(payload: string): string {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const tail = '\n}';
  const formatLength = payload.length - tail.length;
  const base64url = (text: string): string => Buffer.from(text).toString('base64url');
  const header = base64url(JSON.stringify({ formatLength, formatTail: base64url(tail), time: '1970-01-01T00:00:00Z' }));
  const signature = sign('sha256', Buffer.from(`${header}.${base64url(payload)}`), {
    key: privateKey,
    dsaEncoding: 'ieee-p1363',
  });
  const { crv, kty, x, y } = publicKey.export({ format: 'jwk' });
  const signatures = JSON.stringify(
    [
      {
        header: { jwk: { crv, kty, x, y }, alg: 'ES256' },
        signature: signature.toString('base64url'),
        protected: header,
      },
    ],
    null,
    3,
  );
  return `${payload.slice(0, formatLength)},\n   "signatures": ${signatures}${tail}`;
}
