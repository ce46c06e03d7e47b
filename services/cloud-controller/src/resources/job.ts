import { z } from 'zod';
import { type Links, linkSchema, presentResource, type ResourceRow, resourceSchema } from './shapes.ts';

const jobErrorSchema = z.object({ code: z.int(), title: z.string(), detail: z.string() });
const jobWarningSchema = z.object({ detail: z.string() });

export const jobSchema = resourceSchema
  .extend({
    operation: z.string(),
    state: z.enum(['PROCESSING', 'COMPLETE', 'FAILED']),
    errors: z.array(jobErrorSchema),
    warnings: z.array(jobWarningSchema),
    links: z.object({ self: linkSchema }),
  })
  .meta({ id: 'Job' });

export interface JobView extends ResourceRow {
  readonly operation: string;
  readonly state: 'PROCESSING' | 'COMPLETE' | 'FAILED';
  readonly errors: string;
  readonly warnings: string;
}

export function presentJob(row: JobView, link: Links): z.infer<typeof jobSchema> {
  return {
    ...presentResource(row),
    operation: row.operation,
    state: row.state,
    errors: z.array(jobErrorSchema).parse(JSON.parse(row.errors)),
    warnings: z.array(jobWarningSchema).parse(JSON.parse(row.warnings)),
    links: { self: link(`/v3/jobs/${row.guid}`) },
  };
}
