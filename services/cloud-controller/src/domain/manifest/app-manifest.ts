import type { Metadata } from '../metadata.ts';
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
  /** Are revisions kept? */
  readonly revisions: boolean;
  readonly routes: readonly { readonly url: string; readonly protocol: 'http1' | 'http2' }[];
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
}

export type ServiceEntry = string | { readonly name: string; readonly binding_name: string };

/** An entry of `applications`, as `cf create-app-manifest` writes it down. */
export interface AppEntry {
  readonly name: string;
  readonly lifecycle?: 'docker';
  readonly docker?: { readonly image: string; readonly username?: string };
  readonly env?: Readonly<Record<string, string>>;
  readonly services?: readonly ServiceEntry[];
  readonly features: { readonly revisions: boolean };
  readonly metadata?: Partial<Metadata>;
  readonly routes?: readonly { readonly route: string; readonly protocol: string }[];
  readonly 'no-route'?: true;
  readonly processes: readonly ProcessEntry[];
}

/** The manifest that brings an app into the state that this one has. */
export function appManifest(app: AppState): AppEntry {
  const { labels, annotations } = app.metadata;
  const metadata = { ...(isEmpty(labels) ? {} : { labels }), ...(isEmpty(annotations) ? {} : { annotations }) };
  return {
    name: app.name,
    ...(app.docker === undefined ? { lifecycle: 'docker' } : { docker: dockerEntry(app.docker) }),
    ...(isEmpty(app.env) ? {} : { env: app.env }),
    features: { revisions: app.revisions },
    ...(isEmpty(metadata) ? {} : { metadata }),
    ...(app.services.length === 0 ? {} : { services: app.services.map(serviceEntry) }),
    // Without a word of routes a push makes a default route.
    ...(app.routes.length === 0
      ? { 'no-route': true }
      : { routes: app.routes.map(({ url, protocol }) => ({ route: url, protocol })) }),
    processes: app.processes.map(processEntry),
  };
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
  };
  return {
    type: process.type,
    instances: process.instances,
    memory: formatMegabytes(process.memory_mb),
    disk_quota: formatMegabytes(process.disk_mb),
    'log-rate-limit-per-second': formatLogRate(process.log_rate_bytes_per_second),
    'health-check-type': process.health_check_type,
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== null)),
  };
}

function isEmpty(object: object): boolean {
  return Object.keys(object).length === 0;
}
