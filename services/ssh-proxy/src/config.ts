import { commonSettings, Secret, secretSchema, settings } from '@slipway/service-kit';
import { z } from 'zod';

const KEY_BYTES = 32;

/** packages/service-kit/README.md explains those that services share. It speaks with no NATS. */
export const configSchema = z.object({
  LOG_LEVEL: commonSettings.LOG_LEVEL,
  HEALTH_PORT: commonSettings.HEALTH_PORT,
  LISTEN_HOST: z.string().min(1).default('0.0.0.0'),
  /** `handed`: whoever has started it listens, and hands it the connections. */
  LISTEN_PORT: z.union([z.literal('handed'), settings.port(2222)]).default(2222),
  /** Internal: `http://127.0.0.1:PORT/uaa`. */
  UAA_URL: z.url().transform((url) => url.replace(/\/+$/, '')),
  /** Of uaa's client `ssh-proxy`. */
  UAA_CLIENT_SECRET: secretSchema,
  CLOUD_CONTROLLER_URL: z.url().transform((url) => url.replace(/\/+$/, '')),
  /** PEM (PKCS #8) of an Ed25519 key; users' clients remember its public half. */
  HOST_KEY: secretSchema,
  /** base64 of 32 bytes that cells have, too. */
  SESSION_KEY: z
    .base64()
    .refine((text) => Buffer.from(text, 'base64').length === KEY_BYTES, `expected base64 of ${KEY_BYTES} bytes`)
    .transform((text) => new Secret(text)),
  /** Without any connection for so long it says that it is not needed; only where they are handed to it. */
  LEAVE_AFTER_MS: settings.milliseconds(600_000),
  /** A connection through which nothing went for so long is ended. */
  IDLE_TIMEOUT_MS: settings.milliseconds(3_600_000),
});
export type Config = z.output<typeof configSchema>;
