import type { ContainerLimits } from '../bundle/oci-config.ts';
import type { ProcessRequest } from '../image/process.ts';
import type { LayerHandle } from '../layers/layer.ts';

/** A container to be made. */
export interface ContainerSpec {
  /** Unique on the cell, e.g. the instance guid. */
  readonly handle: string;
  /** The image's layers, base first, as `LayerStore.ensureLayers` gave them. */
  readonly layers: readonly LayerHandle[];
  /** A function is asked once the container's address is known. */
  readonly process: ProcessRequest | ((place: { readonly address: string }) => ProcessRequest);
  readonly limits: ContainerLimits;
  /** Default: made of the handle. */
  readonly hostname?: string;
  /** The caller's own, of JSON; kept in the container's record for a later process to read. */
  readonly annotations?: Readonly<Record<string, unknown>>;
}

/** Called when a step of making or removing a container begins. What it throws is thrown at the caller. */
export type StepListener = (step: ContainerStep, handle: string) => void;

/** In order: those of create, start and delete. */
export const CONTAINER_STEPS = [
  'create:allocate',
  'create:files',
  'create:keeper',
  'create:rootfs',
  'create:process',
  'create:bundle',
  'create:runtime',
  'create:network',
  'create:record',
  'start:runtime',
  'start:record',
  'delete:record',
  'delete:processes',
  'delete:cgroup',
  'delete:network',
  'delete:rootfs',
  'delete:files',
] as const;
export type ContainerStep = (typeof CONTAINER_STEPS)[number];
