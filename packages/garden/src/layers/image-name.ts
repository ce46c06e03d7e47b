import { z } from 'zod';

/** What an image is called where figures of the store are shown. */
export const imageNameSchema = z.object({
  /** Its manifest's digest, or whatever else the caller tells images apart by. */
  id: z.string(),
  /** As the user gave it. */
  reference: z.string().optional(),
  /** For whom it is here. */
  app: z.object({ guid: z.string(), name: z.string().optional() }).optional(),
});
export type ImageName = Readonly<z.infer<typeof imageNameSchema>>;
