import { cellIdSchema } from '@slipway/contracts';
import { isDigest } from '@slipway/oci';
import { z } from 'zod';

/*
 * Between cells, HTTP/1.1 inside TLS:
 *   POST /v1/ask      {v, cellId, layer}        ->  200 an answer
 *   POST /v1/archive  {v, layer, from}            ->  200 the archive from that byte on, always with its length;
 *                                                     404 not here, 503 too many already
 */
export const ASK_PATH = '/v1/ask';
export const ARCHIVE_PATH = '/v1/archive';

/** Bytes of a question or an answer. */
export const MAX_MESSAGE_BYTES = 4_096;

const digest = z.string().refine((text): boolean => isDigest(text));

/** Named by all three, so that only who knows the image can ask. */
const layerSchema = z.object({ digest, diffId: digest, size: z.int().nonnegative() });
export type PeerLayer = z.infer<typeof layerSchema>;

export const askSchema = z.object({
  v: z.literal(1),
  /** Who asks. */
  cellId: cellIdSchema,
  layer: layerSchema,
});

export const archiveRequestSchema = z.object({ v: z.literal(1), layer: layerSchema, from: z.int().nonnegative() });

/** `cellId` is who answers: an address may lead to another cell than it should, and to the one that asks. */
const common = { v: z.literal(1), cellId: cellIdSchema };

export const answerSchema = z.discriminatedUnion('state', [
  z.object({ ...common, state: z.literal('have'), archiveBytes: z.int().nonnegative(), busy: z.boolean() }),
  z.object({ ...common, state: z.literal('coming'), fetching: z.boolean() }),
  z.object({ ...common, state: z.literal('none') }),
]);

/** The body of a message, as JSON. Throws when it is too long, not JSON, or of another form. */
export async function readMessage<T>(body: AsyncIterable<Uint8Array>, schema: z.ZodType<T>): Promise<T> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of body) {
    length += piece.length;
    if (length > MAX_MESSAGE_BYTES) throw new Error(`a message of more than ${MAX_MESSAGE_BYTES} bytes`);
    pieces.push(piece);
  }
  return schema.parse(JSON.parse(Buffer.concat(pieces).toString()));
}
