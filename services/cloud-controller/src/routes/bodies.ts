import { z } from 'zod';
import { type MetadataUpdate, metadataProblems } from '../domain/metadata.ts';
import { unprocessable } from '../errors.ts';

/** Parts of request bodies. Unknown fields are refused everywhere, as on Cloud Foundry. */

export const guidParameters = z.object({ guid: z.string() });

export const toOneBody = z
  .strictObject({ data: z.strictObject({ guid: z.string().min(1) }) })
  .meta({ id: 'ToOneBody' });

/** More than anybody names at once, and fewer than a statement has parameters. */
const MAX_RELATED = 1000;
const related = z.array(z.strictObject({ guid: z.string().min(1) })).max(MAX_RELATED);
export const toManyBody = z.strictObject({ data: related });

/** Types of the processes that a sidecar runs beside. */
export const processTypesBody = z
  .array(z.string().min(1).max(255))
  .max(MAX_RELATED)
  .refine((types) => types.length > 0, 'Process types must have at least 1 process_type');

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
