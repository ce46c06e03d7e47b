import { imageLimitSettings, registryConfig } from '@slipway/oci';
import { commonSettings, isSealingPair, secretSchema, settings } from '@slipway/service-kit';
import { z } from 'zod';

/** packages/service-kit/README.md explains those that services share. */
export const configSchema = z
  .object({
    ...commonSettings,
    STAGER_PUBLIC_KEY: z.string().min(1),
    STAGER_PRIVATE_KEY: secretSchema,
    ...registryConfig,
    ...imageLimitSettings,
    /** Builds staged side by side; each holds one manifest and one config, 8 MiB at most, and mostly waits. */
    STAGER_CONCURRENCY: settings.integer(32, 1, 100),
    /** Of one organization: while its registry is silent the others have the rest. */
    STAGER_ORGANIZATION_CONCURRENCY: settings.integer(8, 1, 100),
  })
  .refine(
    ({ STAGER_PUBLIC_KEY: publicKey, STAGER_PRIVATE_KEY: key }) =>
      isSealingPair({ publicKey, privateKey: key.reveal() }),
    { path: ['STAGER_PRIVATE_KEY'], error: 'is not the private key of STAGER_PUBLIC_KEY' },
  );
export type Config = z.output<typeof configSchema>;
