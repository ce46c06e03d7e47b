import { z } from 'zod';
import type { FeatureFlag } from '../domain/feature-flags.ts';
import { apiTime, apiTimeSchema, type Links, linkSchema } from './shapes.ts';

export const featureFlagSchema = z
  .object({
    name: z.string(),
    enabled: z.boolean(),
    updated_at: apiTimeSchema.nullable(),
    custom_error_message: z.string().nullable(),
    links: z.object({ self: linkSchema }),
  })
  .meta({ id: 'FeatureFlag' });

export function presentFeatureFlag(flag: FeatureFlag, link: Links): z.infer<typeof featureFlagSchema> {
  return {
    name: flag.name,
    enabled: flag.enabled,
    updated_at: flag.updatedAt === null ? null : apiTime(flag.updatedAt),
    custom_error_message: flag.customErrorMessage,
    links: { self: link(`/v3/feature_flags/${flag.name}`) },
  };
}
