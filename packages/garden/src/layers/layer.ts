import type { ImageLimits } from '@slipway/oci';
import type { GardenError } from '../errors.ts';
import type { LayerLimits } from '../tar/limits.ts';
import type { Watermarks } from './disk-marks.ts';
import type { ImageName } from './image-name.ts';
import type { OwnedIds } from './owned-ids.ts';
import type { StoreStepListener } from './store-steps.ts';

/** A layer as a manifest and the image config describe it. */
export interface LayerDescriptor {
  /** `sha256:…` of the blob. */
  readonly digest: string;
  /** Bytes of the blob. */
  readonly size: number;
  readonly mediaType: string;
  /** `sha256:…` of the tar archive in the blob, from the image config's `rootfs.diff_ids`. */
  readonly diffId: string;
}

/**
 * A layer's bytes. `blob` is what the manifest names, verified by its digest, size and diffID. `archive` is the
 * uncompressed tar of it from another cell, verified by its diffID alone: that the digest unpacks to that diffID is
 * then the other cell's word.
 */
export interface LayerSource {
  readonly kind: 'blob' | 'archive';
  readonly bytes: AsyncIterable<Uint8Array>;
  /** Nobody uses the pieces after they were handed out: whoever reads them may take their memory. */
  readonly owned?: boolean;
  /** Bytes of the archive, to tell progress by. */
  readonly size?: number;
  /** Is told when the bytes broke off or were not the layer; the layer is then fetched again. A blob that has none is not. */
  reject?(error: GardenError): void;
}

/** Downloads a layer; a stream by itself is a blob. Whatever it throws becomes the cause of LAYER_FETCH_FAILED. */
export type FetchLayer = (
  descriptor: LayerDescriptor,
  signal: AbortSignal,
) => AsyncIterable<Uint8Array> | Promise<LayerSource>;

/** A layer that is in the store, as a root file system needs it. */
export interface LayerHandle {
  /** Its directory below the store's `layersDir`. */
  readonly name: string;
  readonly diffId: string;
  readonly ids: OwnedIds;
  readonly opaqueRoot: boolean;
  readonly fileBytes: number;
  /** It was there already. */
  readonly cached: boolean;
}

export interface LayerProgress {
  readonly digest: string;
  readonly state: 'cached' | 'waiting' | 'downloading' | 'ready';
  /** Bytes of the blob that have come, of `size`. */
  readonly bytes: number;
  readonly size: number;
}

/** The layers of an image, base first. Nobody removes them until they are released. */
export interface HeldLayers extends ReadonlyArray<LayerHandle> {
  /** A container made of them keeps them by itself. May be called any number of times. */
  release(): void;
}

export interface EnsureOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: LayerProgress) => void;
  /** What they are called in the ledger. */
  readonly image?: ImageName;
  /**
   * Where the layers come from in the end: a registry's host. Only requests that say the same share a download, for nobody
   * shall wait for a registry that another tenant has chosen and that sends what it likes, as slowly as it likes.
   */
  readonly from?: string;
  /** For whom: an organization's guid. Downloads have their turns by it. Default: where they are from. */
  readonly tenant?: string;
  /** Nobody waits for it: it leaves as much free as the high watermark asks for. */
  readonly background?: boolean;
}

/** An image that shall stay in the store, or shall come to it. Several may be of one id. */
export interface PinnedImage extends ImageName {
  /** It is what its app runs now, not what it could go back to. */
  readonly current: boolean;
  readonly layers: readonly LayerDescriptor[];
}

/** One line of the store's inventory. */
export interface LayerListing {
  readonly name: string;
  readonly diffId: string;
  readonly digests: readonly string[];
  readonly fileBytes: number;
  readonly entries: number;
  readonly createdAt: Date;
  readonly lastUsedAt: Date;
}

export interface LayerStoreOptions {
  /** Of this process alone; on a file system with trusted.* xattrs that can be idmapped (ext4, xfs, btrfs). */
  readonly dir: string;
  readonly limits?: Partial<LayerLimits>;
  /** Layers downloaded and unpacked side by side, over all images; default 4. */
  readonly concurrency?: number;
  /** Of images, by their manifests. */
  readonly imageLimits?: Partial<ImageLimits>;
  readonly watermarks?: Partial<Watermarks>;
  /** Each step that changes files, as it begins. */
  readonly onStep?: StoreStepListener;
  /** Told of what failed where nobody waits for it. */
  readonly onProblem?: (error: GardenError) => void;
}
