import { commonSettings, Secret, secretSchema, settings } from '@slipway/service-kit';
import { z } from 'zod';

const ENCRYPTION_KEY_BYTES = 32;

const encryptionKeySchema = z.base64().transform((text, context) => {
  const key = Buffer.from(text, 'base64');
  if (key.length === ENCRYPTION_KEY_BYTES) return new Secret(key);
  context.addIssue(`expected ${ENCRYPTION_KEY_BYTES} bytes in base64, got ${key.length}`);
  return z.NEVER;
});

/** Everything that cloud-controller is told; README.md explains each. Units are in the names. */
export const configSchema = z.object({
  ...commonSettings,
  LISTEN_HOST: z.string().default('127.0.0.1'),
  LISTEN_PORT: settings.port(0),
  /** The address that the router finds this process at. */
  ROUTE_HOST: z.string().default('127.0.0.1'),
  /** What users see; every link starts with it. */
  EXTERNAL_URL: z.url({ protocol: /^https?$/ }).transform((url) => url.replace(/\/+$/, '')),
  SYSTEM_HOSTS: settings.list(['localhost']),
  DATABASE_URL: z.string().min(1),
  ENCRYPTION_KEY: encryptionKeySchema,
  /** Open what was sealed with them, and seal nothing: to go from one ENCRYPTION_KEY to the next. */
  DECRYPTION_KEYS: settings.list().pipe(z.array(encryptionKeySchema)),
  STAGER_PUBLIC_KEY: z.string().min(1),
  CELL_PUBLIC_KEY: z.string().min(1),
  APPS_DOMAIN: z.string().min(1),
  UAA_URL: z.url().transform((url) => url.replace(/\/+$/, '')),
  /** Of uaa's client `cloud_controller`, which looks users up. */
  UAA_CLIENT_SECRET: secretSchema,
  /** `host:port` where ssh-proxy answers users; without it there is no SSH. */
  SSH_ADDRESS: z
    .string()
    .regex(/^.+:\d{1,5}$/, 'expected host:port')
    .optional(),
  /** Its host key, as in OpenSSH's known_hosts: the type and base64. */
  SSH_HOST_PUBLIC_KEY: z
    .string()
    .regex(/^ssh-[a-z0-9-]+ [A-Za-z0-9+/]+=*$/, 'expected an OpenSSH public key')
    .optional(),
  /** Cloud Foundry's `staging_timeout_in_seconds`. */
  STAGING_TIMEOUT_S: settings.integer(900, 1, 24 * 3600),
  /** Of one organization. On Cloud Foundry each takes a gigabyte of its memory quota, which limits them as well. */
  STAGING_BUILDS_PER_ORGANIZATION: settings.integer(200, 1, 100_000),
  /** Cloud Foundry's clock syncs processes as often. */
  SYNC_INTERVAL_MS: settings.milliseconds(30_000),
  /** Cloud Foundry's `audit_events.cutoff_age_in_days`. */
  AUDIT_EVENT_RETENTION_DAYS: settings.integer(31, 1),
  /** Of tasks that have ended; Cloud Foundry's `completed_tasks.cutoff_age_in_days`. */
  COMPLETED_TASK_RETENTION_DAYS: settings.integer(31, 1),
  /** Cloud Foundry's updater looks every 5 s. */
  DEPLOYMENT_STEP_INTERVAL_MS: settings.milliseconds(1_000),
  /** The next six are Cloud Foundry's defaults (`cc.default_app_memory` and so on). */
  DEFAULT_APP_MEMORY_MB: settings.integer(1024, 1),
  DEFAULT_APP_DISK_MB: settings.integer(1024, 1),
  MAXIMUM_APP_DISK_MB: settings.integer(2048, 1),
  DEFAULT_HEALTH_CHECK_TIMEOUT_S: settings.integer(60, 1),
  MAXIMUM_HEALTH_CHECK_TIMEOUT_S: settings.integer(180, 1),
  /** Whom processes may run as besides `vcap` and the image's own user (`additional_allowed_process_users`). */
  ADDITIONAL_PROCESS_USERS: settings.list(),
  /** Cloud Foundry's `max_policies_per_app_source`. */
  MAX_NETWORK_POLICIES_PER_APP_SOURCE: settings.integer(150, 0, 1_000_000),
  DEFAULT_LOG_RATE_BYTES_PER_SECOND: z.coerce.number().int().min(-1).default(-1),
});
export type Config = z.output<typeof configSchema>;
