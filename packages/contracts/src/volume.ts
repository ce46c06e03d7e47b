import { z } from 'zod';

/** A directory of the cells' hosts in a container. Whether it may be is the operator's word, at each cell. */
export const volumeSchema = z.object({
  /** Of the service that it comes from. */
  name: z.string(),
  /** On the host. */
  source: z.string().startsWith('/'),
  /** In the container. */
  destination: z.string().startsWith('/'),
  readOnly: z.boolean(),
  /** Whom in the container the directory's owner is; by default the app's user. */
  uid: z.int().nonnegative().optional(),
  gid: z.int().nonnegative().optional(),
});
export type LrpVolume = z.infer<typeof volumeSchema>;
