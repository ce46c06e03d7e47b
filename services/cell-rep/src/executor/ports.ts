import type { DesiredLrp, HealthCheck, LrpSidecar, ReadinessCheck } from '@slipway/contracts';
import type { Listener } from '../domain/explain-check.ts';
import type { LayerPull } from '../domain/pull-progress.ts';
import type { AnyNotes } from './notes.ts';

/** What a container is made for: an instance of an LRP, or a task. */
export type Workload = Pick<
  DesiredLrp,
  | 'app'
  | 'image'
  | 'action'
  | 'sidecars'
  | 'files'
  | 'volumes'
  | 'resources'
  | 'egress'
  | 'ports'
  | 'healthCheck'
  | 'imageHealthCheck'
  | 'log'
  | 'metricTags'
>;

/** What the user is told of a pull while it goes on. */
export interface PullListener {
  onProgress(layer: LayerPull): void;
  /** A place that was asked first did not give a layer, and another is asked. */
  onDetour(detour: { readonly what: string; readonly why: string }): void;
}

/** What the executor asks of containers; `adapters/garden.ts` answers. */
export interface Containers {
  /** All layers of the image are here, verified, and stay until they are released. Rejects with the signal's reason when aborted. */
  pull(
    workload: Pick<Workload, 'image' | 'log' | 'metricTags'>,
    signal: AbortSignal,
    listener: PullListener,
  ): Promise<PulledImage>;
  /** All but the process. What fails or is aborted leaves nothing behind. */
  create(spec: ContainerSpec, signal: AbortSignal): Promise<Container>;
  /** What a rep before this one left. */
  list(): Promise<readonly FoundContainer[]>;
}

/** One check of all that a health or readiness check names. Undefined when it passes, else why not, in Diego's words. */
export type HealthProbe = (
  check: HealthCheck | ReadinessCheck,
  instance: { readonly address: string; readonly ports: readonly number[] },
  timeoutMs: number,
  signal: AbortSignal,
) => Promise<string | undefined>;

/** The layers of an image on this cell; only whoever pulled it looks inside. */
export interface PulledImage {
  readonly layers: readonly unknown[];
  /** A container that was made of them keeps them by itself; until then nobody removes them. */
  release(): void;
}

export interface ContainerSpec {
  readonly instanceGuid: string;
  readonly lrp: Workload;
  readonly image: PulledImage;
  /**
   * Over the image's own, of the app or of a sidecar of the LRP; the address is known only once the container has its
   * network.
   */
  readonly environment: (address: string, sidecar?: LrpSidecar) => Record<string, string>;
  readonly notes: AnyNotes;
}

export interface FoundContainer {
  readonly container: Container;
  /** `lost`: it ended, and nobody knows how, as when the machine restarted under it. */
  readonly state: 'running' | 'exited' | 'lost';
  /** Undefined when they do not parse: nobody can tell what it is. */
  readonly notes: AnyNotes | undefined;
  /** Wall-clock milliseconds. */
  readonly startedAt: number;
}

export interface ContainerExit {
  /** 128 + n after signal n; undefined when nobody was there to see. */
  readonly status: number | undefined;
  readonly outOfMemory: boolean;
  /** Wall-clock milliseconds. */
  readonly at: number;
}

export interface ContainerLine {
  /** Name of the sidecar that wrote it; undefined for the app. */
  readonly sidecar?: string | undefined;
  readonly stream: 'OUT' | 'ERR';
  readonly bytes: Uint8Array;
  readonly timestampNs: bigint;
}

export interface ContainerUsage {
  readonly cpuNanoseconds: number;
  readonly memoryBytes: number;
  readonly diskBytes: number;
}

/** A process beside the app. It ends with the app at the latest. */
export interface ContainerSidecar {
  readonly name: string;
  /** As for the container; may never resolve once that is deleted. */
  exited(): Promise<ContainerExit>;
  /** Nothing happens when it has ended. */
  signal(name: string): Promise<void>;
}

export interface Container {
  readonly instanceGuid: string;
  readonly address: string;
  readonly sidecars: readonly ContainerSidecar[];
  start(signal: AbortSignal): Promise<void>;
  /** Resolves when the process has ended, at once when it already has. */
  exited(): Promise<ContainerExit>;
  /** To the app alone. Nothing happens when it has ended. */
  signal(name: string): Promise<void>;
  /**
   * Ends when the process has ended and all it wrote was read, or soon after `signal` aborts. Reads no more while what
   * `onLines` returned has not settled.
   */
  readLines(
    onLines: (lines: readonly ContainerLine[]) => Promise<void> | undefined,
    signal: AbortSignal,
  ): Promise<void>;
  annotate(notes: AnyNotes): Promise<void>;
  /** What it may open connections to from now on, as the LRP has it. */
  allow(egress: Workload['egress']): Promise<void>;
  /**
   * Runs a program in it as the app's user. Undefined when that ends with 0 in time, else why it did not, with what it
   * wrote. Whatever it started is killed in the end. Never rejects.
   */
  check(
    program: { readonly argv: readonly string[]; readonly directory: string },
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<string | undefined>;
  /** Where something in it accepts connections right now. */
  listeners(): Promise<readonly Listener[]>;
  usage(): Promise<ContainerUsage>;
  /** Idempotent, whatever state it is in. */
  delete(signal: AbortSignal): Promise<void>;
}
