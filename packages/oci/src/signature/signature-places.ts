import { type Digest, digestHex } from '../digest.ts';
import { OciError } from '../errors.ts';
import { mediaTypes } from '../media-types.ts';
import { printable } from '../printable.ts';
import type { RepositoryClient } from '../registry/repository-client.ts';
import {
  MAX_BUNDLE_BYTES,
  MAX_PAYLOAD_BYTES,
  MAX_REFERRER_PAGES,
  MAX_REFERRERS_READ,
  MAX_SIGNATURE_DOCUMENT_BYTES,
  MAX_SIGNATURES_PER_PLACE,
} from './limits.ts';
import type { SignatureProof } from './proof.ts';
import { nextPageQuery, parseReferrers, type Referrer } from './referrers.ts';
import { type CarriedSignature, parseSignatureManifest } from './signature-manifest.ts';
import { parseSigstoreBundle } from './sigstore-bundle.ts';

/** A signature as it lies in a registry, or why it cannot be read. */
export type Candidate = Pick<SignatureProof, 'format' | 'payload' | 'signature'> | { readonly problem: string };

/** What lies at one place. */
export interface PlaceContent {
  /** In words: `tag sha256-….sig`. */
  readonly place: string;
  /** Why it was looked at. */
  readonly remark?: string;
  readonly candidates: readonly Candidate[];
  /** Why it could not be read, or not all of it. */
  readonly problem?: string;
  /** It could not be read at all. */
  readonly failed: boolean;
}

type Where = { readonly repository: string };

/** Either kind of manifest: cosign writes Docker's for images of Docker's when it is told to. */
const ACCEPT_MANIFEST = `${mediaTypes.ociManifest}, ${mediaTypes.dockerManifest}`;
/** What registries without the API answer, besides the 404 of the specification. */
const NO_REFERRERS_API = [400, 404, 405];

/** Cosign's tag. What is wrong with it is told, not thrown; an abort is thrown. */
export async function readSignatureTag(
  client: RepositoryClient,
  where: Where,
  digest: Digest,
  signal: AbortSignal | undefined,
): Promise<readonly PlaceContent[]> {
  const tag = `sha256-${digestHex(digest)}.sig`;
  const reader = new PlaceReader(client, where, signal);
  const place = `tag ${tag}`;
  return [await reader.at(place, () => reader.manifest(`manifests/${tag}`, `signatures ${where.repository}:${tag}`))];
}

/**
 * The referrers API, and where a registry has none, or none that works, its fallback tag (OCI distribution-spec 1.1,
 * "Unavailable Referrers API").
 */
export async function readReferrers(
  client: RepositoryClient,
  where: Where,
  digest: Digest,
  signal: AbortSignal | undefined,
): Promise<readonly PlaceContent[]> {
  const reader = new PlaceReader(client, where, signal);
  let unavailable = false;
  const path = `/v2/${where.repository}/referrers/${digest}`;
  const api = await reader.at(`referrers ${path}`, async () => {
    const found = await reader.referrers(digest);
    unavailable = found === undefined;
    return found ?? [];
  });
  if (!unavailable && !api.failed) return [api];
  const tag = `sha256-${digestHex(digest)}`;
  const fallback = await reader.at(`tag ${tag}`, () => reader.fallbackTag(tag));
  return unavailable ? [{ ...fallback, remark: `the registry has no ${path}` }] : [api, fallback];
}

class PlaceReader {
  readonly #client: RepositoryClient;
  readonly #where: Where;
  readonly #signal: AbortSignal | undefined;
  readonly #limits: string[] = [];
  /** Signatures by several keys are of one payload: it is fetched once. */
  readonly #blobs = new Map<Digest, Buffer>();

  constructor(client: RepositoryClient, where: Where, signal: AbortSignal | undefined) {
    this.#client = client;
    this.#where = where;
    this.#signal = signal;
  }

  async at(place: string, read: () => Promise<readonly Candidate[]>): Promise<PlaceContent> {
    try {
      const candidates = await read();
      const problem = this.#limits.splice(0).join('; ');
      return { place, candidates, failed: false, ...(problem === '' ? {} : { problem }) };
    } catch (error) {
      return { place, candidates: [], failed: true, problem: this.#problemOf(error) };
    }
  }

  /** The signatures that one manifest carries. */
  async manifest(path: string, what: string, expected?: Referrer): Promise<readonly Candidate[]> {
    const found = await this.#client.getDocument(
      { path, what, accept: ACCEPT_MANIFEST, limit: MAX_SIGNATURE_DOCUMENT_BYTES, ...(expected ? { expected } : {}) },
      { signal: this.#signal },
    );
    if (found === undefined) return [];
    const { signatures, leftOut } = parseSignatureManifest(found.bytes);
    if (leftOut > 0) this.#limits.push(`${leftOut} more signatures than are looked at`);
    const candidates: Candidate[] = [];
    for (const carried of signatures) candidates.push(...(await this.#candidatesOf(carried)));
    return candidates;
  }

  /** Undefined when the registry has no such API. */
  async referrers(digest: Digest): Promise<readonly Candidate[] | undefined> {
    const candidates: Candidate[] = [];
    let query: string | undefined;
    let room = MAX_REFERRERS_READ;
    for (let page = 0; page < MAX_REFERRER_PAGES; page += 1) {
      const found = await this.#client.getDocument(
        {
          path: `referrers/${digest}${query === undefined ? '' : `?${query}`}`,
          what: `referrers of ${this.#where.repository}@${digest}`,
          accept: mediaTypes.ociIndex,
          limit: MAX_SIGNATURE_DOCUMENT_BYTES,
          absent: NO_REFERRERS_API,
        },
        { signal: this.#signal },
      );
      // A web page with status 200 is no such API either.
      if (found === undefined || found.mediaType !== mediaTypes.ociIndex) return page === 0 ? undefined : candidates;
      const { candidates: listed } = parseReferrers(found.bytes);
      candidates.push(...(await this.#readAll(listed.slice(0, room), listed.length - room)));
      room = Math.max(0, room - listed.length);
      query = nextPageQuery(found.link);
      if (query === undefined) return candidates;
    }
    this.#limits.push(`more than ${MAX_REFERRER_PAGES} pages of referrers`);
    return candidates;
  }

  async fallbackTag(tag: string): Promise<readonly Candidate[]> {
    const found = await this.#client.getDocument(
      {
        path: `manifests/${tag}`,
        what: `referrers ${this.#where.repository}:${tag}`,
        accept: mediaTypes.ociIndex,
        limit: MAX_SIGNATURE_DOCUMENT_BYTES,
      },
      { signal: this.#signal },
    );
    if (found === undefined) return [];
    const { candidates } = parseReferrers(found.bytes);
    return await this.#readAll(candidates.slice(0, MAX_REFERRERS_READ), candidates.length - MAX_REFERRERS_READ);
  }

  async #readAll(referrers: readonly Referrer[], leftOut: number): Promise<Candidate[]> {
    if (leftOut > 0) this.#limits.push(`${leftOut} more referrers than are looked at`);
    const candidates: Candidate[] = [];
    for (const referrer of referrers) {
      const what = `signatures ${this.#where.repository}@${referrer.digest}`;
      try {
        candidates.push(...(await this.manifest(`manifests/${referrer.digest}`, what, referrer)));
      } catch (error) {
        candidates.push({ problem: this.#problemOf(error) });
      }
      if (candidates.length > MAX_SIGNATURES_PER_PLACE) {
        this.#limits.push(`more than ${MAX_SIGNATURES_PER_PLACE} signatures`);
        break;
      }
    }
    return candidates;
  }

  async #candidatesOf(carried: CarriedSignature): Promise<readonly Candidate[]> {
    const { kind, blob } = carried;
    const limit = kind === 'bundle' ? MAX_BUNDLE_BYTES : MAX_PAYLOAD_BYTES;
    if (blob.size > limit) return [{ problem: `it has ${blob.size} bytes; at most ${limit} are read` }];
    try {
      const bytes = await this.#blob(carried, limit);
      if (bytes === undefined) return [{ problem: `the registry lacks its blob ${blob.digest}` }];
      if (kind === 'simple-signing') {
        return [{ format: 'simple-signing', payload: bytes.toString('base64'), signature: carried.signature }];
      }
      const bundle = parseSigstoreBundle(bytes);
      if (bundle.kind === 'message') return [{ format: 'message', signature: bundle.signature.toString('base64') }];
      const payload = bundle.payload.toString('base64');
      return bundle.signatures.map((each) => ({ format: 'dsse', payload, signature: each.toString('base64') }));
    } catch (error) {
      return [{ problem: this.#problemOf(error) }];
    }
  }

  async #blob({ kind, blob }: CarriedSignature, limit: number): Promise<Buffer | undefined> {
    const known = this.#blobs.get(blob.digest);
    if (known !== undefined) return known;
    const what = `signature blob ${blob.digest} of ${this.#where.repository}`;
    const request = { path: `blobs/${blob.digest}`, what, limit, expected: blob };
    const found = await this.#client.getDocument(request, { signal: this.#signal });
    if (found !== undefined && kind === 'simple-signing') this.#blobs.set(blob.digest, found.bytes);
    return found?.bytes;
  }

  #problemOf(error: unknown): string {
    this.#signal?.throwIfAborted();
    if (error instanceof OciError) return printable(error.message);
    throw error;
  }
}
