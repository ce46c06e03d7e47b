import { z } from 'zod';
import { OciError } from '../errors.ts';
import { checkShape, parseJsonObject } from '../json-document.ts';
import { decodeBase64 } from './base64.ts';
import { IN_TOTO_PAYLOAD_TYPE } from './in-toto.ts';
import { MAX_ENVELOPE_SIGNATURES, MAX_PAYLOAD_BYTES, MAX_SIGNATURE_BYTES } from './limits.ts';

/** A sigstore bundle, as far as a public key needs it: certificates and transparency logs are not read. */
export type SigstoreBundle =
  | { readonly kind: 'dsse'; readonly payload: Buffer; readonly signatures: readonly Buffer[] }
  /** Of the bytes of the manifest itself. */
  | { readonly kind: 'message'; readonly signature: Buffer };

const MEDIA_TYPE = /^application\/vnd\.dev\.sigstore\.bundle(?:\.v0\.3\+json|\+json;version=0\.[123])$/;

const schema = z.object({
  mediaType: z.string().max(255),
  dsseEnvelope: z
    .object({
      payload: z.string(),
      payloadType: z.string().max(255),
      signatures: z
        .array(z.object({ sig: z.string() }))
        .min(1)
        .max(MAX_ENVELOPE_SIGNATURES),
    })
    .optional(),
  messageSignature: z.object({ signature: z.string() }).optional(),
});

export function isBundleMediaType(mediaType: string): boolean {
  return MEDIA_TYPE.test(mediaType);
}

/** Reads a bundle (sigstore protobuf-specs `sigstore_bundle.proto`, as JSON). @throws OciError DOCUMENT_MALFORMED */
export function parseSigstoreBundle(bytes: Uint8Array): SigstoreBundle {
  const what = 'sigstore bundle';
  const { mediaType, dsseEnvelope, messageSignature } = checkShape(schema, parseJsonObject(bytes, what), what);
  if (!isBundleMediaType(mediaType)) {
    throw malformed(`has the media type ${JSON.stringify(mediaType)}, which is not a bundle's`);
  }
  if (dsseEnvelope !== undefined && messageSignature === undefined) {
    if (dsseEnvelope.payloadType !== IN_TOTO_PAYLOAD_TYPE) {
      throw malformed(`holds ${JSON.stringify(dsseEnvelope.payloadType)}; ${IN_TOTO_PAYLOAD_TYPE} is needed`);
    }
    return {
      kind: 'dsse',
      payload: decoded('dsseEnvelope.payload', dsseEnvelope.payload, MAX_PAYLOAD_BYTES),
      signatures: dsseEnvelope.signatures.map(({ sig }) => decoded('a signature', sig, MAX_SIGNATURE_BYTES)),
    };
  }
  if (messageSignature !== undefined && dsseEnvelope === undefined) {
    const signature = decoded('messageSignature.signature', messageSignature.signature, MAX_SIGNATURE_BYTES);
    return { kind: 'message', signature };
  }
  throw malformed('must have either a dsseEnvelope or a messageSignature');
}

function decoded(field: string, text: string, maxBytes: number): Buffer {
  const bytes = decodeBase64(text, maxBytes);
  if (bytes === undefined) throw malformed(`is malformed: ${field} is not base64 of at most ${maxBytes} bytes`);
  return bytes;
}

function malformed(problem: string): OciError {
  return new OciError('DOCUMENT_MALFORMED', `the sigstore bundle ${problem}`);
}
