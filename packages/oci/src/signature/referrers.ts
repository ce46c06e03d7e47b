import { z } from 'zod';
import { digestSchema, shortTextSchema } from '../descriptor.ts';
import type { Digest } from '../digest.ts';
import { checkShape, parseJsonObject } from '../json-document.ts';
import { mediaTypes } from '../media-types.ts';
import { SIGN_PREDICATE } from './in-toto.ts';
import { isBundleMediaType } from './sigstore-bundle.ts';

/** A manifest that says that it refers to an image. */
export interface Referrer {
  readonly digest: Digest;
  readonly size: number;
}

export interface Referrers {
  /** Those that may hold signatures, the likeliest first. */
  readonly candidates: readonly Referrer[];
  /** Attestations, SBOMs and other strangers. */
  readonly others: number;
}

const COSIGN_SIGNATURE = 'application/vnd.dev.cosign.artifact.sig.v1+json';
const SIMPLE_SIGNING = 'application/vnd.dev.cosign.simplesigning.v1+json';
/** What cosign's client names in the fallback tag for its bundles, for it takes the media type of the config. */
const EMPTY = 'application/vnd.oci.empty.v1+json';
/** What cosign says of the statement in a bundle; registries with the API pass it on. */
const PREDICATE_ANNOTATION = 'dev.sigstore.bundle.predicateType';

const schema = z.object({
  schemaVersion: z.literal(2),
  mediaType: z.literal(mediaTypes.ociIndex).optional(),
  manifests: z.array(
    z.object({
      mediaType: shortTextSchema,
      digest: digestSchema,
      size: z.int().nonnegative(),
      artifactType: z.string().nullish(),
      annotations: z.record(z.string(), z.unknown()).nullish(),
    }),
  ),
});

/**
 * Reads a list of referrers (OCI distribution-spec 1.1, "Listing Referrers"): an index, of the API or of the fallback
 * tag. What does not say what it is is read too, after those that do.
 *
 * @throws OciError DOCUMENT_MALFORMED
 */
export function parseReferrers(bytes: Uint8Array): Referrers {
  const what = 'list of referrers';
  const { manifests } = checkShape(schema, parseJsonObject(bytes, what), what);
  const named: Referrer[] = [];
  const unnamed: Referrer[] = [];
  for (const { mediaType, digest, size, artifactType, annotations } of manifests) {
    if (mediaType !== mediaTypes.ociManifest) continue;
    const type = artifactType ?? '';
    const predicate = annotations?.[PREDICATE_ANNOTATION];
    // A word of whoever pushed it: it may hide a signature, and so may whoever leaves it out of the list.
    if (typeof predicate === 'string' && predicate !== SIGN_PREDICATE) continue;
    const isNamed = type === COSIGN_SIGNATURE || type === SIMPLE_SIGNING || isBundleMediaType(type);
    if (isNamed || predicate === SIGN_PREDICATE) named.push({ digest, size });
    else if (type === '' || type === EMPTY) unnamed.push({ digest, size });
  }
  const candidates = [...named, ...unnamed];
  return { candidates, others: manifests.length - candidates.length };
}

/**
 * The query of the next page, of a `Link` header; undefined when there is none. Only the query is taken over: the next
 * page is asked for where this one was.
 */
export function nextPageQuery(link: string | undefined): string | undefined {
  const found = /<([^<>]{1,2048})>\s*;[^,]*\brel="?next"?/i.exec(link?.slice(0, 4096) ?? '');
  const query = found?.[1]?.split('#', 1)[0]?.split('?').slice(1).join('?');
  return query === undefined || query === '' || /[^\x21-\x7e]/.test(query) ? undefined : query;
}
