import { z } from 'zod';
import type { ProcessChange } from '../actions/processes.ts';
import { metadataBody } from './bodies.ts';

/** PostgreSQL's `integer`; nothing sensible is larger. */
const MAX_INT = 2_147_483_647;
/** The stats of a process list every instance: beyond this an answer is of no use to anyone. */
const MAX_INSTANCES = 10_000;

export const scaleBody = z.strictObject({
  instances: z.int().min(0).max(MAX_INSTANCES).nullable().optional(),
  memory_in_mb: z.int().min(1).max(MAX_INT).nullable().optional(),
  disk_in_mb: z.int().min(1).max(MAX_INT).nullable().optional(),
  log_rate_limit_in_bytes_per_second: z.int().min(-1).nullable().optional(),
});

const type = z.enum(['port', 'http', 'process']);
const seconds = z.int().min(1).max(MAX_INT).nullable().optional();
const endpoint = z
  .string()
  .regex(/^\/[^\s\0]*$/, 'must be a valid URI path')
  .nullable()
  .optional();

export const updateBody = z.strictObject({
  command: z.string().min(1).max(4096).nullable().optional(),
  health_check: z
    .strictObject({
      type: type.optional(),
      data: z
        .strictObject({ timeout: seconds, invocation_timeout: seconds, interval: seconds, endpoint })
        .nullable()
        .optional(),
    })
    .optional(),
  readiness_health_check: z
    .strictObject({
      type: type.optional(),
      data: z.strictObject({ invocation_timeout: seconds, interval: seconds, endpoint }).nullable().optional(),
    })
    .optional(),
  user: z.string().min(1).max(255).nullable().optional(),
  metadata: metadataBody.optional(),
});

/** Null and absent both leave a value as it is (API v3, "Scale a process"). */
export function scaleChange(body: z.infer<typeof scaleBody>): ProcessChange {
  return {
    ...(body.instances == null ? {} : { instances: body.instances }),
    ...(body.memory_in_mb == null ? {} : { memory_mb: body.memory_in_mb }),
    ...(body.disk_in_mb == null ? {} : { disk_mb: body.disk_in_mb }),
    ...(body.log_rate_limit_in_bytes_per_second == null
      ? {}
      : { log_rate_bytes_per_second: body.log_rate_limit_in_bytes_per_second }),
  };
}

function readinessChange({ readiness_health_check: readiness }: z.infer<typeof updateBody>): ProcessChange {
  const data = readiness?.data ?? {};
  return {
    ...(readiness?.type === undefined ? {} : { readiness_type: readiness.type }),
    ...(readiness?.type === undefined || readiness.type === 'http' ? {} : { readiness_endpoint: null }),
    ...(readiness?.type === 'http' ? { readiness_endpoint: '/' } : {}),
    ...(data.endpoint === undefined ? {} : { readiness_endpoint: data.endpoint }),
    ...(data.invocation_timeout === undefined ? {} : { readiness_invocation_timeout: data.invocation_timeout }),
    ...(data.interval === undefined ? {} : { readiness_interval: data.interval }),
  };
}

/** Here null clears a value; a health check that is not http has no endpoint. */
export function updateChange(body: z.infer<typeof updateBody>): ProcessChange {
  const { command, health_check: health, user } = body;
  const data = health?.data ?? {};
  return {
    ...(command === undefined ? {} : { command }),
    ...(user === undefined ? {} : { run_as: user }),
    ...readinessChange(body),
    ...(health?.type === undefined ? {} : { health_check_type: health.type }),
    ...(health?.type === undefined || health.type === 'http' ? {} : { health_check_endpoint: null }),
    ...(health?.type === 'http' ? { health_check_endpoint: '/' } : {}),
    ...(data.endpoint === undefined ? {} : { health_check_endpoint: data.endpoint }),
    ...(data.timeout === undefined ? {} : { health_check_timeout: data.timeout }),
    ...(data.invocation_timeout === undefined ? {} : { health_check_invocation_timeout: data.invocation_timeout }),
    ...(data.interval === undefined ? {} : { health_check_interval: data.interval }),
  };
}
