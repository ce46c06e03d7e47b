import { commonSettings, settings } from '@slipway/service-kit';
import { z } from 'zod';

const MEBIBYTE = 1024 * 1024;

/** packages/service-kit/README.md explains those that services share. */
export const configSchema = z.object({
  ...commonSettings,
  LISTEN_HOST: z.string().min(1).default('127.0.0.1'),
  LISTEN_PORT: settings.port(0),
  ROUTE_HOST: z.string().min(1).default('127.0.0.1'),
  SYSTEM_HOSTS: settings.list(['localhost', '127.0.0.1']),
  UAA_URL: z.url({ protocol: /^https?$/ }),
  CLOUD_CONTROLLER_URL: z.url({ protocol: /^https?$/ }),
  /** What the stream keeps of one source; Cloud Foundry's log-cache keeps 100,000. */
  LOG_CACHE_LINES_PER_SOURCE: settings.integer(10_000, 1, 10_000_000),
  /** One app that writes long lines must not take all the room. */
  LOG_CACHE_BYTES_PER_SOURCE: settings.integer(32 * MEBIBYTE, MEBIBYTE),
  /** Of all lines held. While the stream is read anew, after a reconnect, up to twice as much is in use. */
  LOG_CACHE_BYTES: settings.integer(128 * MEBIBYTE, MEBIBYTE),
});
export type Config = z.output<typeof configSchema>;
