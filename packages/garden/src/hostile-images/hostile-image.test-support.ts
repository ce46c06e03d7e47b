import type { OciErrorCode } from '@slipway/oci';
import type { GardenErrorCode } from '../errors.ts';
import type { LayerDescriptor } from '../layers/layer.ts';
import type { LayerLimits } from '../tar/limits.ts';

/** What a layer holds in the end, by path: `describeLayer` has the words. The root itself is not listed. */
export type Tree = Readonly<Record<string, string>>;

/** What must come of a hostile image. */
export type Outcome =
  /** Refused with this error, and nothing of the layer is kept. */
  | { readonly refused: GardenErrorCode | OciErrorCode }
  /** Made harmless: exactly this is in its layers, lowest first. */
  | { readonly left: readonly Tree[] | ((stage: Stage) => readonly Tree[]) }
  /** Made harmless: this is what Slipway reads out of it. */
  | { readonly read: unknown };

/** A layer as a registry has it: bytes, and what a manifest and config say of them. */
export interface LayerBlob {
  readonly bytes: Uint8Array;
  /** The tar in it, when the bytes are packed in a way that ends well. */
  readonly tar?: Uint8Array;
  /** What is said of it that is not so. */
  readonly lies?: Partial<LayerDescriptor>;
}

/** Where a case is played. */
export interface Stage {
  /** A directory of the host that no image may reach; there is a file `victim` in it. */
  readonly outside: string;
}

interface Named {
  /** What is hostile about it. No two of a family are called the same. */
  readonly name: string;
  readonly expect: Outcome;
}

/** An image whose layers are hostile: it is put into a layer store. */
export interface HostileLayers extends Named {
  readonly kind: 'layers';
  /** Lowest first. Made when they are needed, for some are large. */
  readonly layers: (stage: Stage) => readonly LayerBlob[];
  readonly limits?: Partial<LayerLimits>;
}

/** An image whose documents are hostile: it is inspected at a registry that serves them honestly. */
export interface HostileDocuments extends Named {
  readonly kind: 'documents';
  readonly documents: () => Documents;
}

/** Documents by what they are asked for: `v1` or a digest. */
export interface Documents {
  readonly manifests: Readonly<Record<string, { readonly mediaType: string; readonly bytes: Uint8Array }>>;
  readonly blobs: Readonly<Record<string, Uint8Array>>;
}

/** An image that is hostile to whoever makes a container of it: its files are looked at as for a container. */
export interface HostileRootfs extends Named {
  readonly kind: 'rootfs';
  readonly layer: (stage: Stage) => LayerBlob;
  readonly process: HostileProcess;
}

/** Of the image config, as far as a container is made of it. */
export interface HostileProcess {
  readonly entrypoint?: readonly string[];
  readonly workdir?: string;
  readonly user?: string;
  readonly imageEnv?: readonly string[];
}

export type HostileImage = HostileLayers | HostileDocuments | HostileRootfs;

/** Cases that try the same thing. */
export interface Family {
  readonly title: string;
  /** What becomes of them, and why; for docs/hostile-images.md. */
  readonly what: string;
  readonly images: readonly HostileImage[];
}
