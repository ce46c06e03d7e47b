import { isDigest } from '@slipway/oci';
import { z } from 'zod';

const digest = z.string().refine((text): boolean => isDigest(text));

/** One blob that was downloaded, verified and unpacked to a layer. Several can hold the same one, packed otherwise. */
const blob = z.object({
  digest,
  size: z.number().int().nonnegative(),
  mediaType: z.string(),
  /** That this blob holds the layer is another cell's word: the layer came from there, as an archive. */
  vouched: z.literal(true).optional(),
});

/** What the store keeps of each layer, in `records/<name>.json`. The file's mtime is when the layer was last asked for. */
export const layerRecordSchema = z.object({
  v: z.literal(1),
  /** Its directory below `layers`; short, since overlayfs takes all of an image's names in one page. */
  name: z.string().regex(/^[0-9a-z]{1,12}$/),
  diffId: digest,
  blobs: z.array(blob).min(1).readonly(),
  entries: z.number(),
  fileBytes: z.number(),
  tarBytes: z.number(),
  skipped: z.number(),
  ids: z.object({ high: z.array(z.number()).readonly(), more: z.boolean() }),
  opaqueRoot: z.boolean(),
  /** What `splits/<name>` has, for the archive to be made again; or why it is not there. */
  split: z.union([z.object({ bytes: z.number().int().nonnegative() }), z.object({ reason: z.string() })]).optional(),
  /** What it takes on disk, with its split; absent until it has been measured, as in records of before. */
  diskBytes: z.number().optional(),
  createdAt: z.string(),
  /** Until the files are known to be on disk, the layer is good only while the machine stays up. */
  durable: z.boolean(),
  bootId: z.string(),
});

export type LayerRecord = Readonly<z.infer<typeof layerRecordSchema>>;

/** A block of most file systems, of which every directory and small file takes one. */
const BLOCK_BYTES = 4096;

/** What a layer takes on disk: as measured, else a fair guess. */
export function bytesOfRecord({ diskBytes, fileBytes, entries }: LayerRecord): number {
  return diskBytes ?? fileBytes + (entries * BLOCK_BYTES) / 2;
}
