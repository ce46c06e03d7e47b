import { Readable } from 'node:stream';
import type { Digest } from '../digest.ts';
import type { ExpectedContent } from '../verify-stream.ts';
import { readDocument } from './body.ts';
import { MAX_ERROR_BYTES } from './limits.ts';
import type { Ask } from './registry-error.ts';
import type { CallOptions } from './repository-client.ts';
import type { RepositoryRequest, RepositorySession } from './repository-session.ts';
import type { Answer } from './transport.ts';

/** A manifest or index as it was read: its bytes are its identity. */
export interface ManifestContent {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

/** Opens the bytes of a blob; once more when an upload has to begin anew. They fail when they are not the blob's. */
export type OpenContent = (signal: AbortSignal | undefined) => Promise<Readable>;

/** What opening or reading the blob failed with: nothing that asking the registry again would help. */
class SourceFailed extends Error {}

/**
 * One repository of one registry, written to over the distribution API ("Push", distribution-spec). What holds for
 * reading holds here: credentials stay with the registry's origin, also when it names another host for an upload; no way
 * leads from https to http; everything has a deadline. Nothing is redirected.
 */
export class RepositoryWriter {
  readonly #session: RepositorySession;

  constructor(session: RepositorySession) {
    this.#session = session;
  }

  /** Whether the repository has the blob, of that size. @throws RegistryError */
  async hasBlob({ digest, size }: ExpectedContent, { signal }: CallOptions = {}): Promise<boolean> {
    const answer = await this.#ask(
      `blob ${digest}`,
      { method: 'HEAD', path: `blobs/${digest}`, accept: [200, 404] },
      signal,
    );
    const length = answer.header('content-length');
    return answer.status === 200 && (length === undefined || length === String(size));
  }

  /** Whether the repository has the manifest. @throws RegistryError */
  async hasManifest({ digest, mediaType }: ManifestContent, { signal }: CallOptions = {}): Promise<boolean> {
    const headers = { accept: mediaType };
    const request = { method: 'HEAD', path: `manifests/${digest}`, headers, accept: [200, 404] } as const;
    return (await this.#ask(`manifest ${digest}`, request, signal)).status === 200;
  }

  /**
   * Has the registry take over a blob from another of its repositories, without sending it. False when it does not do
   * that: the blob is not there, or may not be read there.
   *
   * @throws RegistryError
   */
  async mountBlob(digest: Digest, from: string, { signal }: CallOptions = {}): Promise<boolean> {
    const query = new URLSearchParams({ mount: digest, from });
    // 202 begins an upload instead, which the registry forgets in time.
    const request = { method: 'POST', path: `blobs/uploads/?${query}`, accept: [201, 202] } as const;
    const session = this.#session.allowedTo({ actions: 'pull,push', mountFrom: [from] });
    return (await this.#ask(`blob ${digest} from ${from}`, request, signal, session)).status === 201;
  }

  /**
   * Uploads a blob in one piece, as fast as the registry takes it. The last piece goes only when all of the source has
   * proved to be the blob.
   *
   * @throws RegistryError; what the source fails with
   */
  async uploadBlob(content: ExpectedContent, open: OpenContent, { signal }: CallOptions = {}): Promise<void> {
    const ask = this.#asking(`the upload of blob ${content.digest}`);
    try {
      await this.#session.retrying(ask, signal, async () => {
        const begun = await this.#send(ask, { method: 'POST', path: 'blobs/uploads/', accept: [202] }, signal);
        const place = await this.#session.placeToGo(begun, ask);
        place.searchParams.append('digest', content.digest);
        await this.#put(ask, place, content, open, signal);
      });
    } catch (error) {
      throw error instanceof SourceFailed ? error.cause : error;
    }
  }

  /** Puts a manifest under its digest, or under a tag as well; what it names must be there. @throws RegistryError */
  async putManifest(
    { digest, mediaType, bytes }: ManifestContent,
    { signal, tag }: CallOptions & { readonly tag?: string } = {},
  ): Promise<void> {
    const request = {
      method: 'PUT',
      path: `manifests/${tag ?? digest}`,
      headers: { 'content-type': mediaType },
      body: bytes,
      accept: [201],
      headersMs: this.#session.deadlines.commitMs,
    } as const;
    await this.#ask(`the taking of manifest ${digest}`, request, signal);
  }

  /** Deletes a manifest. False when there is none. @throws RegistryError, 405 when the registry deletes nothing */
  async deleteManifest(digest: Digest, { signal }: CallOptions = {}): Promise<boolean> {
    const request = { method: 'DELETE', path: `manifests/${digest}`, accept: [202, 404] } as const;
    const session = this.#session.allowedTo({ actions: 'delete' });
    return (await this.#ask(`the deletion of manifest ${digest}`, request, signal, session)).status === 202;
  }

  async #put(
    ask: Ask,
    place: URL,
    content: ExpectedContent,
    open: OpenContent,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    let failed: SourceFailed | undefined;
    const fails = (cause: unknown): SourceFailed => {
      failed ??= new SourceFailed('the source failed', { cause });
      return failed;
    };
    const source = await open(signal).catch((error: unknown) => {
      throw fails(error);
    });
    const body = Readable.from(lastPieceHeld(source, fails), { objectMode: false });
    const headers = { 'content-type': 'application/octet-stream', 'content-length': String(content.size) };
    const headersMs = this.#session.deadlines.commitMs;
    try {
      await this.#send(ask, { method: 'PUT', path: place, headers, body, accept: [201], headersMs }, signal);
    } catch (error) {
      throw failed ?? error;
    } finally {
      body.destroy();
      source.destroy();
    }
  }

  #asking(what: string): Ask {
    const { registry, repository } = this.#session;
    return { phase: 'copy', registry, what: `${what} to ${repository}` };
  }

  #ask(
    what: string,
    request: RepositoryRequest,
    signal: AbortSignal | undefined,
    session: RepositorySession = this.#session,
  ): Promise<Answer> {
    const ask = this.#asking(what);
    return session.retrying(ask, signal, () => this.#send(ask, request, signal, session));
  }

  /** The head of an answer of which nothing else is wanted; its connection can be used again. */
  async #send(
    ask: Ask,
    request: RepositoryRequest,
    signal: AbortSignal | undefined,
    session: RepositorySession = this.#session,
  ): Promise<Answer> {
    const answer = await session.send(ask, request, signal);
    // The head of what HEAD is about announces a body that does not come.
    if (request.method === 'HEAD') answer.discard();
    else await readDocument(answer, ask, MAX_ERROR_BYTES, signal);
    return answer;
  }
}

/** Passes pieces on one late, so that a source that turns out wrong at its end leaves the upload incomplete. */
async function* lastPieceHeld(
  source: Readable,
  fails: (cause: unknown) => SourceFailed,
): AsyncGenerator<Uint8Array, void, undefined> {
  let held: Uint8Array | undefined;
  try {
    for await (const piece of source as AsyncIterable<Uint8Array>) {
      if (held !== undefined) yield held;
      held = piece;
    }
  } catch (error) {
    throw fails(error);
  }
  if (held !== undefined) yield held;
}
