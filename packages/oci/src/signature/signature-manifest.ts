import { z } from 'zod';
import { type Descriptor, digestSchema, shortTextSchema } from '../descriptor.ts';
import { checkShape, parseJsonObject } from '../json-document.ts';
import { MAX_SIGNATURES_PER_PLACE } from './limits.ts';
import { isBundleMediaType } from './sigstore-bundle.ts';

const SIMPLE_SIGNING = 'application/vnd.dev.cosign.simplesigning.v1+json';
/** Where cosign keeps the signature of a simple signing layer. */
const SIGNATURE_ANNOTATION = 'dev.cosignproject.cosign/signature';

/** A signature that a manifest carries; its payload or bundle is the blob. */
export type CarriedSignature =
  | { readonly kind: 'simple-signing'; readonly blob: Descriptor; readonly signature: string }
  | { readonly kind: 'bundle'; readonly blob: Descriptor };

export interface SignatureManifest {
  readonly signatures: readonly CarriedSignature[];
  /** Signatures beyond those that are looked at. */
  readonly leftOut: number;
}

const schema = z.object({
  schemaVersion: z.literal(2),
  layers: z.array(
    z.object({
      mediaType: shortTextSchema,
      digest: digestSchema,
      size: z.int().nonnegative(),
      annotations: z.record(z.string(), z.unknown()).nullish(),
    }),
  ),
});

/**
 * Reads a manifest that signatures are kept in: the one of cosign's tag `sha256-<hex>.sig`, or one that refers to an
 * image. Layers of other kinds are not signatures and are left alone.
 *
 * @throws OciError DOCUMENT_MALFORMED
 */
export function parseSignatureManifest(bytes: Uint8Array): SignatureManifest {
  const what = 'manifest of signatures';
  const { layers } = checkShape(schema, parseJsonObject(bytes, what), what);
  const all = layers.flatMap(({ mediaType, digest, size, annotations }): CarriedSignature[] => {
    const blob = { mediaType, digest, size };
    if (isBundleMediaType(mediaType)) return [{ kind: 'bundle', blob }];
    if (mediaType !== SIMPLE_SIGNING) return [];
    const signature = annotations?.[SIGNATURE_ANNOTATION];
    return [{ kind: 'simple-signing', blob, signature: typeof signature === 'string' ? signature : '' }];
  });
  const signatures = all.slice(0, MAX_SIGNATURES_PER_PLACE);
  return { signatures, leftOut: all.length - signatures.length };
}
