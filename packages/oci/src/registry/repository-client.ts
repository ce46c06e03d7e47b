import type { Readable } from 'node:stream';
import { type Digest, digestOf, isDigest } from '../digest.ts';
import { OciError } from '../errors.ts';
import { type ImageConfig, parseImageConfig } from '../image-config.ts';
import { type ImageManifest, MAX_CONFIG_BYTES } from '../image-manifest.ts';
import { MAX_MANIFEST_BYTES, type ManifestDocument, parseManifestDocument } from '../manifest-document.ts';
import { bareMediaType, isSchema1MediaType, manifestAccept } from '../media-types.ts';
import { ContentVerifier, type ExpectedContent } from '../verify-stream.ts';
import { BlobStream } from './blob-stream.ts';
import { type OpenedBlob, openBlob } from './open-blob.ts';
import { type Ask, placeError, RegistryError, type RegistryPhase } from './registry-error.ts';
import type { RepositorySession } from './repository-session.ts';
import { pauseAfter, wait } from './retry.ts';
import type { Answer } from './transport.ts';

export interface CallOptions {
  /** An abort rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** A manifest or index as the registry has it, verified. */
export interface FetchedManifest {
  readonly digest: Digest;
  /** In bytes. */
  readonly size: number;
  readonly bytes: Buffer;
  readonly document: ManifestDocument;
}

/** The config of an image, parsed and as the registry has it. */
export interface FetchedConfig {
  readonly config: ImageConfig;
  readonly bytes: Buffer;
}

/** A small document that is no image: what says something about one. */
export interface DocumentRequest {
  /** Below the repository: `manifests/TAG`, `referrers/DIGEST`, `blobs/DIGEST`. */
  readonly path: string;
  /** For the log and for errors: `the signatures at tag x of y`. */
  readonly what: string;
  readonly accept?: string;
  /** The most bytes that are read. */
  readonly limit: number;
  /** What the bytes must be, when a digest led here. */
  readonly expected?: ExpectedContent;
  /** Statuses that mean that there is none; 404 if not given. */
  readonly absent?: readonly number[];
}

export interface FetchedDocument {
  readonly bytes: Buffer;
  /** The bare type of the Content-Type header. */
  readonly mediaType: string | undefined;
  /** The Link header, which names the next page of a list. */
  readonly link: string | undefined;
}

/** What a manifest must be when an index led to it. */
export interface ManifestDescriptor {
  readonly mediaType: string;
  readonly size: number;
}

/** One repository of one registry, read over the distribution API. All content is verified before it is given out. */
export class RepositoryClient {
  readonly #session: RepositorySession;

  constructor(session: RepositorySession) {
    this.#session = session;
  }

  /**
   * Fetches a manifest or index by tag or digest. By digest, the bytes must have it; with a descriptor, its size and
   * media type as well.
   *
   * @throws RegistryError
   */
  async getManifest(
    selector: string,
    options: CallOptions & { readonly descriptor?: ManifestDescriptor; readonly phase?: RegistryPhase } = {},
  ): Promise<FetchedManifest> {
    const { descriptor, signal } = options;
    const { repository, registry, onStep } = this.#session;
    const name = `${repository}${isDigest(selector) ? '@' : ':'}${selector}`;
    const ask: Ask = { phase: options.phase ?? 'manifest', registry, what: `manifest ${name}` };
    const verified = (body: Buffer, answer: Answer): void => {
      const type = answer.header('content-type');
      // The digest of a schema 1 manifest leaves its signatures out; parsing refuses it by name.
      if (isSchema1MediaType(bareMediaType(type) ?? '')) parseManifestDocument(body, { header: type });
      checkManifestDigest(selector, digestOf(body), answer.header('docker-content-digest'));
    };
    const wanted = { path: `manifests/${selector}`, accept: manifestAccept, limit: MAX_MANIFEST_BYTES, verified };
    // What a build begins with has to be looked at for it; what that leads to by digest stays what it is.
    const freshSince = ask.phase === 'resolve' || !isDigest(selector) ? this.#session.freshSince : undefined;
    const { body, contentType: header, url } = await this.#session.shared(ask, wanted, freshSince, signal);
    try {
      const digest = digestOf(body);
      if (descriptor) {
        verify(body, { digest, size: descriptor.size });
      }
      const document = parseManifestDocument(body, { header, descriptor: descriptor?.mediaType });
      onStep(`${registry} answered 200: ${document.mediaType}, ${body.length} bytes, ${digest}`);
      return { digest, size: body.length, bytes: body, document };
    } catch (error) {
      throw placeError(error, ask, url);
    }
  }

  /** Fetches a small document of any kind as it is; undefined when the registry has none. @throws RegistryError */
  async getDocument(request: DocumentRequest, { signal }: CallOptions = {}): Promise<FetchedDocument | undefined> {
    const { path, what, accept, limit, expected, absent = [404] } = request;
    const { registry, onStep } = this.#session;
    const ask: Ask = { phase: 'policy', registry, what };
    const verified = (body: Buffer): void => {
      if (expected) verify(body, expected);
    };
    const wanted = { path, limit, verified, ...(accept === undefined ? {} : { accept }) };
    const freshSince = expected === undefined ? this.#session.freshSince : undefined;
    try {
      const { body, contentType, link } = await this.#session.shared(ask, wanted, freshSince, signal);
      // What others asked for by this digest may be longer than what is said of it here.
      verified(body);
      onStep(`${registry} answered 200: ${body.length} bytes`);
      return { bytes: body, mediaType: bareMediaType(contentType), link };
    } catch (error) {
      if (error instanceof RegistryError && error.status !== undefined && absent.includes(error.status)) {
        onStep(`${registry} answered ${error.status}: there is none`);
        return undefined;
      }
      throw placeError(error, ask);
    }
  }

  /** Fetches and parses the config of an image. @throws RegistryError */
  async getConfig({ config }: ImageManifest, { signal }: CallOptions = {}): Promise<FetchedConfig> {
    const { repository, registry, onStep } = this.#session;
    const ask: Ask = { phase: 'config', registry, what: `config ${config.digest} of ${repository}` };
    const verified = (body: Buffer): void => verify(body, config);
    const wanted = { path: `blobs/${config.digest}`, limit: MAX_CONFIG_BYTES, verified };
    const { body, url } = await this.#session.shared(ask, wanted, undefined, signal);
    try {
      verify(body, config);
      const parsed = parseImageConfig(body);
      onStep(`${registry} answered 200: image config, ${body.length} bytes`);
      return { config: parsed, bytes: body };
    } catch (error) {
      throw placeError(error, ask, url);
    }
  }

  /**
   * Opens a blob for reading. The stream fails with a RegistryError when the bytes turn out not to be those of the
   * descriptor; nothing read from it may be used before its `end`. A download that breaks is resumed.
   */
  async openBlob({ digest, size }: ExpectedContent, { signal }: CallOptions = {}): Promise<Readable> {
    const { repository, registry, deadlines, retries, onStep } = this.#session;
    const expected = { digest, size };
    const ask: Ask = { phase: 'blob', registry, what: `blob ${digest} of ${repository}` };
    const open = (what: Ask, offset: number, ends: AbortSignal | undefined): Promise<OpenedBlob> =>
      this.#session.retrying(what, ends, () => openBlob(this.#session, what, expected, offset, ends));
    return new BlobStream(await open(ask, 0, signal), {
      expected,
      ask,
      deadlines,
      attempts: retries.attempts,
      signal,
      reopen: async ({ offset, why, idle }, ends) => {
        onStep(`${registry}: ${why}; going on at byte ${offset} of ${expected.size}`);
        await wait(idle === 0 ? 0 : pauseAfter(retries, idle, undefined, Math.random()), ends);
        return open({ ...ask, what: `${ask.what} from byte ${offset} on` }, offset, ends);
      },
    });
  }

  /** Whether the registry has a blob, and of which size it says it is. */
  async headBlob(
    digest: Digest,
    { signal }: CallOptions = {},
  ): Promise<{ readonly size: number | undefined } | undefined> {
    const { repository, registry } = this.#session;
    const ask: Ask = { phase: 'blob', registry, what: `the size of blob ${digest} of ${repository}` };
    try {
      const answer = await this.#session.retrying(ask, signal, () =>
        this.#session.send(ask, { method: 'HEAD', path: `blobs/${digest}` }, signal),
      );
      answer.discard();
      const length = answer.header('content-length');
      return { size: length !== undefined && /^\d{1,15}$/.test(length) ? Number(length) : undefined };
    } catch (error) {
      if (error instanceof RegistryError && error.code === 'BLOB_NOT_FOUND') {
        return undefined;
      }
      throw error;
    }
  }
}

function verify(body: Uint8Array, expected: ExpectedContent): void {
  const verifier = new ContentVerifier(expected);
  verifier.update(body);
  verifier.finish();
}

/** The digest is that of the bytes; what was asked for and what the registry claims can only contradict it. */
function checkManifestDigest(selector: string, actual: Digest, claimed: string | undefined): void {
  if (isDigest(selector) && selector !== actual) {
    throw new OciError('DIGEST_MISMATCH', `digest mismatch: expected ${selector}, the bytes received are ${actual}`, {
      details: { expected: selector, actual },
    });
  }
  // Another algorithm's digest says nothing about this one.
  if (claimed?.startsWith('sha256:') && claimed !== actual) {
    throw new OciError(
      'DIGEST_MISMATCH',
      `its header Docker-Content-Digest says ${claimed.slice(0, 100)}, the bytes received are ${actual}`,
      { details: { expected: claimed.slice(0, 100), actual } },
    );
  }
}
