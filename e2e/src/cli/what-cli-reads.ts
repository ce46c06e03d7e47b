import { z } from 'zod';

/*
 * What the CLI's JSON decoding needs of each answer: Go's encoding/json ends the command at a number with a fraction where
 * an int is read, at a list without `resources`, at a date that is none. Sources: api/cloudcontroller/ccv3 and resources of
 * the CLI, protojson for the log. Unknown fields are no trouble, but in the log.
 */

const int = z.int().nullish();
const text = z.string().nullish();
const date = z.iso.datetime({ offset: true });
const labels = z.record(z.string(), z.string().nullable()).nullish();
const metadata = z.looseObject({ labels, annotations: labels });
const toOne = z.looseObject({ data: z.looseObject({ guid: z.string() }).nullish() });
const relationships = z.record(z.string(), toOne.nullish());

const app = z.looseObject({
  guid: z.guid(),
  name: z.string(),
  state: z.enum(['STARTED', 'STOPPED']),
  lifecycle: z.looseObject({ type: z.literal('docker'), data: z.looseObject({}) }),
  relationships,
  metadata,
});
const healthData = z.looseObject({ endpoint: text, invocation_timeout: int, timeout: int, interval: int });
const process = z.looseObject({
  guid: z.guid(),
  type: z.string(),
  command: text,
  instances: int,
  memory_in_mb: int,
  disk_in_mb: int,
  log_rate_limit_in_bytes_per_second: int,
  health_check: z.looseObject({ type: z.string(), data: healthData }),
  readiness_health_check: z.looseObject({ type: z.string(), data: healthData }).optional(),
  relationships,
  process_instances: z.array(z.looseObject({ index: z.int(), state: z.string(), since: int })).optional(),
});
const stats = z.looseObject({
  index: z.int(),
  type: z.string(),
  state: z.enum(['RUNNING', 'CRASHED', 'STARTING', 'STOPPING', 'DOWN', 'UNKNOWN']),
  uptime: int,
  routable: z.boolean().nullish(),
  details: text,
  isolation_segment: text,
  mem_quota: int,
  disk_quota: int,
  log_rate_limit: int,
  usage: z
    .looseObject({
      cpu: z.number().nullish(),
      cpu_entitlement: z.number().nullish(),
      mem: int,
      disk: int,
      log_rate: int,
    })
    .optional(),
});
const pkg = z.looseObject({
  guid: z.guid(),
  created_at: date,
  type: z.string(),
  state: z.string(),
  data: z.looseObject({ image: text }),
});
const build = z.looseObject({
  guid: z.guid(),
  created_at: date,
  state: z.enum(['STAGING', 'STAGED', 'FAILED']),
  error: text,
  package: z.looseObject({ guid: z.guid() }),
  droplet: z.looseObject({ guid: z.guid() }).nullish(),
});
const droplet = z.looseObject({
  guid: z.guid(),
  created_at: date,
  state: z.string(),
  image: text,
  stack: text,
  lifecycle: z.looseObject({ type: z.string() }),
  buildpacks: z.array(z.looseObject({})).nullish(),
});
const deployment = z.looseObject({
  guid: z.guid(),
  created_at: date,
  strategy: z.enum(['rolling', 'canary', 'recreate']),
  status: z.looseObject({
    value: z.enum(['ACTIVE', 'FINALIZED']),
    reason: z.enum(['DEPLOYING', 'PREPARING', 'PAUSED', 'CANCELING', 'DEPLOYED', 'CANCELED', 'SUPERSEDED']),
    details: z.looseObject({ last_status_change: date }).optional(),
  }),
  new_processes: z.array(z.looseObject({ guid: z.guid(), type: z.string() })).nullish(),
  options: z.looseObject({ max_in_flight: int }).nullish(),
  relationships,
});
const route = z.looseObject({
  guid: z.guid(),
  protocol: text,
  host: text,
  path: text,
  port: int,
  url: z.string(),
  destinations: z.array(
    z.looseObject({ guid: z.guid(), app: z.looseObject({ guid: z.guid() }), port: int, protocol: text }),
  ),
  relationships: z.looseObject({ space: toOne, domain: toOne }),
  options: z.record(z.string(), z.union([z.string(), z.number()])).nullish(),
  metadata,
});
const named = z.looseObject({ guid: z.guid(), name: z.string() });
const domain = named.extend({ internal: z.boolean(), supported_protocols: z.array(z.string()) });
const organization = named.extend({ suspended: z.boolean(), relationships, metadata });
const space = named.extend({ relationships, metadata });
const user = z.looseObject({ guid: z.string(), username: text, presentation_name: z.string(), origin: text });
const role = z.looseObject({ guid: z.guid(), type: z.string(), relationships });
const task = z.looseObject({
  guid: z.guid(),
  sequence_id: z.int(),
  name: z.string(),
  state: z.enum(['PENDING', 'RUNNING', 'CANCELING', 'SUCCEEDED', 'FAILED']),
  command: text,
  created_at: date,
  memory_in_mb: int,
  disk_in_mb: int,
  log_rate_limit_in_bytes_per_second: int,
  // `cf task` reads through it without looking.
  result: z.looseObject({ failure_reason: text }),
});
const revision = z.looseObject({
  guid: z.guid(),
  version: z.int(),
  deployable: z.boolean(),
  description: text,
  droplet: z.looseObject({ guid: z.guid() }),
  created_at: date,
  metadata,
  links: z.looseObject({ environment_variables: z.looseObject({ href: z.url() }) }),
});
const job = z.looseObject({
  guid: z.guid(),
  state: z.string(),
  errors: z.array(z.looseObject({ code: z.int(), title: z.string(), detail: z.string() })).nullish(),
  warnings: z.array(z.looseObject({ detail: z.string() })).nullish(),
});
const event = z.looseObject({
  guid: z.guid(),
  created_at: date,
  type: z.string(),
  actor: z.looseObject({ name: text }),
  data: z.looseObject({}),
});
const quota = named.extend({
  apps: z.looseObject({ total_memory_in_mb: int, per_process_memory_in_mb: int, total_instances: int }),
  services: z.looseObject({ total_service_instances: int, paid_services_allowed: z.boolean() }),
  routes: z.looseObject({ total_routes: int, total_reserved_ports: int }),
});
const flag = z.looseObject({ name: z.string(), enabled: z.boolean() });
const serviceInstance = named.extend({ type: z.string(), relationships });
const binding = z.looseObject({ guid: z.guid(), type: z.string(), name: text, created_at: date, relationships });
const objects = z.looseObject({});

/** protojson refuses what it does not know. */
const envelope = z.strictObject({
  timestamp: z.string().regex(/^-?\d+$/),
  source_id: z.string(),
  instance_id: z.string().optional(),
  deprecated_tags: z.strictObject({}).optional(),
  tags: z.record(z.string(), z.string()),
  log: z.strictObject({ payload: z.base64(), type: z.enum(['OUT', 'ERR']).optional() }).optional(),
  counter: z.looseObject({}).optional(),
  gauge: z.looseObject({}).optional(),
  timer: z.looseObject({}).optional(),
  event: z.looseObject({}).optional(),
});
const token = z.looseObject({
  access_token: z.string().regex(/^[\w-]+\.[\w-]+\.[\w-]*$/),
  // Anything but this very text is taken for a part of the token at the next refresh.
  token_type: z.literal('bearer'),
  expires_in: z.int(),
});

/** One resource of each collection: the same in lists, alone, after a change. */
const resources: readonly (readonly [RegExp, z.ZodType])[] = [
  [/\/features\/[^/]+$/, flag],
  [/\/processes\/[^/]+\/stats$/, stats],
  [/\/sidecars$/, named.extend({ command: z.string() })],
  [/\/droplets\/current$|\/droplets(\/[^/]+)?$/, droplet],
  [/\/processes(\/[^/]+)?(\/actions\/scale)?$/, process],
  [/\/tasks(\/[^/]+)?(\/cancel)?$/, task],
  [/\/revisions(\/deployed|\/[^/]+)?$/, revision],
  [/^\/v3\/apps(\/[^/]+)?(\/actions\/\w+)?$/, app],
  [/\/packages(\/[^/]+)?$/, pkg],
  [/^\/v3\/builds(\/[^/]+)?$/, build],
  [/^\/v3\/deployments(\/[^/]+)?$/, deployment],
  [/^\/v3\/(apps\/[^/]+\/)?routes(\/[^/]+)?$/, route],
  [/\/domains(\/[^/]+)?$/, domain],
  [/^\/v3\/organizations(\/[^/]+)?$/, organization],
  [/^\/v3\/spaces(\/[^/]+)?$/, space],
  [/^\/v3\/users(\/[^/]+)?$/, user],
  [/^\/v3\/roles(\/[^/]+)?$/, role],
  [/^\/v3\/jobs\/[^/]+$/, job],
  [/^\/v3\/audit_events$/, event],
  [/^\/v3\/(organization|space)_quotas(\/[^/]+)?$/, quota],
  [/^\/v3\/feature_flags(\/[^/]+)?$/, flag],
  [/^\/v3\/service_instances(\/[^/]+)?$/, serviceInstance],
  [/^\/v3\/service_credential_bindings(\/[^/]+)?$/, binding],
  [/^\/v3\/isolation_segments(\/[^/]+)?$/, named],
];

const single: readonly (readonly [RegExp, z.ZodType])[] = [
  [
    /^\/$/,
    z.looseObject({
      links: z.looseObject({
        login: z.looseObject({ href: z.url() }),
        uaa: z.looseObject({ href: z.url() }),
        log_cache: z.looseObject({ href: z.url() }),
        cloud_controller_v3: z.looseObject({
          href: z.url(),
          meta: z.looseObject({ version: z.string().regex(/^\d+\.\d+\.\d+$/) }),
        }),
      }),
      cf_on_k8s: z.literal(false).optional(),
    }),
  ],
  [/\/login$/, z.looseObject({ prompts: z.record(z.string(), z.array(z.string()).length(2)) })],
  [/\/oauth\/token$/, token],
  [/\/manifest_diff$/, z.looseObject({ diff: z.array(z.looseObject({ op: z.string(), path: z.string() })) })],
  [
    /^\/v3\/apps\/[^/]+\/env$/,
    z.looseObject({
      staging_env_json: objects,
      running_env_json: objects,
      environment_variables: objects,
      system_env_json: objects,
      application_env_json: objects,
    }),
  ],
  [/environment_variable(s|_groups\/\w+)$/, z.looseObject({ var: z.record(z.string(), z.string()) })],
  [
    /^\/networking\/v1\/external\/policies$/,
    z.looseObject({
      policies: z
        .array(
          z.looseObject({
            source: z.looseObject({ id: z.string() }),
            destination: z.looseObject({
              id: z.string(),
              protocol: z.string(),
              ports: z.looseObject({ start: z.int(), end: z.int() }),
            }),
          }),
        )
        .nullish(),
    }),
  ],
  [/\/ssh_enabled$/, z.looseObject({ enabled: z.boolean(), reason: text })],
  [/\/route_reservations$/, z.looseObject({ matching_route: z.boolean() })],
  [/^\/api\/v1\/info$/, z.strictObject({ version: z.string().regex(/^[2-9]\d*\.\d+\.\d+$/), vm_uptime: z.string() })],
  [/^\/api\/v1\/read\//, z.strictObject({ envelopes: z.strictObject({ batch: z.array(envelope) }).optional() })],
];

const error = z.looseObject({
  errors: z.array(z.looseObject({ code: z.int(), title: z.string(), detail: z.string() })).min(1),
});
/** As uaa and the policy server have it. */
const plainError = z.looseObject({ error: z.string() });

/** In words, why the CLI could not read an answer; undefined when it could. `path` without its query. */
export function unreadable(path: string, status: number, body: string): string | undefined {
  // A code is in the address that the CLI is sent to.
  if (status >= 300 && status < 400) return undefined;
  if (body === '') return status === 204 || status === 202 ? undefined : `the answer is empty, with ${status}`;
  if (/\/manifest$|^\/$/.test(path) && !body.startsWith('{'))
    return path === '/' ? 'the answer is not JSON' : undefined;
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return `the answer is not JSON: ${body.slice(0, 200)}`;
  }
  if (status >= 400) return problem(/^\/(uaa|networking)\//.test(path) ? plainError : error, parsed);
  const known = single.find(([pattern]) => pattern.test(path))?.[1];
  if (known !== undefined) return problem(known, parsed);
  const isList = typeof parsed === 'object' && parsed !== null && 'pagination' in parsed;
  const resource = resources.find(([pattern]) => pattern.test(path))?.[1] ?? z.unknown();
  if (/\/stats$|\/deployed$|\/sidecars$/.test(path) || isList) {
    const next = z.looseObject({ href: z.url() }).nullable();
    const pagination = z.looseObject({ next });
    const list = z.looseObject({
      pagination: /\/stats$/.test(path) ? z.unknown().optional() : pagination,
      resources: z.array(resource),
    });
    return problem(list, parsed);
  }
  // A list by its path alone needs `resources`; whatever else is one of it.
  return problem(resource, parsed);
}

function problem(schema: z.ZodType, value: unknown): string | undefined {
  const result = schema.safeParse(value);
  return result.success ? undefined : z.prettifyError(result.error);
}
