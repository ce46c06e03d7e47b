import { z } from 'zod';
import { type Digest, isDigest } from './digest.ts';

/** Text from a registry that is shown to people or compared: bounded, so that no field can fill a log. */
export const shortTextSchema: z.ZodType<string, string> = z.string().max(255);

export const digestSchema: z.ZodType<Digest> = z.custom<Digest>(
  (value) => typeof value === 'string' && isDigest(value),
  'expected "sha256:" and 64 lower-case hex digits',
);

/** What a piece of content is, by which name and how long it must be (OCI image-spec `descriptor.md`). */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** In bytes. */
  readonly size: number;
}

/** `urls` and `data` are left out on purpose: content comes from the registry that was asked, and from nowhere else. */
export const descriptorSchema: z.ZodType<Descriptor> = z.object({
  mediaType: shortTextSchema,
  digest: digestSchema,
  size: z.int().nonnegative(),
});
