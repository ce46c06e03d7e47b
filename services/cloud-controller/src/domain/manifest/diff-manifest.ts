import type { AppEntry, ServiceEntry } from './app-manifest.ts';
import { appBody, parseLogRate, processBody, sidecarBody } from './manifest-schema.ts';
import { formatLogRate, formatMegabytes, parseMegabytes } from './sizes.ts';

/** One difference between what is and what a manifest says. `path` is a JSON pointer into the manifest. */
export type ManifestDifference =
  | { readonly op: 'add'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string; readonly was: unknown }
  | { readonly op: 'replace'; readonly path: string; readonly was: unknown; readonly value: unknown };

type Entries = Readonly<Record<string, unknown>>;

/**
 * What applying a manifest changes (API v3, "Create a manifest diff for a space"). As applying adds and never takes away
 * what is not mentioned, nothing is shown as removed but routes by `no-route` and entries that are null. The manifest is
 * one that was found valid; `current` finds an app by its name.
 */
export function diffManifest(manifest: unknown, current: (name: string) => AppEntry | undefined): ManifestDifference[] {
  const applications = (manifest as { readonly applications: readonly Entries[] }).applications;
  return applications.flatMap((sent, index) =>
    diffApp(knownKeys(sent), current(String(sent.name)), `/applications/${index}`),
  );
}

function diffApp(sent: Entries, app: AppEntry | undefined, path: string): ManifestDifference[] {
  if (app === undefined) return diffEntries(withSizes(sent), {}, path);
  const web = app.processes.find(({ type }) => type === 'web');
  const listed = Array.isArray(sent.processes) ? (sent.processes as readonly Entries[]) : [];
  const webIsListed = listed.some(({ type }) => type === 'web');
  return Object.entries(withSizes(sent)).flatMap(([key, value]): ManifestDifference[] => {
    const at = `${path}/${pointer(key)}`;
    switch (normal(key)) {
      case 'env':
        return diffEntries(texts(value), app.env ?? {}, at);
      case 'metadata':
        return ['labels', 'annotations'].flatMap((kind) =>
          diffEntries(texts(entriesOf(value)[kind]), app.metadata?.[kind as 'labels'] ?? {}, `${at}/${kind}`),
        );
      case 'features': {
        const known = Object.entries(entriesOf(value)).filter(([name, on]) => name in app.features && on != null);
        return diffEntries(Object.fromEntries(known), app.features, at);
      }
      case 'sidecars':
        return diffSidecars(value, app, at);
      case 'docker':
        return diffEntries(entriesOf(value), app.docker ?? {}, at);
      case 'routes':
        return sent['no-route'] === true || sent.no_route === true ? [] : diffRoutes(value, app, at);
      case 'no_route':
        return value === true && app.routes !== undefined
          ? [{ op: 'remove', path: `${path}/routes`, was: app.routes }]
          : [];
      case 'processes':
        return listed.flatMap((process, index) => diffProcess(process, app, `${at}/${index}`));
      case 'services':
        return diffServices(value, app, at);
      default:
        return webIsListed || !PROCESS_KEYS.has(normal(key)) ? [] : diffValue(value, named(web ?? {}, key), at);
    }
  });
}

const APP_KEYS = new Set(Object.keys(appBody.shape));
const DOCKER_KEYS = new Set(['image', 'username']);
const ROUTE_KEYS = new Set(['route', 'protocol', 'options']);
const KEYS_OF_SIDECARS = new Set(Object.keys(sidecarBody.shape));
const KEYS_OF_PROCESSES = new Set(Object.keys(processBody.shape));

const PROCESS_KEYS = new Set([
  'command',
  'instances',
  'memory',
  'disk_quota',
  'log_rate_limit_per_second',
  'timeout',
  'health_check_type',
  'health_check_http_endpoint',
  'health_check_invocation_timeout',
  'health_check_interval',
  'readiness_health_check_type',
  'readiness_health_check_http_endpoint',
  'readiness_health_check_invocation_timeout',
  'readiness_health_check_interval',
  'user',
]);

function diffProcess(sent: Entries, app: AppEntry, path: string): ManifestDifference[] {
  const process = app.processes.find(({ type }) => type === sent.type);
  if (process === undefined) return [{ op: 'add', path, value: withSizes(sent) }];
  return Object.entries(withSizes(sent)).flatMap(([key, value]) =>
    PROCESS_KEYS.has(normal(key)) ? diffValue(value, named(process, key), `${path}/${pointer(key)}`) : [],
  );
}

function diffRoutes(value: unknown, app: AppEntry, path: string): ManifestDifference[] {
  const plain = (route: string): string =>
    route
      .replace(/^https?:\/\//i, '')
      .replace(/\/$/, '')
      .toLowerCase();
  type Wish = { readonly route: string; readonly protocol?: string | null; readonly options?: unknown };
  return ((value ?? []) as readonly Wish[]).flatMap((wish, index): ManifestDifference[] => {
    const route = app.routes?.find((existing) => plain(existing.route) === plain(wish.route));
    if (route === undefined) return [{ op: 'add', path: `${path}/${index}`, value: wish }];
    const at = `${path}/${index}`;
    return [
      ...(wish.protocol == null ? [] : diffValue(wish.protocol, route.protocol, `${at}/protocol`)),
      ...diffEntries(texts(wish.options), entriesOf(route.options), `${at}/options`),
    ];
  });
}

/** By their names, as they are applied. */
function diffSidecars(value: unknown, app: AppEntry, path: string): ManifestDifference[] {
  return ((value ?? []) as readonly Entries[]).flatMap((wish, index): ManifestDifference[] => {
    const at = `${path}/${index}`;
    const sidecar = app.sidecars?.find(({ name }) => name === wish.name);
    if (sidecar === undefined) return [{ op: 'add', path: at, value: wish }];
    return Object.entries(wish).flatMap(([key, wanted]) => {
      const was = named(sidecar, key);
      if (normal(key) !== 'process_types') return diffValue(wanted, was, `${at}/${pointer(key)}`);
      return diffSets(wanted as readonly string[], was as readonly string[], `${at}/${pointer(key)}`);
    });
  });
}

/** Lists whose order means nothing. */
function diffSets(wanted: readonly string[], was: readonly string[], path: string): ManifestDifference[] {
  return [
    ...wanted.flatMap((value, index): ManifestDifference[] =>
      was.includes(value) ? [] : [{ op: 'add', path: `${path}/${index}`, value }],
    ),
    ...was.flatMap((value, index): ManifestDifference[] =>
      wanted.includes(value) ? [] : [{ op: 'remove', path: `${path}/${index}`, was: value }],
    ),
  ];
}

/** One that is bound already stays as it is. */
function diffServices(value: unknown, app: AppEntry, path: string): ManifestDifference[] {
  const nameOf = (service: ServiceEntry): string => (typeof service === 'string' ? service : service.name);
  const bound = new Set((app.services ?? []).map(nameOf));
  return ((value ?? []) as readonly ServiceEntry[]).flatMap((service, index): ManifestDifference[] =>
    bound.has(nameOf(service)) ? [] : [{ op: 'add', path: `${path}/${index}`, value: service }],
  );
}

/** Without keys that mean nothing, which are ignored, and may hold anything. */
function knownKeys(application: Entries): Entries {
  const pick = (value: unknown, known: ReadonlySet<string>): unknown =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).filter(([key]) => known.has(normal(key))))
      : value;
  const entries = Object.entries(pick(application, APP_KEYS) as Entries).map(([key, value]) => {
    if (key === 'docker') return [key, pick(value, DOCKER_KEYS)];
    if (key === 'routes' && Array.isArray(value)) return [key, value.map((route) => pick(route, ROUTE_KEYS))];
    if (key === 'sidecars' && Array.isArray(value)) return [key, value.map((each) => pick(each, KEYS_OF_SIDECARS))];
    if (key !== 'processes' || !Array.isArray(value)) return [key, value];
    return [key, value.map((process) => pick(process, KEYS_OF_PROCESSES))];
  });
  return Object.fromEntries(entries) as Entries;
}

/** Of what is sent only: what is not mentioned stays. */
function diffEntries(sent: Entries, existing: Entries, path: string): ManifestDifference[] {
  return Object.entries(sent).flatMap(([key, value]) =>
    diffValue(value, Object.hasOwn(existing, key) ? existing[key] : undefined, `${path}/${pointer(key)}`),
  );
}

function diffValue(value: unknown, was: unknown, path: string): ManifestDifference[] {
  if (value == null) return was == null ? [] : [{ op: 'remove', path, was }];
  if (was == null) return [{ op: 'add', path, value }];
  return value === was ? [] : [{ op: 'replace', path, was, value }];
}

/** Sizes as the platform writes them, so that `1G` and `1024M` are the same. */
function withSizes(entries: Entries): Entries {
  return Object.fromEntries(Object.entries(entries).map(([key, value]) => [key, normalValue(normal(key), value)]));
}

function normalValue(key: string, value: unknown): unknown {
  if ((key === 'processes' || key === 'sidecars') && Array.isArray(value)) {
    return value.map((each: Entries) => withSizes(each));
  }
  if ((key === 'memory' || key === 'disk_quota') && typeof value === 'string') {
    const size = parseMegabytes(value);
    return size === undefined ? value : formatMegabytes(size);
  }
  if (key === 'log_rate_limit_per_second' && value != null) {
    const rate = parseLogRate(value);
    return rate === undefined ? value : formatLogRate(rate);
  }
  if ((key === 'health_check_type' || key === 'readiness_health_check_type') && value === 'none') return 'process';
  return key === 'command' && ['', 'null', 'default'].includes(String(value)) ? null : value;
}

/** Keys with dashes and with underscores are the same. */
function named(entries: object, key: string): unknown {
  return Object.entries(entries).find(([name]) => normal(name) === normal(key))?.[1];
}

function normal(key: string): string {
  return key.replaceAll('-', '_');
}

/** What is not text becomes text when it is stored. */
function texts(value: unknown): Entries {
  return Object.fromEntries(
    Object.entries(entriesOf(value)).map(([key, entry]) => [key, entry === null ? null : String(entry)]),
  );
}

function entriesOf(value: unknown): Entries {
  return (value ?? {}) as Entries;
}

/** RFC 6901. */
function pointer(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}
