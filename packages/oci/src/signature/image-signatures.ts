import { type Digest, digestOf } from '../digest.ts';
import { OciError } from '../errors.ts';
import { parseJsonObject } from '../json-document.ts';
import { parseManifestDocument } from '../manifest-document.ts';
import { mediaTypes } from '../media-types.ts';
import { decodeBase64 } from './base64.ts';
import { MAX_CARRIED_BYTES } from './limits.ts';
import { type CoveredDocuments, checkProof, type ProofRules, type SignatureProof } from './proof.ts';
import { parsePublicKey, type TrustedKey } from './public-key.ts';

/** What staging found in favour of an image, enough to check it again without a registry. Bytes are in base64. */
export interface ImageSignatures {
  /** The manifest: it ties the layers to its digest. */
  readonly manifest: string;
  /** The index that the manifest was chosen from, when a proof is of that. */
  readonly index?: string | undefined;
  readonly proofs: readonly SignatureProof[];
}

/** Whose signatures an image needs one of. */
export interface SignaturePolicy {
  readonly keys: readonly { readonly name: string; readonly publicKey: string }[];
  /** A signature must name the repository that the image is pulled from. */
  readonly matchRepository: boolean;
}

/** An image that was resolved to digests. */
export interface PinnedImage {
  readonly registry: string;
  readonly repository: string;
  readonly manifestDigest: string;
  readonly mediaType: string;
  readonly config: { readonly digest: string; readonly size: number };
  readonly layers: readonly { readonly digest: string; readonly size: number; readonly mediaType: string }[];
  readonly signatures?: ImageSignatures | undefined;
}

/** The signature that an image was accepted for. */
export interface AcceptedSignature {
  readonly key: TrustedKey;
  readonly digest: Digest;
  readonly proof: SignatureProof;
}

/** @throws OciError SIGNATURE_KEY_INVALID */
export function trustedKeys(policy: Pick<SignaturePolicy, 'keys'>): TrustedKey[] {
  return policy.keys.map(({ name, publicKey }) => parsePublicKey(name, publicKey));
}

/** @throws OciError SIGNATURE_KEY_INVALID */
export function proofRules(
  policy: SignaturePolicy,
  image: Pick<PinnedImage, 'registry' | 'repository'>,
): Omit<ProofRules, 'covered'> {
  const repository = policy.matchRepository ? `${image.registry}/${image.repository}` : undefined;
  return { keys: trustedKeys(policy), repository };
}

/**
 * Checks, without asking anybody, that a trusted key signed the digest that is pinned, and that the layers are those of
 * its manifest. A signature of an index counts when the manifest is in that index.
 *
 * @throws OciError SIGNATURE_UNPROVEN, SIGNATURE_KEY_INVALID
 */
export function checkImageSignatures(image: PinnedImage, policy: SignaturePolicy): AcceptedSignature {
  const { signatures } = image;
  const rules = proofRules(policy, image);
  if (signatures === undefined || signatures.proofs.length === 0) {
    throw unproven(image, rules.keys, 'it was staged without a signature');
  }
  const covered = coveredDocuments(image, signatures, rules.keys);
  const reasons: string[] = [];
  for (const proof of signatures.proofs) {
    const check = checkProof(proof, { ...rules, covered });
    if (check.outcome === 'accepted') return { key: check.key, digest: check.digest, proof };
    reasons.push(`signature by ${JSON.stringify(proof.keyName)} found at ${proof.foundAt}: ${check.reason}`);
  }
  throw unproven(image, rules.keys, reasons.join('; '));
}

function coveredDocuments(
  image: PinnedImage,
  signatures: ImageSignatures,
  keys: readonly TrustedKey[],
): CoveredDocuments {
  const fail = (problem: string): never => {
    throw unproven(image, keys, problem);
  };
  const manifest = decodeBase64(signatures.manifest, MAX_CARRIED_BYTES);
  if (manifest === undefined || digestOf(manifest) !== image.manifestDigest) {
    return fail('the manifest that was kept with its signatures is another one');
  }
  const document = parseManifestDocument(manifest, { descriptor: image.mediaType });
  if (document.kind !== 'manifest' || !sameContent(document.config, image.config)) {
    return fail('its config is not that of the signed manifest');
  }
  const { layers } = document;
  if (layers.length !== image.layers.length || !layers.every((layer, i) => sameLayer(layer, image.layers[i]))) {
    return fail('its layers are not those of the signed manifest');
  }
  const covered = new Map<Digest, Uint8Array>([[digestOf(manifest), manifest]]);
  if (signatures.index === undefined) return covered;
  const index = decodeBase64(signatures.index, MAX_CARRIED_BYTES);
  if (index === undefined || !indexLeadsTo(index, image.manifestDigest)) {
    return fail('the index that was kept with its signatures does not lead to it');
  }
  return covered.set(digestOf(index), index);
}

/** Whether an index offers this manifest as an image. @throws OciError when it is no index */
export function indexLeadsTo(index: Uint8Array, manifestDigest: string): boolean {
  const document = parseManifestDocument(index, { header: declaredType(index) ?? mediaTypes.ociIndex });
  return document.kind === 'index' && document.entries.some(({ digest }) => digest === manifestDigest);
}

/** OCI indexes need not say what they are; the header said it when this one was fetched. */
function declaredType(index: Uint8Array): string | undefined {
  const { mediaType } = parseJsonObject(index, 'image index');
  return typeof mediaType === 'string' ? mediaType : undefined;
}

type Content = { readonly digest: string; readonly size: number };

function sameContent(a: Content, b: Content): boolean {
  return a.digest === b.digest && a.size === b.size;
}

function sameLayer(a: Content & { readonly mediaType: string }, b: PinnedImage['layers'][number] | undefined): boolean {
  return b !== undefined && sameContent(a, b) && a.mediaType === b.mediaType;
}

function unproven(image: PinnedImage, keys: readonly TrustedKey[], problem: string): OciError {
  const names = describeKeys(keys);
  const { manifestDigest } = image;
  return new OciError(
    'SIGNATURE_UNPROVEN',
    `the image ${manifestDigest} has no signature by ${names}, which its organization asks for (sign it, then stage it ` +
      `again: cf restage): ${problem}`,
    { details: { manifestDigest, keys: keys.map(({ name }) => name) } },
  );
}

/** For people: `one of the keys "a", "b"`. */
export function describeKeys(keys: readonly TrustedKey[]): string {
  const names = keys.map(({ name }) => JSON.stringify(name)).join(', ');
  return keys.length === 1 ? `the key ${names}` : `one of the keys ${names}`;
}
