import type { FlowContext } from './command-runner.ts';

const GUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;

/**
 * Fields of answers that the CLI acts upon or shows, and that are the same in every run. Where none of a field's parents
 * is of interest neither is the field.
 */
const KEPT = new Set(
  [
    'name type state strategy value reason instances memory_in_mb disk_in_mb log_rate_limit_in_bytes_per_second command',
    'enabled host path port protocol url version deployable image username internal suspended error errors code title',
    'detail labels annotations diff op was var environment_variables matching_route tags syslog_drain_url',
    'route_service_url token_type total_memory_in_mb per_process_memory_in_mb total_instances per_app_tasks',
    'paid_services_allowed total_service_instances total_service_keys total_routes total_reserved_ports total_domains',
    'endpoint invocation_timeout timeout interval sequence_id max_in_flight instance_weight failure_reason operation',
    'resources metadata status data health_check readiness_health_check options canary steps droplet_guid result apps',
    'services routes lifecycle included users process destinations app description credentials error_description',
    'supported_protocols user sidecars total included_apps origin syslog_drain_urls',
  ].flatMap((line) => line.split(' ')),
);

/** Of these everything is kept: their keys are the user's. */
const WHOLE = new Set([
  'labels',
  'annotations',
  'var',
  'environment_variables',
  'options',
  'credentials',
  'was',
  'value',
]);

/** Names that the platform makes up, and what else is new each time. */
const RANDOM: readonly (readonly [RegExp, string])[] = [
  [GUID, '{guid}'],
  [/sha256:[0-9a-f]{64}/g, '{digest}'],
  [/(\{run\}[a-z0-9-]*?-random)-[a-z]+-[a-z]+-[a-z0-9]+/g, '$1-{words}'],
  [/"name":"[0-9a-f]{8}"/g, '"name":"{made up}"'],
  [/APP\/TASK\/[0-9a-f]{8}\b/g, 'APP/TASK/{made up}'],
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, '{time}'],
];

/** Replaces what differs from run to run in a text, but for guids. */
export function withPlaceholders(text: string, context: FlowContext): string {
  let result = text;
  for (const [name, value] of context.variables) result = result.replaceAll(value, `{$${name}}`);
  return result
    .replaceAll(context.platform, '{platform}')
    .replaceAll(context.registry, '{registry}')
    .replaceAll(`${context.run}-`, '{run}-');
}

/** The other way round. */
export function fillPlaceholders(text: string, context: FlowContext): string {
  let result = text;
  for (const [name, value] of context.variables) result = result.replaceAll(`{$${name}}`, value);
  return result
    .replaceAll('{platform}', context.platform)
    .replaceAll('{registry}', context.registry)
    .replaceAll('{run}-', `${context.run}-`);
}

/** Guids in a text, each once, in order. */
export function guidsIn(text: string): readonly string[] {
  return [...new Set(text.match(GUID) ?? [])];
}

/** What of an answer must be the same whenever the flow runs. undefined: nothing. */
export function digestAnswer(path: string, body: string, context: FlowContext): unknown {
  const text = RANDOM.reduce((now, [pattern, by]) => now.replaceAll(pattern, by), withPlaceholders(body, context));
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (/^\/v3\/processes\/[^/]+\/stats/.test(path)) return digestStats(parsed);
  if (path.startsWith('/api/v1/read/')) return digestLog(parsed);
  if (/^\/v3\/apps\/[^/]+\/processes$/.test(path)) return digestProcesses(pick(parsed, false));
  return dropForeign(pick(parsed, false), context);
}

function pick(value: unknown, whole: boolean): unknown {
  if (Array.isArray(value)) return value.map((item) => pick(item, whole) ?? {});
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value)
    .filter(([key]) => whole || KEPT.has(key))
    .map(([key, inner]) => [key, pick(inner, whole || WHOLE.has(key))] as const)
    .filter(([, inner]) => inner !== undefined && inner !== null && !(isEmptyObject(inner) && !whole))
    .filter(([key, inner]) => !(key === 'data' && isListOfNothing(inner)));
  return kept.length === 0 && !whole ? undefined : Object.fromEntries(kept);
}

const isEmptyObject = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 0;

/** References to other resources: those of other flows are among them, and guids alone tell nothing of whose they are. */
const isListOfNothing = (value: unknown): boolean =>
  Array.isArray(value) && value.length > 0 && value.every((item) => isEmptyObject(item));

/** Lists of the whole platform show what other flows made, too. */
function dropForeign(answer: unknown, { flow }: FlowContext): unknown {
  if (typeof answer !== 'object' || answer === null || !('resources' in answer) || !Array.isArray(answer.resources)) {
    return answer;
  }
  const own = answer.resources.filter((item) => {
    const text = JSON.stringify(item);
    return !text.includes('{run}-') || text.includes(`{run}-${flow}-`);
  });
  return { ...answer, resources: own };
}

/** The CLI goes on when an instance runs, and gives up when all have crashed. */
function digestStats(parsed: unknown): unknown {
  if (!isList(parsed)) return undefined;
  const states = parsed.resources.map((entry) => (entry as { state?: unknown }).state);
  const decided = states.includes('RUNNING')
    ? 'running'
    : states.length > 0 && states.every((state) => state === 'CRASHED')
      ? 'crashed'
      : 'waiting';
  return { instances: states.length, decided };
}

/** While a deployment goes on there are several of a type, of any size; all that it leaves behind is told apart by type. */
function digestProcesses(processes: unknown): unknown {
  if (!isList(processes)) return processes;
  const types = new Map<unknown, Record<string, unknown>[]>();
  for (const process of processes.resources as Record<string, unknown>[]) {
    types.set(process.type, [...(types.get(process.type) ?? []), process]);
  }
  return { resources: [...types].map(([type, all]) => (all.length === 1 ? all[0] : { type })) };
}

const isList = (value: unknown): value is { resources: unknown[] } =>
  typeof value === 'object' && value !== null && 'resources' in value && Array.isArray(value.resources);

/** Which parts of the platform have said something. */
function digestLog(parsed: unknown): unknown {
  const batch = (parsed as { envelopes?: { batch?: { tags?: { source_type?: string } }[] } }).envelopes?.batch ?? [];
  return { sources: [...new Set(batch.map(({ tags }) => tags?.source_type ?? ''))].filter((s) => s !== '').toSorted() };
}
