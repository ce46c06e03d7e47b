import { Readable } from 'node:stream';
import {
  type Digest,
  type DropletRegistry,
  type InspectedImage,
  type Reference,
  type RegistryClient,
  RegistryError,
  type RepositoryClient,
  type RepositoryWriter,
  SharedFlights,
} from '@slipway/oci';
import { type CopiedBlob, copyRepository, copyTag, describeBytes, describeCopy } from '../domain/copy-place.ts';

/** Blobs of one image that are copied side by side; each is a stream through this process, with a megabyte or so held. */
const SIDE_BY_SIDE = 3;
/** Where blobs were put lately, for mounts. An entry has some two hundred bytes; what is forgotten is copied again. */
const MAX_KNOWN = 20_000;

export interface CopyOptions {
  /** Of the build. Copying ends some time before, so that its failure can still be told. */
  readonly deadline: number;
  readonly signal: AbortSignal;
  /** To the staging log. */
  readonly log: (line: string) => void;
}

interface Blob {
  readonly digest: Digest;
  readonly size: number;
  /** When it has been read already. */
  readonly bytes?: Buffer;
}

/** One image on its way: where from, where to, and whom to tell. */
interface Copying extends CopyOptions {
  readonly source: RepositoryClient;
  readonly target: RepositoryWriter;
  /** Of the upstream registry, lower case. */
  readonly host: string;
  readonly repository: string;
}

/**
 * Copies images into the platform's own registry: the platform's manifest as it is, by digest, its config, its layers.
 * What is there is not sent, a layer that another repository there has is mounted, and what several builds want at once
 * is copied once. Nothing is held but what is on its way.
 *
 * What a user's registry would not give him he does not get here: a copy's repository holds one upstream repository, whose
 * manifest he has just read, and a layer is mounted only from copies of the same upstream registry, after that registry
 * has said that his repository has it (ADR 19).
 */
export class ImageCopier {
  readonly #registry: RegistryClient;
  readonly #droplets: DropletRegistry;
  readonly #blobs = new SharedFlights<CopiedBlob>();
  readonly #manifests = new SharedFlights<boolean>();
  /** `<upstream registry> <digest>` to the repository of a copy that has the blob. */
  readonly #known = new Map<string, string>();

  constructor(registry: RegistryClient, droplets: DropletRegistry) {
    this.#registry = registry;
    this.#droplets = droplets;
  }

  get droplets(): DropletRegistry {
    return this.#droplets;
  }

  /** `source` reads the upstream repository with the build's own credentials. @throws RegistryError, the signal's reason */
  async copy(
    source: RepositoryClient,
    reference: Reference,
    image: InspectedImage,
    options: CopyOptions,
  ): Promise<{ readonly registry: string; readonly repository: string }> {
    const { registry } = this.#droplets;
    const repository = copyRepository(this.#droplets, reference);
    const { deadline, log, signal } = options;
    log(`copying the image to ${registry}/${repository}`);
    const target = this.#registry.uploads({ registry, repository }, { deadline, onStep: log });
    const copying = { ...options, source, target, repository, host: reference.registry.toLowerCase() };
    const blobs = await this.#copyBlobs(copying, uniqueBlobs(image));
    const { manifestDigest: digest, manifest, manifestBytes: bytes } = image;
    const content = { digest, mediaType: manifest.mediaType, bytes };
    const passenger = { signal, onStep: () => undefined };
    const { value: there } = await this.#manifests.join(`${repository} ${digest}`, passenger, async (ends) => {
      const found = await target.hasManifest(content, { signal: ends });
      if (!found) await target.putManifest(content, { signal: ends, tag: copyTag(digest) });
      return found;
    });
    log(`${registry} has the image${there ? ' already' : ''}: of ${blobs.length} blobs ${describeCopy(blobs)}`);
    return { registry, repository };
  }

  async #copyBlobs(copying: Copying, blobs: readonly Blob[]): Promise<readonly CopiedBlob[]> {
    const ended = new AbortController();
    const own = { ...copying, signal: AbortSignal.any([copying.signal, ended.signal]) };
    const waiting = blobs.values();
    const copied: CopiedBlob[] = [];
    const work = async (): Promise<void> => {
      for (const blob of waiting) copied.push(await this.#copyBlob(own, blob));
    };
    try {
      await Promise.all(Array.from({ length: SIDE_BY_SIDE }, work));
      return copied;
    } finally {
      // One has failed: the others need not go on.
      ended.abort();
    }
  }

  async #copyBlob(copying: Copying, blob: Blob): Promise<CopiedBlob> {
    const { repository, signal, log } = copying;
    let joined = false;
    const onJoin = (): void => {
      joined = true;
      log(`blob ${blob.digest} is being copied for another build`);
    };
    try {
      const passenger = { signal, onStep: () => undefined, onJoin };
      const { value } = await this.#blobs.join(`${repository} ${blob.digest}`, passenger, async (ends) =>
        this.#bring({ ...copying, signal: ends }, blob),
      );
      return joined ? { size: blob.size, how: 'there' } : value;
    } catch (error) {
      signal.throwIfAborted();
      // The other build's credentials may have been at fault, or its deadline.
      if (!joined) throw error;
      return this.#bring(copying, blob);
    }
  }

  async #bring(copying: Copying, blob: Blob): Promise<CopiedBlob> {
    const { repository, host, signal, log } = copying;
    const key = `${host} ${blob.digest}`;
    const how = await this.#how(copying, blob, this.#known.get(key));
    if (how === 'copied') {
      log(`copying blob ${blob.digest} (${describeBytes(blob.size)})`);
      await upload(copying, blob);
    }
    this.#known.delete(key);
    this.#known.set(key, repository);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= MAX_KNOWN) break;
      this.#known.delete(oldest);
    }
    signal.throwIfAborted();
    return { size: blob.size, how };
  }

  async #how(copying: Copying, blob: Blob, from: string | undefined): Promise<CopiedBlob['how']> {
    const { source, target, repository, signal, log } = copying;
    if (await target.hasBlob(blob, { signal })) return 'there';
    if (from === undefined || from === repository) return 'copied';
    // Not by the word of a manifest: whoever knows a digest can name it.
    const upstream = await source.headBlob(blob.digest, { signal });
    if (upstream === undefined || !(await target.mountBlob(blob.digest, from, { signal }))) return 'copied';
    log(`mounted blob ${blob.digest} (${describeBytes(blob.size)}) from ${from}`);
    return 'mounted';
  }
}

/** A source that breaks for good may be one of several (mirrors), and the next is asked when it is opened again. */
async function upload({ source, target, signal }: Copying, blob: Blob): Promise<void> {
  const open = async (ends: AbortSignal | undefined): Promise<Readable> =>
    blob.bytes === undefined
      ? source.openBlob(blob, { signal: ends })
      : Readable.from([blob.bytes], { objectMode: false });
  try {
    await target.uploadBlob(blob, open, { signal });
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof RegistryError) || error.phase !== 'blob') throw error;
    await target.uploadBlob(blob, open, { signal });
  }
}

/** Each once, and the largest first: they take the longest. */
function uniqueBlobs({ manifest, layers, configBytes: bytes }: InspectedImage): readonly Blob[] {
  const blobs = new Map<Digest, Blob>(layers.map(({ digest, size }) => [digest, { digest, size }]));
  blobs.set(manifest.config.digest, { ...manifest.config, bytes });
  return [...blobs.values()].toSorted((a, b) => b.size - a.size);
}
