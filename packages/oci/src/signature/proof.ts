import { type Digest, digestOf } from '../digest.ts';
import { OciError } from '../errors.ts';
import { parseReference } from '../reference.ts';
import { decodeBase64 } from './base64.ts';
import { IN_TOTO_PAYLOAD_TYPE, parseSignStatement, preAuthEncoding } from './in-toto.ts';
import { MAX_PAYLOAD_BYTES, MAX_SIGNATURE_BYTES } from './limits.ts';
import { type TrustedKey, verifySignature } from './public-key.ts';
import { parseSimpleSigning } from './simple-signing.ts';

/**
 * How a signature is made. `simple-signing`: of a payload that names the digest. `dsse`: of an in-toto statement that
 * names it. `message`: of the bytes of the manifest or index.
 */
export type SignatureFormat = 'simple-signing' | 'dsse' | 'message';

/** A signature with all that is needed to check it again, without a registry. Bytes are in base64. */
export interface SignatureProof {
  readonly format: SignatureFormat;
  /** Whose it is. For people: a check tries the keys that are trusted then. */
  readonly keyName: string;
  /** What is signed: the manifest of the image, or the index that it was chosen from. */
  readonly digest: string;
  /** What the signature is of; absent for `message`. */
  readonly payload?: string | undefined;
  readonly signature: string;
  /** In words, where it was found. */
  readonly foundAt: string;
}

/** What a signature may be of: the manifest that runs and the index that leads to it, by digest, with their bytes. */
export type CoveredDocuments = ReadonlyMap<Digest, Uint8Array>;

export interface ProofRules {
  readonly keys: readonly TrustedKey[];
  readonly covered: CoveredDocuments;
  /** `registry/repository` that a signature must name; undefined when that is not asked for. */
  readonly repository?: string | undefined;
}

/** Why a signature does not count. */
export type RejectionCode =
  /** It is not what its format says. */
  | 'malformed'
  /** None of the keys made it, or what it is of was changed since. */
  | 'wrong-key'
  /** It is of something else. */
  | 'wrong-digest'
  /** It is of an image in another repository, and the policy asks for this one. */
  | 'wrong-repository';

export type ProofCheck =
  | { readonly outcome: 'accepted'; readonly key: TrustedKey; readonly digest: Digest }
  | { readonly outcome: 'rejected'; readonly code: RejectionCode; readonly reason: string };

/**
 * Decides whether a signature counts: a trusted key made it, and what it is of names (or is) a covered document. Nothing
 * of the payload is read before a key has vouched for it.
 */
export function checkProof(
  proof: Pick<SignatureProof, 'format' | 'payload' | 'signature'>,
  rules: ProofRules,
): ProofCheck {
  const signature = decodeBase64(proof.signature, MAX_SIGNATURE_BYTES);
  if (signature === undefined || signature.length === 0) {
    return rejected('malformed', `its signature is not base64 of 1 to ${MAX_SIGNATURE_BYTES} bytes`);
  }
  if (proof.format === 'message') return checkMessage(signature, rules);
  const payload = decodeBase64(proof.payload ?? '', MAX_PAYLOAD_BYTES);
  if (payload === undefined)
    return rejected('malformed', `its payload is not base64 of ${MAX_PAYLOAD_BYTES} bytes at most`);
  const signed = proof.format === 'dsse' ? preAuthEncoding(IN_TOTO_PAYLOAD_TYPE, payload) : payload;
  const key = rules.keys.find((each) => verifySignature(each, signed, signature));
  if (key === undefined) return rejected('wrong-key', 'it was not made with a trusted key, or its payload was changed');
  try {
    const claims = proof.format === 'dsse' ? statementClaims(payload) : payloadClaims(payload);
    return checkClaims(claims, key, rules);
  } catch (error) {
    if (error instanceof OciError) return rejected('malformed', error.message);
    throw error;
  }
}

interface Claim {
  readonly digest: Digest;
  /** The repository that the signer named. */
  readonly repository: string | undefined;
}

function payloadClaims(payload: Uint8Array): readonly Claim[] {
  const { digest, dockerReference } = parseSimpleSigning(payload);
  return [{ digest, repository: dockerReference }];
}

function statementClaims(payload: Uint8Array): readonly Claim[] {
  return parseSignStatement(payload).map(({ digest, name }) => ({ digest, repository: name }));
}

function checkClaims(claims: readonly Claim[], key: TrustedKey, { covered, repository }: ProofRules): ProofCheck {
  const ours = claims.filter(({ digest }) => covered.has(digest));
  if (ours.length === 0) {
    const others = claims.slice(0, 3).map(({ digest }) => digest);
    const of = others.length === 0 ? 'nothing' : others.join(', ');
    return rejected('wrong-digest', `key ${JSON.stringify(key.name)} made it, but it signs ${of}`);
  }
  const claim = repository === undefined ? ours[0] : ours.find((each) => sameRepository(each.repository, repository));
  if (claim === undefined) {
    const named = ours[0]?.repository;
    const reason = named ? `it is for ${JSON.stringify(named)}` : 'it names no repository';
    return rejected('wrong-repository', `key ${JSON.stringify(key.name)} made it, but ${reason}`);
  }
  return { outcome: 'accepted', key, digest: claim.digest };
}

function checkMessage(signature: Uint8Array, { keys, covered, repository }: ProofRules): ProofCheck {
  for (const [digest, bytes] of covered) {
    const key = keys.find((each) => verifySignature(each, bytes, signature));
    if (key === undefined) continue;
    if (repository === undefined) return { outcome: 'accepted', key, digest };
    return rejected('wrong-repository', `key ${JSON.stringify(key.name)} made it, but it names no repository`);
  }
  return rejected('wrong-key', 'no trusted key made it of this manifest or index');
}

/** The signer's text is a reference as users write them: `index.docker.io/library/nginx` is `nginx`. */
function sameRepository(named: string | undefined, wanted: string): boolean {
  if (named === undefined || named === '') return false;
  try {
    const { registry, repository } = parseReference(named);
    return `${registry}/${repository}` === wanted;
  } catch (error) {
    if (error instanceof OciError) return false;
    throw error;
  }
}

function rejected(code: RejectionCode, reason: string): ProofCheck {
  return { outcome: 'rejected', code, reason };
}

/** The covered documents of these bytes, each under the digest that it has. */
export function documentsByDigest(...documents: readonly Uint8Array[]): CoveredDocuments {
  return new Map(documents.map((bytes) => [digestOf(bytes), bytes]));
}
