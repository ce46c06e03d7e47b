import type { Readable } from 'node:stream';
import { type Digest, isDigest } from '../digest.ts';
import type { ImageManifest } from '../image-manifest.ts';
import type { ExpectedContent } from '../verify-stream.ts';
import type { MirrorRests } from './mirror-rests.ts';
import { RegistryError } from './registry-error.ts';
import {
  type CallOptions,
  type DocumentRequest,
  type FetchedConfig,
  type FetchedDocument,
  type FetchedManifest,
  RepositoryClient,
} from './repository-client.ts';
import type { RepositorySession } from './repository-session.ts';

/** The repository on a mirror. It has credentials of its own, and never those of the upstream registry. */
export interface MirrorRepository {
  /** As in references. */
  readonly registry: string;
  readonly tags: boolean;
  readonly client: RepositoryClient;
}

/**
 * A repository of a registry that has mirrors: each is asked in turn, and the registry itself last. Whatever goes wrong
 * at a mirror, from no connection to bytes of another digest, the next one is asked; what a mirror does not have, it does
 * not have. The steps and the last error tell of all.
 */
export class MirroredRepository extends RepositoryClient {
  readonly #mirrors: readonly MirrorRepository[];
  readonly #rests: MirrorRests;
  readonly #registry: string;
  readonly #onStep: (text: string) => void;

  constructor(session: RepositorySession, mirrors: readonly MirrorRepository[], rests: MirrorRests) {
    super(session);
    this.#mirrors = mirrors;
    this.#rests = rests;
    this.#registry = session.registry;
    this.#onStep = session.onStep;
  }

  override getManifest(
    selector: string,
    options: Parameters<RepositoryClient['getManifest']>[1] = {},
  ): Promise<FetchedManifest> {
    return this.#through(!isDigest(selector), options, (client) =>
      client === undefined ? super.getManifest(selector, options) : client.getManifest(selector, options),
    );
  }

  /** Signatures and the like are found by tags, or by lists that grow: only where tags are believed. */
  override getDocument(request: DocumentRequest, options: CallOptions = {}): Promise<FetchedDocument | undefined> {
    return this.#through(true, options, (client) =>
      client === undefined ? super.getDocument(request, options) : client.getDocument(request, options),
    );
  }

  override getConfig(manifest: ImageManifest, options: CallOptions = {}): Promise<FetchedConfig> {
    return this.#through(false, options, (client) =>
      client === undefined ? super.getConfig(manifest, options) : client.getConfig(manifest, options),
    );
  }

  override openBlob(expected: ExpectedContent, options: CallOptions = {}): Promise<Readable> {
    return this.#through(false, options, async (client, mirror) => {
      if (client === undefined) return super.openBlob(expected, options);
      const blob = await client.openBlob(expected, options);
      // The bytes went on to the reader by now: he begins anew, and must not get them from here again.
      blob.once('error', (error) => {
        if (error instanceof RegistryError) this.#rests.failed(mirror, error);
      });
      return blob;
    });
  }

  override headBlob(
    digest: Digest,
    options: CallOptions = {},
  ): Promise<{ readonly size: number | undefined } | undefined> {
    return this.#through(false, options, (client) =>
      client === undefined ? super.headBlob(digest, options) : client.headBlob(digest, options),
    );
  }

  /** `attempt` gets a mirror's client and registry, or no client for the registry itself. */
  async #through<T>(
    byTag: boolean,
    { signal }: CallOptions,
    attempt: (client: RepositoryClient | undefined, registry: string) => Promise<T>,
  ): Promise<T> {
    const failures: string[] = [];
    const note = (registry: string, why: string): void => {
      failures.push(`${registry}: ${why}`);
      this.#onStep(`the mirror ${registry} of ${this.#registry} does not help: ${why}`);
    };
    for (const { registry, tags, client } of this.#mirrors) {
      if (byTag && !tags) continue;
      const resting = this.#rests.reason(registry);
      if (resting !== undefined) {
        note(registry, `not asked, for it failed ${resting}`);
        continue;
      }
      try {
        const found = await attempt(client, registry);
        if (found !== undefined) return found;
        note(registry, 'it has none');
      } catch (error) {
        signal?.throwIfAborted();
        if (!(error instanceof RegistryError)) throw error;
        this.#rests.failed(registry, error);
        note(registry, error.detail);
      }
    }
    try {
      return await attempt(undefined, this.#registry);
    } catch (error) {
      throw error instanceof RegistryError && failures.length > 0 ? withMirrors(error, failures) : error;
    }
  }
}

/** The registry's own error, with what its mirrors said before. */
function withMirrors(error: RegistryError, failures: readonly string[]): RegistryError {
  const { code, phase, registry, asked, detail, url, status, retryAfterMs, transient, details } = error;
  return new RegistryError(
    code,
    { phase, registry, what: asked },
    `${detail} (its mirrors did not help: ${failures.join('; ')})`,
    {
      url: url === undefined ? undefined : new URL(url),
      status,
      retryAfterMs,
      transient,
      details,
      cause: error.cause,
    },
  );
}
