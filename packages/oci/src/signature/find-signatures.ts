import { OciError } from '../errors.ts';
import { printable } from '../printable.ts';
import type { RepositoryClient } from '../registry/repository-client.ts';
import type { InspectedImage } from '../registry/resolve.ts';
import { describeKeys, type ImageSignatures, proofRules, type SignaturePolicy } from './image-signatures.ts';
import { MAX_CARRIED_BYTES } from './limits.ts';
import { checkProof, documentsByDigest, type ProofRules, type RejectionCode, type SignatureProof } from './proof.ts';
import { type PlaceContent, readReferrers, readSignatureTag } from './signature-places.ts';

export interface SignatureSearch {
  readonly image: Pick<InspectedImage, 'indexBytes' | 'manifestBytes' | 'manifestDigest' | 'indexDigest'>;
  /** As in the reference. */
  readonly registry: string;
  readonly repository: string;
  readonly policy: SignaturePolicy;
  readonly signal?: AbortSignal | undefined;
  /** Told in words what is looked for, where, and what came of it. */
  readonly onStep?: ((text: string) => void) | undefined;
}

/** A signature that did not count. */
export interface SignatureRejection {
  readonly foundAt: string;
  readonly code: RejectionCode | 'unreadable' | 'too-large';
  readonly reason: string;
}

/** A place that was looked at. */
export interface SearchedPlace {
  readonly place: string;
  /** Signatures found there. */
  readonly found: number;
  /** Why it could not be read, or not all of it. */
  readonly problem?: string;
}

/**
 * Looks for signatures of an image by the keys of a policy, at all places that cosign has for them: its tag and the
 * referrers, of the index and of the manifest. Looks on until each key is found, so that a key may go later; one is enough.
 *
 * @throws OciError SIGNATURE_MISSING, SIGNATURE_NOT_ACCEPTED or SIGNATURE_LOOKUP_FAILED with every place and every
 *   reason, SIGNATURE_KEY_INVALID; the signal's reason
 */
export async function findSignatures(repository: RepositoryClient, search: SignatureSearch): Promise<ImageSignatures> {
  return await new Finder(repository, search).find();
}

class Finder {
  readonly #repository: RepositoryClient;
  readonly #search: SignatureSearch;
  readonly #rules: Omit<ProofRules, 'covered'>;
  readonly #places: SearchedPlace[] = [];
  readonly #rejections: SignatureRejection[] = [];
  /** By the fingerprint of the key. */
  readonly #proofs = new Map<string, SignatureProof>();
  readonly #seen = new Set<string>();
  #found = 0;

  constructor(repository: RepositoryClient, search: SignatureSearch) {
    this.#repository = repository;
    this.#search = search;
    this.#rules = proofRules(search.policy, search);
  }

  async find(): Promise<ImageSignatures> {
    const { image, signal } = this.#search;
    // An index is what a tag names, so it is what people sign.
    const digests = [image.indexDigest, image.manifestDigest].filter((digest) => digest !== undefined);
    this.#say(`the organization asks for a signature by ${describeKeys(this.#rules.keys)} of ${digests.join(' or ')}`);
    for (const digest of digests) {
      for (const read of [readSignatureTag, readReferrers]) {
        if (this.#proofs.size === new Set(this.#rules.keys.map(({ fingerprint }) => fingerprint)).size) break;
        for (const place of await read(this.#repository, this.#search, digest, signal)) {
          this.#take(place);
        }
      }
    }
    if (this.#proofs.size === 0) throw this.#refusal();
    return this.#signatures();
  }

  #take({ place, remark, candidates, problem }: PlaceContent): void {
    this.#found += candidates.length;
    const named = remark === undefined ? place : `${place} (${remark})`;
    this.#places.push({ place: named, found: candidates.length, ...(problem === undefined ? {} : { problem }) });
    this.#say(`${named}: ${foundText(candidates.length)}${problem === undefined ? '' : `; ${problem}`}`);
    for (const [i, candidate] of candidates.entries()) {
      const foundAt = `${place}, number ${i + 1}`;
      if ('problem' in candidate) this.#reject({ foundAt, code: 'unreadable', reason: candidate.problem });
      else this.#check({ ...candidate, foundAt });
    }
  }

  #check(candidate: Pick<SignatureProof, 'format' | 'payload' | 'signature' | 'foundAt'>): void {
    const identity = JSON.stringify([candidate.format, candidate.payload, candidate.signature]);
    if (this.#seen.has(identity)) return;
    this.#seen.add(identity);
    const { foundAt } = candidate;
    const { manifestBytes, indexBytes, indexDigest } = this.#search.image;
    const covered = documentsByDigest(manifestBytes, ...(indexBytes === undefined ? [] : [indexBytes]));
    const check = checkProof(candidate, { ...this.#rules, covered });
    if (check.outcome === 'rejected') {
      this.#reject({ foundAt, ...check });
      return;
    }
    const { key, digest } = check;
    const carried = digest === indexDigest ? indexBytes : manifestBytes;
    if (manifestBytes.length > MAX_CARRIED_BYTES || (carried?.length ?? 0) > MAX_CARRIED_BYTES) {
      const reason = `key ${JSON.stringify(key.name)} made it, but what it signs has more than the ${MAX_CARRIED_BYTES} bytes that cells keep for checking it; sign the image's own manifest`;
      this.#reject({ foundAt, code: 'too-large', reason });
      return;
    }
    this.#say(`${foundAt}: accepted, key ${JSON.stringify(key.name)} (${key.fingerprint}) signs ${digest}`);
    if (this.#proofs.has(key.fingerprint)) return;
    const { format, payload, signature } = candidate;
    this.#proofs.set(key.fingerprint, {
      format,
      keyName: key.name,
      digest,
      ...(payload === undefined ? {} : { payload }),
      signature,
      foundAt,
    });
  }

  #reject({ foundAt, code, reason }: SignatureRejection): void {
    const rejection = { foundAt, code, reason: printable(reason, MAX_REASON) };
    this.#rejections.push(rejection);
    this.#say(`${foundAt}: not accepted: ${rejection.reason}`);
  }

  #signatures(): ImageSignatures {
    const { manifestBytes, indexBytes, indexDigest } = this.#search.image;
    const proofs = [...this.#proofs.values()];
    const withIndex = indexBytes !== undefined && proofs.some(({ digest }) => digest === indexDigest);
    return {
      manifest: manifestBytes.toString('base64'),
      ...(withIndex ? { index: indexBytes.toString('base64') } : {}),
      proofs,
    };
  }

  #refusal(): OciError {
    const { registry, repository } = this.#search;
    const problems = this.#places.filter(({ problem }) => problem !== undefined);
    const looked = this.#places
      .map(({ place, found, problem }) => `${place}: ${problem ?? foundText(found)}`)
      .join('; ');
    const rejected = this.#rejections.slice(0, MAX_REASONS).map(({ foundAt, reason }) => `${foundAt}: ${reason}`);
    const more = this.#rejections.length > MAX_REASONS ? [`and ${this.#rejections.length - MAX_REASONS} more`] : [];
    const why = [...rejected, ...more].join('; ');
    const wanted = `a signature by ${describeKeys(this.#rules.keys)}`;
    const [code, what] =
      problems.length > 0
        ? (['SIGNATURE_LOOKUP_FAILED', `${wanted} was not found, and not every place could be read`] as const)
        : this.#found > 0
          ? (['SIGNATURE_NOT_ACCEPTED', `the image has signatures, but not ${wanted}`] as const)
          : (['SIGNATURE_MISSING', `the image is not signed; its organization asks for ${wanted}`] as const);
    // The reasons first: a message has its bound, and the places are named in them.
    const text = `${what}. ${why === '' ? '' : `${why}. `}Looked in ${registry}/${repository} at ${looked}`;
    return new OciError(code, text, { details: { places: this.#places, rejections: this.#rejections.slice(0, 64) } });
  }

  #say(text: string): void {
    this.#search.onStep?.(printable(text, MAX_LINE));
  }
}

const MAX_REASON = 400;
const MAX_REASONS = 4;
const MAX_LINE = 1_000;

function foundText(count: number): string {
  if (count === 0) return 'nothing';
  return `${count} signature${count === 1 ? '' : 's'}`;
}
