import type { StoredFeatures } from '../app-features.ts';
import type { MetadataUpdate } from '../metadata.ts';
import type { RouteOptionsChange } from '../names/route-options.ts';

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
  readonly readinessType?: 'port' | 'http' | 'process';
  readonly readinessEndpoint?: string;
  readonly readinessInvocationTimeoutS?: number;
  readonly readinessIntervalS?: number;
  readonly user?: string;
}

export interface ManifestSidecar {
  readonly name: string;
  readonly command: string;
  readonly types: readonly string[];
  /** Undefined: as it is. */
  readonly memoryMb: number | undefined;
}

export interface ManifestRoute {
  /** As it was typed. */
  readonly text: string;
  readonly hostname: string;
  /** Empty, or begins with a slash. */
  readonly path: string;
  /** Undefined: an existing destination keeps its own. */
  readonly protocol: 'http1' | 'http2' | undefined;
  readonly options: RouteOptionsChange;
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
  /** What is absent is as it is. */
  readonly features: Partial<StoredFeatures>;
  readonly sidecars: readonly ManifestSidecar[];
  readonly processes: readonly ManifestProcess[];
  readonly routes: ManifestRoutes;
  readonly services: readonly ManifestService[];
}
