import type { StoredFeatures } from '../app-features.ts';
import type { SidecarSettings } from '../lrp/sidecars.ts';
import type { Metadata } from '../metadata.ts';
import type { RouteOptions } from '../names/route-options.ts';
import type { ProcessSettings } from './process-change.ts';
import { formatLogRate, formatMegabytes } from './sizes.ts';

/** What there is of an app. */
export interface AppState {
  readonly name: string;
  /** Undefined while nothing was pushed. */
  readonly docker: { readonly image: string; readonly username: string | null } | undefined;
  readonly env: Readonly<Record<string, string>>;
  readonly metadata: Metadata;
  readonly services: readonly { readonly name: string; readonly bindingName: string | null }[];
  readonly features: StoredFeatures;
  readonly sidecars: readonly SidecarSettings[];
  readonly routes: readonly {
    readonly url: string;
    readonly protocol: 'http1' | 'http2';
    readonly options: RouteOptions;
  }[];
  readonly processes: readonly (ProcessSettings & { readonly type: string })[];
}

export interface ProcessEntry {
  readonly type: string;
  readonly instances: number;
  readonly memory: string;
  readonly disk_quota: string;
  readonly 'log-rate-limit-per-second': string | number;
  readonly command?: string;
  readonly timeout?: number;
  readonly 'health-check-type': string;
  readonly 'health-check-http-endpoint'?: string;
  readonly 'health-check-invocation-timeout'?: number;
  readonly 'health-check-interval'?: number;
  readonly 'readiness-health-check-type': string;
  readonly 'readiness-health-check-http-endpoint'?: string;
  readonly 'readiness-health-check-invocation-timeout'?: number;
  readonly 'readiness-health-check-interval'?: number;
  readonly user?: string;
}

export interface SidecarEntry {
  readonly name: string;
  readonly process_types: readonly string[];
  readonly command: string;
  readonly memory?: string;
}

export interface RouteEntry {
  readonly route: string;
  readonly protocol: string;
  readonly options?: RouteOptions;
}

export type ServiceEntry = string | { readonly name: string; readonly binding_name: string };

/** An entry of `applications`, as `cf create-app-manifest` writes it down. */
export interface AppEntry {
  readonly name: string;
  readonly lifecycle?: 'docker';
  readonly docker?: { readonly image: string; readonly username?: string };
  readonly env?: Readonly<Record<string, string>>;
  readonly services?: readonly ServiceEntry[];
  readonly features: Partial<StoredFeatures>;
  readonly metadata?: Partial<Metadata>;
  readonly routes?: readonly RouteEntry[];
  readonly 'no-route'?: true;
  readonly processes: readonly ProcessEntry[];
  readonly sidecars?: readonly SidecarEntry[];
}

/** The manifest that brings an app into the state that this one has. */
export function appManifest(app: AppState): AppEntry {
  const { labels, annotations } = app.metadata;
  const metadata = { ...(isEmpty(labels) ? {} : { labels }), ...(isEmpty(annotations) ? {} : { annotations }) };
  return {
    name: app.name,
    ...(app.docker === undefined ? { lifecycle: 'docker' } : { docker: dockerEntry(app.docker) }),
    ...(isEmpty(app.env) ? {} : { env: app.env }),
    features: featureEntries(app.features),
    ...(isEmpty(metadata) ? {} : { metadata }),
    ...(app.services.length === 0 ? {} : { services: app.services.map(serviceEntry) }),
    // Without a word of routes a push makes a default route.
    ...(app.routes.length === 0 ? { 'no-route': true } : { routes: app.routes.map(routeEntry) }),
    processes: app.processes.map(processEntry),
    ...(app.sidecars.length === 0 ? {} : { sidecars: sidecarEntries(app.sidecars) }),
  };
}

/** Slipway's own feature only where it is on: other platforms do not know it. */
function featureEntries({ 'image-health-check': image, ...others }: StoredFeatures): Partial<StoredFeatures> {
  return { ...others, ...(image ? { 'image-health-check': true } : {}) };
}

function routeEntry({ url, protocol, options }: AppState['routes'][number]): RouteEntry {
  return { route: url, protocol, ...(isEmpty(options) ? {} : { options }) };
}

function sidecarEntries(sidecars: readonly SidecarSettings[]): SidecarEntry[] {
  return sidecars
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, types, command, memoryMb }) => ({
      name,
      process_types: types,
      command,
      ...(memoryMb === null ? {} : { memory: formatMegabytes(memoryMb) }),
    }));
}

function dockerEntry({ image, username }: NonNullable<AppState['docker']>): NonNullable<AppEntry['docker']> {
  return { image, ...(username === null ? {} : { username }) };
}

function serviceEntry({ name, bindingName }: AppState['services'][number]): ServiceEntry {
  return bindingName === null ? name : { name, binding_name: bindingName };
}

export function processEntry(process: ProcessSettings & { readonly type: string }): ProcessEntry {
  const optional = {
    command: process.command,
    timeout: process.health_check_timeout,
    'health-check-http-endpoint': process.health_check_type === 'http' ? process.health_check_endpoint : null,
    'health-check-invocation-timeout': process.health_check_invocation_timeout,
    'health-check-interval': process.health_check_interval,
    'readiness-health-check-http-endpoint': process.readiness_type === 'http' ? process.readiness_endpoint : null,
    'readiness-health-check-invocation-timeout': process.readiness_invocation_timeout,
    'readiness-health-check-interval': process.readiness_interval,
    user: process.run_as,
  };
  return {
    type: process.type,
    instances: process.instances,
    memory: formatMegabytes(process.memory_mb),
    disk_quota: formatMegabytes(process.disk_mb),
    'log-rate-limit-per-second': formatLogRate(process.log_rate_bytes_per_second),
    'health-check-type': process.health_check_type,
    'readiness-health-check-type': process.readiness_type,
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== null)),
  };
}

function isEmpty(object: object): boolean {
  return Object.keys(object).length === 0;
}
