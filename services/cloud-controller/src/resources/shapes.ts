import { z } from 'zod';

/** The pieces that API v3's resources are made of. */

export const linkSchema = z.object({ href: z.url(), method: z.string().optional() }).meta({ id: 'Link' });
export type Link = z.infer<typeof linkSchema>;

/** RFC 3339 with whole seconds, as Cloud Foundry shows times. */
export const apiTimeSchema = z
  .string()
  .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
  .meta({ id: 'Time' });

export const metadataSchema = z
  .object({
    labels: z.record(z.string(), z.string()),
    annotations: z.record(z.string(), z.string()),
  })
  .meta({ id: 'Metadata' });

export const toOneSchema = z.object({ data: z.object({ guid: z.string() }) }).meta({ id: 'ToOne' });
export const toOneOrNoneSchema = z
  .object({ data: z.object({ guid: z.string() }).nullable() })
  .meta({ id: 'ToOneOrNone' });
export const toManySchema = z.object({ data: z.array(z.object({ guid: z.string() })) }).meta({ id: 'ToMany' });

export const resourceSchema = z.object({
  guid: z.string(),
  created_at: apiTimeSchema,
  updated_at: apiTimeSchema,
});

const pageLinkSchema = z.object({ href: z.url() });

export const paginationSchema = z
  .object({
    total_results: z.int(),
    total_pages: z.int(),
    first: pageLinkSchema,
    last: pageLinkSchema,
    next: pageLinkSchema.nullable(),
    previous: pageLinkSchema.nullable(),
  })
  .meta({ id: 'Pagination' });

export function listSchema<T extends z.ZodType>(
  resource: T,
): z.ZodObject<{ pagination: typeof paginationSchema; resources: z.ZodArray<T> }> {
  return z.object({ pagination: paginationSchema, resources: z.array(resource) });
}

/** What each resource row has. */
export interface ResourceRow {
  readonly guid: string;
  readonly created_at: string;
  readonly updated_at: string;
}

export function presentResource(row: ResourceRow): z.infer<typeof resourceSchema> {
  return { guid: row.guid, created_at: apiTime(row.created_at), updated_at: apiTime(row.updated_at) };
}

export function apiTime(iso: string): string {
  return `${iso.slice(0, 19)}Z`;
}

export function toOne(guid: string): z.infer<typeof toOneSchema> {
  return { data: { guid } };
}

export function toOneOrNone(guid: string | null): z.infer<typeof toOneOrNoneSchema> {
  return { data: guid === null ? null : { guid } };
}

/** Makes the absolute links of one platform. */
export type Links = (path: string, method?: string) => Link;

export function linksOf(externalUrl: string): Links {
  return (path, method) => ({ href: `${externalUrl}${path}`, ...(method === undefined ? {} : { method }) });
}

/** The body of every error (API v3, "Errors"). */
export const errorsSchema = z
  .object({ errors: z.array(z.object({ code: z.int(), title: z.string(), detail: z.string() })).min(1) })
  .meta({ id: 'Errors' });
