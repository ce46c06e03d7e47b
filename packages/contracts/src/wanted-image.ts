import { z } from 'zod';
import { guidSchema, sealedSchema, timeSchema } from './common.ts';
import { resolvedImageSchema } from './image.ts';

/**
 * An image that instances may be started from at any time, whatever becomes of its registry: that of a droplet that is
 * its app's current one, that runs, that is deployed, or that a revision can be rolled back to. Cells keep its layers.
 * Writer: cloud-controller, rebuilt from SQL. KV `wanted-images`, key `droplet.<droplet guid>`.
 */
export const wantedImageSchema = z.object({
  v: z.literal(1),
  dropletGuid: guidSchema,
  app: z.object({ guid: guidSchema, name: z.string(), spaceGuid: guidSchema, organizationGuid: guidSchema }),
  /** A restart, a crash or more instances need it now; the others are what can be gone back to. */
  current: z.boolean(),
  image: resolvedImageSchema.extend({
    /** `{"username","password"}` sealed to the cell key. */
    credentials: sealedSchema.optional(),
  }),
  /** Of the credentials: the same for the same ones, which are sealed otherwise each time. */
  credentialsId: z.string().optional(),
  /** Only cells that have them start it. */
  placementTags: z.array(z.string()),
});
export type WantedImage = z.infer<typeof wantedImageSchema>;

/**
 * Says that the bucket held every wanted image when this was written, so that cells may let go of others. Writer:
 * cloud-controller. Key `domain.cf-images`: in the bucket of the images, so that it is ordered after them.
 */
export const imagesFreshnessSchema = z.object({
  v: z.literal(1),
  domain: z.literal('cf-images'),
  refreshedAt: timeSchema,
  /** Fresh for so long after it was received. */
  ttlMs: z.int().positive(),
  imageCount: z.int().nonnegative(),
});
export type ImagesFreshness = z.infer<typeof imagesFreshnessSchema>;
