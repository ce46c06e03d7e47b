import { OciError } from './errors.ts';
import { type ImageIndex, parseIndex } from './image-index.ts';
import { type ImageManifest, parseManifest } from './image-manifest.ts';
import { parseJsonObject } from './json-document.ts';
import { bareMediaType, isIndexMediaType, isManifestMediaType, isSchema1MediaType } from './media-types.ts';

export type ManifestDocument = ImageIndex | ImageManifest;

/** The distribution-spec has registries take manifests of at least this size; larger ones are not made (`Pushing Manifests`). */
export const MAX_MANIFEST_BYTES: number = 4 * 1024 * 1024;

/** What others said the document is. Everybody who said something must have said the same. */
export interface ClaimedTypes {
  /** The Content-Type header as received. */
  readonly header?: string | undefined;
  /** The media type in the index entry that led here. */
  readonly descriptor?: string | undefined;
}

/**
 * Parses what a manifest endpoint answered: OCI index, OCI manifest, Docker manifest list or Docker schema 2.
 *
 * The same bytes must not read as two things (CVE-2021-41190): header, body and descriptor have to agree on the media
 * type, and a document with both `manifests` and `layers` is refused.
 *
 * @throws OciError
 */
export function parseManifestDocument(bytes: Uint8Array, claimed: ClaimedTypes): ManifestDocument {
  const what = 'manifest';
  const document = parseJsonObject(bytes, what);
  const header = bareMediaType(claimed.header);
  const body = typeof document.mediaType === 'string' ? document.mediaType : undefined;
  refuseSchema1(document, [header, body, claimed.descriptor]);
  const mediaType = agreedType([
    ['the Content-Type header', header],
    ['the document', body],
    ['the index entry', claimed.descriptor],
  ]);
  refuseAmbiguous(document);
  if (document.schemaVersion !== 2) {
    throw new OciError('DOCUMENT_MALFORMED', `the ${what} is malformed at "schemaVersion": expected 2`);
  }
  if (isIndexMediaType(mediaType)) {
    return parseIndex(mediaType, document);
  }
  if (isManifestMediaType(mediaType)) {
    return parseManifest(mediaType, document);
  }
  throw new OciError(
    'MEDIA_TYPE_UNSUPPORTED',
    `the manifest has media type ${JSON.stringify(mediaType)}, which is not that of an OCI or Docker image or index`,
    { details: { mediaType } },
  );
}

function refuseSchema1(document: Readonly<Record<string, unknown>>, types: readonly (string | undefined)[]): void {
  const named = types.some((type) => type !== undefined && isSchema1MediaType(type));
  if (named || document.schemaVersion === 1 || Object.hasOwn(document, 'fsLayers')) {
    const form = Object.hasOwn(document, 'signatures') ? 'signed' : 'unsigned';
    throw new OciError(
      'SCHEMA1_UNSUPPORTED',
      `the image is in Docker's retired manifest format, schema 1 (${form}); pull it and push it again with a current ` +
        'Docker to convert it',
    );
  }
}

function agreedType(claims: readonly (readonly [who: string, type: string | undefined])[]): string {
  const made = claims.filter((claim): claim is readonly [string, string] => claim[1] !== undefined);
  const [first] = made;
  if (first === undefined) {
    throw new OciError('MEDIA_TYPE_UNSUPPORTED', 'neither the Content-Type header nor the manifest names a media type');
  }
  if (made.some(([, type]) => type !== first[1])) {
    const said = made.map(([who, type]) => `${who} says ${JSON.stringify(type.slice(0, 255))}`).join(', ');
    throw new OciError('MEDIA_TYPE_MISMATCH', `the media types of the manifest disagree: ${said}`, {
      details: Object.fromEntries(made.map(([who, type]) => [who, type.slice(0, 255)])),
    });
  }
  return first[1].slice(0, 255);
}

function refuseAmbiguous(document: Readonly<Record<string, unknown>>): void {
  const others = ['layers', 'config'].filter((key) => Object.hasOwn(document, key));
  if (Object.hasOwn(document, 'manifests') && others.length > 0) {
    throw new OciError(
      'DOCUMENT_AMBIGUOUS',
      `the document has "manifests" like an index and "${others.join('" and "')}" like an image manifest`,
    );
  }
}
