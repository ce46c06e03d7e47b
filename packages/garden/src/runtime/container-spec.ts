import type { ContainerLimits } from '../bundle/oci-config.ts';
import type { ProcessRequest } from '../image/process.ts';
import type { ImageName } from '../layers/image-name.ts';
import type { LayerHandle } from '../layers/layer.ts';
import type { EgressRule } from '../network/egress-rules.ts';
import type { VolumeSpec } from '../rootfs/volume-spec.ts';

/** What runs in a container; a function is asked once the container's address is known. */
export type ProcessSpec = ProcessRequest | ((place: { readonly address: string }) => ProcessRequest);

/** A process beside the app, in all of its namespaces and within its limits; started right after it. */
export interface SidecarSpec {
  /** Unique in the container; names its lines and its end. */
  readonly name: string;
  readonly process: ProcessSpec;
}

/** A directory of the cell's making in a container: readable by everybody there, writable by nobody. */
export interface FilesSpec {
  /** Absolute path in the container. */
  readonly destination: string;
  /** Paths below it: names of letters, digits, dots, dashes and underscores, with slashes between. */
  readonly files: readonly { readonly path: string; readonly content: string }[];
}

/** A container to be made. */
export interface ContainerSpec {
  /** Unique on the cell, e.g. the instance guid. */
  readonly handle: string;
  /** The image's layers, base first, as `LayerStore.ensureLayers` gave them. */
  readonly layers: readonly LayerHandle[];
  /** What the image is called in the ledger of the layer store. */
  readonly image?: ImageName;
  readonly process: ProcessSpec;
  /** Paths that the image names as VOLUME: plain directories of its own, made where it lacks them. */
  readonly imageVolumes?: readonly string[];
  readonly sidecars?: readonly SidecarSpec[];
  readonly files?: readonly FilesSpec[];
  readonly volumes?: readonly VolumeSpec[];
  readonly limits: ContainerLimits;
  /** Whose network policies hold for it, e.g. an app's guid; absent: it reaches no container, and none reaches it. */
  readonly networkGroup?: string;
  /** What it may open connections to; absent: all that is not denied to every container. `Container.allow` changes it. */
  readonly egress?: readonly EgressRule[];
  /** Default: made of the handle. */
  readonly hostname?: string;
  /** The caller's own, of JSON; kept in the container's record for a later process to read. */
  readonly annotations?: Readonly<Record<string, unknown>>;
}
