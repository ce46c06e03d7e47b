import { commonSettings, secretSchema, settings } from '@slipway/service-kit';
import { z } from 'zod';
import { balancingAlgorithms } from './domain/routes/pool.ts';
import { parseRouteUri } from './domain/routes/route-uri.ts';

/** Defaults are those of a deployed Gorouter (routing-release's job), where nothing else is said. */
const settingsSchema = z.object({
  ...commonSettings,
  LISTEN_HOST: z.string().min(1).default('127.0.0.1'),
  LISTEN_PORT: settings.port(),
  /** Lets several router processes listen on one port, each with a table of its own. */
  LISTEN_REUSE_PORT: settings.boolean(false),

  /** What registrants are asked for in `router.start`. */
  REGISTER_INTERVAL_SECONDS: settings.integer(20, 1, 3600),
  /** An endpoint that is not registered for so long is pruned. */
  PRUNE_THRESHOLD_SECONDS: settings.integer(120, 1, 86_400),
  PRUNE_INTERVAL_MS: settings.milliseconds(30_000),
  /** How long a route whose last endpoint left answers 503 instead of 404; 0: not at all. */
  EMPTY_ROUTE_MS: settings.integer(0, 0, 86_400_000),

  /** The listener opens when no new route has come for so long, */
  START_QUIET_MS: settings.milliseconds(250),
  /** these routes are there, */
  START_ROUTES: settings.list(),
  /** or so much time has passed. */
  START_MAX_WAIT_MS: settings.milliseconds(5_000),

  /** Of a head. Gorouter allows 1 MiB; apps' own servers take 8 to 64 KiB, and every byte is held until the head is whole. */
  MAX_HEAD_BYTES: settings.integer(65_536, 1_024, 1_048_576),
  MAX_HEADERS: settings.integer(256, 16, 10_000),
  /** Gorouter has no limit, which lets a client hold a connection by dripping. */
  HEAD_TIMEOUT_MS: settings.milliseconds(60_000),
  IDLE_TIMEOUT_MS: settings.milliseconds(900_000),
  REQUEST_TIMEOUT_MS: settings.milliseconds(900_000),
  DIAL_TIMEOUT_MS: settings.milliseconds(5_000),
  BACKEND_IDLE_TIMEOUT_MS: settings.milliseconds(90_000),
  BACKEND_MAX_IDLE: settings.integer(100, 0, 100_000),
  /** Requests that one backend may have unanswered; 0: no limit. */
  BACKEND_MAX_WAITING: settings.integer(500, 0, 1_000_000),
  MAX_ATTEMPTS: settings.integer(3, 1, 100),
  FAILURE_MARK_MS: settings.milliseconds(30_000),
  BALANCING_ALGORITHM: z.enum(balancingAlgorithms).default('round-robin'),

  /** PEM: what signs the certificates of TLS endpoints (default: Node's own list), and the router's own certificate. */
  BACKEND_CA: z.string().optional(),
  BACKEND_CLIENT_CERT: z.string().optional(),
  BACKEND_CLIENT_KEY: secretSchema.optional(),

  FORWARDED_PROTO: z.enum(['keep', 'sanitize', 'https']).default('keep'),
  STICKY_COOKIE_NAMES: settings.list(['JSESSIONID']),
  SECURE_COOKIES: settings.boolean(false),

  ACCESS_LOG: settings.boolean(true),
  /** For each app; the log keeps so many lines of an app in all that a busy one would lose its own. */
  ACCESS_LOG_LINES_PER_SECOND: settings.integer(100, 1, 1_000_000),

  /** While stopping: how long new connections are taken still, and how long requests under way may take then. */
  DRAIN_WAIT_MS: settings.integer(0, 0, 3_600_000),
  DRAIN_TIMEOUT_MS: settings.milliseconds(10_000),
});

export const configSchema: typeof settingsSchema = settingsSchema
  .refine((config) => config.PRUNE_THRESHOLD_SECONDS >= config.REGISTER_INTERVAL_SECONDS, {
    path: ['PRUNE_THRESHOLD_SECONDS'],
    error: 'must not be less than REGISTER_INTERVAL_SECONDS',
  })
  .refine((config) => config.START_ROUTES.every((uri) => parseRouteUri(uri) !== undefined), {
    path: ['START_ROUTES'],
    error: 'must be routes: host, host/path, or *.domain',
  });
export type Config = z.output<typeof configSchema>;
