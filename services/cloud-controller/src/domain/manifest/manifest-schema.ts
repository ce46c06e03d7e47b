import { z } from 'zod';
import { parseBytes, parseMegabytes, SIZE_UNITS } from './sizes.ts';

/** PostgreSQL's `integer`; nothing sensible is larger. */
const MAX_INT = 2_147_483_647;
/** As for scaling: the stats of a process list every instance. */
const MAX_INSTANCES = 10_000;
const MAX_COMMAND = 4096;

const unitProblem = (field: string): string => `${field} must use a supported unit: ${SIZE_UNITS}`;

/** A value that is checked as a whole, with a text of its own. */
function checked<T>(
  isValid: (value: unknown) => boolean,
  message: string,
): z.ZodOptional<z.ZodNullable<z.ZodCustom<T>>> {
  return z.custom<T>(isValid, message).nullish();
}

function megabytes(field: string) {
  return z
    .custom<string>((value) => typeof value === 'string' && parseMegabytes(value) !== undefined, unitProblem(field))
    .meta({ type: 'string', examples: ['512M', '1G'] })
    .transform((value) => parseMegabytes(value) ?? 0)
    .superRefine((size, context) => {
      if (size < 1) context.addIssue({ code: 'custom', message: `${field} must be at least 1M` });
      if (size > MAX_INT) context.addIssue({ code: 'custom', message: `${field} is too large` });
    })
    .nullish();
}

/** Bytes per second; undefined when it is no rate. */
export function parseLogRate(value: unknown): number | undefined {
  const text = String(value).trim();
  if (text === '-1' || text === '0') return Number(text);
  return typeof value === 'string' ? parseBytes(value) : undefined;
}

const logRate = z
  .custom<unknown>(
    (value) => parseLogRate(value) !== undefined,
    `${unitProblem('Log rate limit per second')}, or be -1 or 0`,
  )
  .meta({ type: ['string', 'integer'], examples: ['16K', -1] })
  .transform((value) => parseLogRate(value) ?? 0)
  .nullish();

const seconds = z.int().min(1).max(MAX_INT).nullish();
const checkType = z.enum(['port', 'http', 'process', 'none']).nullish();
const endpoint = z
  .string()
  .regex(/^\/[^\s\0]*$/, 'must be a valid URI path')
  .nullish();

/** What may be said of a process, or at the app's own level of its web process. */
export const processFields = {
  command: z.string().max(MAX_COMMAND).nullable().optional(),
  instances: z.int().min(0).max(MAX_INSTANCES).nullish(),
  memory: megabytes('Memory'),
  disk_quota: megabytes('Disk quota'),
  log_rate_limit_per_second: logRate,
  timeout: seconds,
  health_check_type: checkType,
  health_check_http_endpoint: endpoint,
  health_check_invocation_timeout: seconds,
  health_check_interval: seconds,
  readiness_health_check_type: checkType,
  readiness_health_check_http_endpoint: endpoint,
  readiness_health_check_invocation_timeout: seconds,
  readiness_health_check_interval: seconds,
} as const;

export const processBody = z.object({
  type: z.string().min(1).max(255),
  /** Not at the app's own level. */
  user: z.string().min(1).max(255).nullish(),
  ...processFields,
});
export type ProcessBody = Partial<Omit<z.infer<typeof processBody>, 'type'>>;

/** Checked one after the other, so that each problem names its sidecar. */
export const sidecarBody = z.object({
  name: z.string().min(1).max(255),
  command: z.string().min(1).max(MAX_COMMAND),
  process_types: z
    .array(z.string().min(1).max(255))
    .max(1000)
    .refine((types) => types.length > 0, 'Process types must have at least 1 process_type'),
  memory: megabytes('Memory'),
});

const imagesOnly = (key: string) =>
  checked<never>(
    () => false,
    `Slipway runs Docker images only: remove '${key}', and give the image as docker: {image: …}`,
  );

/** Environment variables, labels, annotations: what is no text becomes text. Null removes. */
const entries = (what: string) =>
  z.record(
    z.string(),
    z
      .custom<string | number | boolean | null>(
        (value) => value === null || ['string', 'number', 'boolean'].includes(typeof value),
        { error: (issue) => `${what} '${String(issue.path?.at(-1))}' must be a text, a number or a boolean` },
      )
      .meta({ type: ['string', 'number', 'boolean', 'null'] })
      .transform((value) => (value === null ? null : String(value))),
  );

const routeBody = z.object({
  route: z.string().min(1),
  protocol: checked<'http1' | 'http2'>(
    (value) => value === 'http1' || value === 'http2',
    "Route protocol must be 'http1' or 'http2'",
  ),
  /** What may be in them depends on a feature flag. */
  options: z.record(z.string(), z.unknown()).nullish(),
});

/**
 * An application of a manifest, its keys underscored. Unknown keys are ignored, as on Cloud Foundry
 * (`app_manifest_message.rb`): of apps, processes and routes, and not of metadata and features.
 */
export const appBody = z.object({
  name: z
    .string()
    .min(1)
    .max(255)
    .regex(/^[\p{L}\p{M}\p{N}\p{P}\p{S}\p{Zs}]*$/u, 'only printable characters are allowed'),
  lifecycle: checked<'docker'>(
    (value) => value === 'docker',
    'Lifecycle must be "docker": Slipway runs Docker images only',
  ),
  docker: z.object({ image: z.string().min(1).nullish(), username: z.string().nullish() }).nullish(),
  buildpack: imagesOnly('buildpack'),
  buildpacks: imagesOnly('buildpacks'),
  stack: imagesOnly('stack'),
  cnb_credentials: imagesOnly('cnb-credentials'),
  path: imagesOnly('path'),
  env: entries('Environment variable').nullish(),
  features: z
    .strictObject({
      revisions: z.boolean().nullish(),
      'service-binding-k8s': z.boolean().nullish(),
      'file-based-vcap-services': z.boolean().nullish(),
      'image-health-check': z.boolean().nullish(),
      ssh: z.boolean().nullish(),
    })
    .nullish(),
  metadata: z
    .strictObject({ labels: entries('Label').nullish(), annotations: entries('Annotation').nullish() })
    .nullish(),
  routes: z.array(routeBody).nullish(),
  no_route: z.boolean().nullish(),
  random_route: z.boolean().nullish(),
  default_route: z.boolean().nullish(),
  services: z
    .array(
      z.union([
        z.string().min(1),
        z.strictObject({
          name: z.string().min(1),
          binding_name: z.string().nullish(),
          parameters: checked<object>(
            (value) => typeof value === 'object' && value !== null && Object.keys(value).length === 0,
            'Binding parameters are not supported for user-provided service instances',
          ),
        }),
      ]),
    )
    .nullish(),
  sidecars: checked<readonly unknown[]>(Array.isArray, 'Sidecars must be an array of sidecar configurations'),
  processes: z
    .array(processBody)
    .superRefine((processes, context) => {
      for (const type of new Set(processes.map((process) => process.type))) {
        if (processes.filter((process) => process.type === type).length > 1) {
          context.addIssue({ code: 'custom', message: `Process "${type}" may only be present once` });
        }
      }
    })
    .nullish(),
  ...processFields,
});
export type AppBody = z.infer<typeof appBody>;
