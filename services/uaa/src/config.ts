import { commonSettings, Secret, secretSchema, settings } from '@slipway/service-kit';
import { z } from 'zod';

const KEY_BYTES = 32;

/** packages/service-kit/README.md explains those that services share. */
export const configSchema = z.object({
  ...commonSettings,
  LISTEN_HOST: z.string().min(1).default('127.0.0.1'),
  LISTEN_PORT: settings.port(0),
  ROUTE_HOST: z.string().min(1).default('127.0.0.1'),
  EXTERNAL_URL: z.url({ protocol: /^https?$/ }).transform((url) => url.replace(/\/+$/, '')),
  SYSTEM_HOSTS: settings.list(['localhost', '127.0.0.1']),
  /** May hold a password. */
  DATABASE_URL: secretSchema,
  ENCRYPTION_KEY: z
    .base64()
    .refine((text) => Buffer.from(text, 'base64').length === KEY_BYTES, `expected base64 of ${KEY_BYTES} bytes`)
    .transform((text) => new Secret(text)),
  /** Of the user `admin`, when that is made. */
  ADMIN_PASSWORD: z
    .string()
    .min(1)
    .max(255)
    .transform((text) => new Secret(text)),
  /** Of the client `cloud_controller`, with which that service looks users up. */
  CLOUD_CONTROLLER_SECRET: z
    .string()
    .min(1)
    .max(255)
    .transform((text) => new Secret(text)),
  /** Of the client `ssh-proxy`, which takes one-time codes; without it there is no such client. */
  SSH_PROXY_SECRET: secretSchema.optional(),
  /** UAA's default. cf refreshes a token that has less than 60 s to live. */
  ACCESS_TOKEN_SECONDS: settings.integer(600, 61, 86_400),
  /** UAA's default, 30 days. */
  REFRESH_TOKEN_SECONDS: settings.integer(2_592_000, 61, 31_536_000),
});
export type Config = z.output<typeof configSchema>;
