import type { MetadataUpdate } from '../metadata.ts';

/** Settings of a process that a manifest names; what is absent stays. */
export interface ManifestProcess {
  readonly type: string;
  /** Null: what the image says. */
  readonly command?: string | null;
  readonly instances?: number;
  readonly memoryMb?: number;
  readonly diskMb?: number;
  /** -1: no limit. */
  readonly logRateBytesPerSecond?: number;
  /** Seconds that a start may take. */
  readonly timeoutS?: number;
  readonly healthCheckType?: 'port' | 'http' | 'process';
  readonly healthCheckEndpoint?: string;
  readonly healthCheckInvocationTimeoutS?: number;
  readonly healthCheckIntervalS?: number;
}

export interface ManifestRoute {
  /** As it was typed. */
  readonly text: string;
  readonly hostname: string;
  /** Empty, or begins with a slash. */
  readonly path: string;
  /** Undefined: an existing destination keeps its own. */
  readonly protocol: 'http1' | 'http2' | undefined;
}

/** What a manifest wants of an app's routes. */
export type ManifestRoutes =
  | { readonly kind: 'unchanged' }
  /** Every route leads elsewhere. */
  | { readonly kind: 'none' }
  | { readonly kind: 'listed'; readonly routes: readonly ManifestRoute[] }
  /** Only for an app that has no route yet. */
  | { readonly kind: 'random' | 'default' };

export interface ManifestService {
  /** Of the service instance. */
  readonly name: string;
  readonly bindingName: string | null;
}

export interface ManifestApp {
  readonly name: string;
  /** Does the manifest name an image? Which one is decided by the package that is pushed. */
  readonly docker: boolean;
  /** Null removes. */
  readonly env: Readonly<Record<string, string | null>>;
  readonly metadata: MetadataUpdate | undefined;
  /** Undefined: as it is. */
  readonly revisions: boolean | undefined;
  readonly processes: readonly ManifestProcess[];
  readonly routes: ManifestRoutes;
  readonly services: readonly ManifestService[];
}
