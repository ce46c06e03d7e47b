import { z } from 'zod';
import type { StoredFeatures } from '../app-features.ts';
import { type MetadataUpdate, metadataProblems } from '../metadata.ts';
import { environmentProblems } from '../names/environment-names.ts';
import { manifestOptionFaultText, readRouteOptions } from '../names/route-options.ts';
import { validationTexts } from '../validation-text.ts';
import type { ManifestApp, ManifestProcess, ManifestRoute, ManifestRoutes, ManifestSidecar } from './manifest.ts';
import { type AppBody, appBody, type ProcessBody, processFields, sidecarBody } from './manifest-schema.ts';
import { parseRouteText } from './route-text.ts';
import { underscoreKeys } from './underscore-keys.ts';

export type ManifestResult =
  | { readonly outcome: 'parsed'; readonly apps: readonly ManifestApp[] }
  | { readonly outcome: 'rejected'; readonly problems: readonly string[] };

/** They are applied in one go, which holds up everybody else. */
export const MAX_APPLICATIONS = 1000;

const manifestBody = z.object({
  version: z
    .custom<1>((value) => value === 1, 'Unsupported manifest schema version. Currently supported versions: [1].')
    .optional(),
  applications: z.custom<unknown[]>(
    (value) => Array.isArray(value) && value.length > 0,
    "Cannot parse manifest with no 'applications' field.",
  ),
});

/** Feature flags that decide what a manifest may say. */
export interface ManifestFlags {
  readonly hashRouting: boolean;
}

/** Checks a manifest, as YAML gave it (API v3, "Manifests"). Every problem is reported, with the app it is in. */
export function parseManifest(document: unknown, flags: ManifestFlags = { hashRouting: false }): ManifestResult {
  const outer = manifestBody.safeParse(document, { reportInput: true });
  if (!outer.success) return { outcome: 'rejected', problems: validationTexts(outer.error.issues) };
  if (outer.data.applications.length > MAX_APPLICATIONS) {
    return { outcome: 'rejected', problems: [`Applications must have at most ${MAX_APPLICATIONS} items`] };
  }
  const problems: string[] = [];
  const apps: ManifestApp[] = [];
  for (const [index, application] of outer.data.applications.entries()) {
    const result = parseApp(application, flags);
    if ('app' in result) apps.push(result.app);
    else problems.push(...result.problems.map((problem) => `${appTitle(application, index)}: ${problem}`));
  }
  for (const [index, { name }] of apps.entries()) {
    const first = apps.findIndex((app) => app.name.toLowerCase() === name.toLowerCase());
    if (first !== index) problems.push(`For application '${name}': Name must be unique in the manifest`);
  }
  return problems.length > 0 ? { outcome: 'rejected', problems } : { outcome: 'parsed', apps };
}

function appTitle(application: unknown, index: number): string {
  const name = typeof application === 'object' && application !== null && 'name' in application ? application.name : '';
  return typeof name === 'string' && name !== '' ? `For application '${name}'` : `For application at index ${index}`;
}

function parseApp(
  application: unknown,
  flags: ManifestFlags,
): { readonly app: ManifestApp } | { readonly problems: readonly string[] } {
  const normalized = underscoreKeys(application);
  if (normalized.outcome === 'rejected') return { problems: normalized.problems };
  const result = appBody.safeParse(normalized.value, { reportInput: true });
  if (!result.success) return { problems: validationTexts(result.error.issues) };
  const body = result.data;
  const routes = routesOf(body, flags);
  const sidecars = sidecarsOf(body);
  const features = featuresOf(body);
  const env = body.env ?? {};
  const metadata = metadataOf(body);
  const problems = [
    ...environmentProblems(env),
    ...(metadata === undefined ? [] : metadataProblems(metadata)),
    ...routes.problems,
    ...sidecars.problems,
  ];
  if (problems.length > 0) return { problems };
  return {
    app: {
      name: body.name,
      docker: body.docker != null || body.lifecycle != null,
      env,
      metadata,
      features,
      sidecars: sidecars.sidecars,
      processes: processesOf(body),
      routes: routes.routes,
      services: (body.services ?? []).map((service) =>
        typeof service === 'string'
          ? { name: service, bindingName: null }
          : { name: service.name, bindingName: service.binding_name ?? null },
      ),
    },
  };
}

function metadataOf({ metadata }: AppBody): MetadataUpdate | undefined {
  return metadata == null
    ? undefined
    : { labels: metadata.labels ?? undefined, annotations: metadata.annotations ?? undefined };
}

/** An entry for web stands for all of what the app's own level says of it (cloud_controller_ng `process_attributes`). */
function processesOf(body: AppBody): ManifestProcess[] {
  const listed = (body.processes ?? []).map((process) => processOf(process.type, process));
  if (listed.some(({ type }) => type === 'web')) return listed;
  const named = Object.keys(processFields).some((key) => body[key as keyof typeof processFields] !== undefined);
  return named ? [processOf('web', body), ...listed] : listed;
}

type Settings = { [K in keyof Omit<ManifestProcess, 'type' | 'command'>]: ManifestProcess[K] | null | undefined };

function processOf(type: string, body: ProcessBody): ManifestProcess {
  const given: Settings = {
    instances: body.instances,
    memoryMb: body.memory,
    diskMb: body.disk_quota,
    logRateBytesPerSecond: body.log_rate_limit_per_second,
    timeoutS: body.timeout,
    healthCheckType: body.health_check_type === 'none' ? 'process' : body.health_check_type,
    healthCheckEndpoint: body.health_check_http_endpoint,
    healthCheckInvocationTimeoutS: body.health_check_invocation_timeout,
    healthCheckIntervalS: body.health_check_interval,
    readinessType: body.readiness_health_check_type === 'none' ? 'process' : body.readiness_health_check_type,
    readinessEndpoint: body.readiness_health_check_http_endpoint,
    readinessInvocationTimeoutS: body.readiness_health_check_invocation_timeout,
    readinessIntervalS: body.readiness_health_check_interval,
    user: body.user,
  };
  const settings = Object.fromEntries(Object.entries(given).filter(([, value]) => value != null));
  return { ...settings, type, ...(body.command === undefined ? {} : { command: commandOf(body.command) }) };
}

/** The cf CLI's words for "what the image says". */
function commandOf(command: string | null): string | null {
  return command === null || ['', 'null', 'default'].includes(command) ? null : command;
}

function featuresOf({ features }: AppBody): Partial<StoredFeatures> {
  return Object.fromEntries(Object.entries(features ?? {}).filter(([, enabled]) => enabled != null));
}

function sidecarsOf(body: AppBody): {
  readonly sidecars: readonly ManifestSidecar[];
  readonly problems: readonly string[];
} {
  const sidecars: ManifestSidecar[] = [];
  const problems: string[] = [];
  for (const given of body.sidecars ?? []) {
    const result = sidecarBody.safeParse(given, { reportInput: true });
    if (result.success) {
      const { name, command, process_types: types, memory } = result.data;
      sidecars.push({ name, command, types, memoryMb: memory ?? undefined });
      continue;
    }
    const name = (given as { readonly name?: unknown } | null)?.name;
    const texts = validationTexts(result.error.issues);
    problems.push(
      ...texts.map((text) =>
        typeof name === 'string' && name !== '' ? `Sidecar "${name}": ${text}` : `Sidecar ${text.toLowerCase()}`,
      ),
    );
  }
  return { sidecars, problems };
}

function routesOf(
  body: AppBody,
  { hashRouting }: ManifestFlags,
): { readonly routes: ManifestRoutes; readonly problems: readonly string[] } {
  const problems: string[] = [];
  const routes: ManifestRoute[] = [];
  for (const { route, protocol, options } of body.routes ?? []) {
    const result = parseRouteText(route);
    if (result.outcome === 'rejected') problems.push(result.problem);
    const read = readRouteOptions(options ?? {}, hashRouting);
    if (read.outcome === 'rejected') {
      problems.push(...read.faults.map((fault) => manifestOptionFaultText(fault, route, hashRouting)));
    }
    if (result.outcome === 'rejected' || read.outcome === 'rejected') continue;
    const { hostname, path } = result;
    routes.push({ text: route, hostname, path, protocol: protocol ?? undefined, options: read.change });
  }
  if (body.no_route === true) return { routes: { kind: 'none' }, problems };
  if (body.routes != null) return { routes: { kind: 'listed', routes }, problems };
  const kind = body.random_route === true ? 'random' : body.default_route === true ? 'default' : 'unchanged';
  return { routes: { kind }, problems };
}
