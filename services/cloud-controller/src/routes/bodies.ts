import { z } from 'zod';
import { type MetadataUpdate, metadataProblems } from '../domain/metadata.ts';
import { unprocessable } from '../errors.ts';

/** Parts of request bodies. Unknown fields are refused everywhere, as on Cloud Foundry. */

export const guidParameters = z.object({ guid: z.string() });

export const toOneBody = z
  .strictObject({ data: z.strictObject({ guid: z.string().min(1) }) })
  .meta({ id: 'ToOneBody' });

const entries = z.record(z.string(), z.string().nullable());
export const metadataBody = z
  .strictObject({ labels: entries.optional(), annotations: entries.optional() })
  .meta({ id: 'MetadataBody' });

/** cloud_controller_ng's rule for names of apps, spaces and organizations: printable, no escape characters. */
export const nameBody = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[\p{L}\p{M}\p{N}\p{P}\p{S}\p{Zs}]*$/u, 'only printable characters are allowed')
  .meta({ id: 'Name' });

/** Values may be any scalar; what is not text becomes text, as on Cloud Foundry. Null removes. */
export const variablesBody = z
  .record(z.string(), z.union([z.string(), z.number().transform(String), z.boolean().transform(String)]).nullable())
  .meta({ id: 'VariablesBody' });

/** Throws 422. */
export function checkMetadata(update: MetadataUpdate | undefined): void {
  const problems = update === undefined ? [] : metadataProblems(update);
  if (problems.length > 0) throw unprocessable(...problems);
}
