import { type Logger, type Secret, secretSchema, settings } from '@slipway/service-kit';
import { z } from 'zod';
import { type HelperUser, NOBODY } from '../registry/credential-helper.ts';
import { RegistryCredentials } from '../registry/credentials.ts';
import type { RegistryClientOptions } from '../registry/registry-client.ts';
import { DROPLET_REGISTRY_FORM, type DropletRegistry, parseDropletRegistry } from './droplet-registry.ts';
import { HOST_RULE_FORM, parseHostRule } from './host-rules.ts';

const isId = (id: number | undefined): boolean => id !== undefined && id > 0 && id < 2 ** 32 - 1;

/** `uid:gid`, or one number for both. */
const helperUser = z
  .string()
  .regex(/^\d{1,10}(:\d{1,10})?$/, 'expected uid:gid, as numbers')
  .transform((text): HelperUser => {
    const [uid = 0, gid = uid] = text.split(':').map(Number);
    return { uid, gid };
  })
  .refine(({ uid, gid }) => isId(uid) && isId(gid), 'expected a user and a group other than 0')
  .default(NOBODY);

const dropletRegistry = z.string().transform((text, { addIssue }): DropletRegistry => {
  const parsed = parseDropletRegistry(text);
  if (parsed === undefined) addIssue({ code: 'custom', message: `expected ${DROPLET_REGISTRY_FORM}` });
  return parsed ?? { registry: '', prefix: '' };
});

/** What services are told that speak to registries (packages/service-kit/README.md). */
export const registryConfig = {
  INSECURE_REGISTRIES: settings
    .list()
    .refine(
      (list) => list.every((rule) => parseHostRule(rule).kind !== 'wrong'),
      `expected of each: ${HOST_RULE_FORM}`,
    ),
  TRUSTED_TOKEN_HOSTS: settings.list(),
  REGISTRIES_FILE: z.string().startsWith('/', 'expected an absolute path').optional(),
  CREDENTIAL_HELPER_USER: helperUser,
  DROPLET_REGISTRY: dropletRegistry.optional(),
  /** For what is below its prefix only; else the settings file has them. */
  DROPLET_REGISTRY_USERNAME: z.string().min(1).optional(),
  DROPLET_REGISTRY_PASSWORD: secretSchema.optional(),
} as const;

/** The client of a service; what is in the settings file comes with `followRegistrySettings`. */
export function registryClientOptions(
  config: {
    readonly INSECURE_REGISTRIES: readonly string[];
    readonly TRUSTED_TOKEN_HOSTS: readonly string[];
    readonly CREDENTIAL_HELPER_USER: HelperUser;
    readonly DROPLET_REGISTRY?: DropletRegistry | undefined;
    readonly DROPLET_REGISTRY_USERNAME?: string | undefined;
    readonly DROPLET_REGISTRY_PASSWORD?: Secret | undefined;
  },
  logger: Logger,
): RegistryClientOptions {
  const { DROPLET_REGISTRY: droplets, DROPLET_REGISTRY_USERNAME: user, DROPLET_REGISTRY_PASSWORD: password } = config;
  const credentials = user !== undefined && password ? new RegistryCredentials(user, password.reveal()) : undefined;
  return {
    ...(droplets && credentials ? { droplets: { ...droplets, credentials } } : {}),
    plainHttp: config.INSECURE_REGISTRIES,
    trustedTokenHosts: config.TRUSTED_TOKEN_HOSTS,
    helpers: {
      user: config.CREDENTIAL_HELPER_USER,
      onWords: (failure) => logger.error(failure, 'credential-helper.failed'),
    },
  };
}
