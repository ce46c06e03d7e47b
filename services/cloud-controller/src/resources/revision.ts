import { z } from 'zod';
import type { Metadata } from '../domain/metadata.ts';
import {
  type Links,
  linkSchema,
  metadataSchema,
  presentResource,
  type ResourceRow,
  resourceSchema,
  toOne,
  toOneSchema,
} from './shapes.ts';

const commandsSchema = z.record(z.string(), z.string().nullable());

/** As they are stored. */
const sidecarsSchema = z.array(
  z.object({
    name: z.string(),
    command: z.string(),
    memoryMb: z.int().nullable(),
    types: z.array(z.string()),
  }),
);

export const revisionSchema = resourceSchema
  .extend({
    version: z.int(),
    droplet: z.object({ guid: z.string() }),
    processes: z.record(z.string(), z.object({ command: z.string().nullable() })),
    sidecars: z.array(
      z.object({
        name: z.string(),
        command: z.string(),
        memory_in_mb: z.int().nullable(),
        process_types: z.array(z.string()),
      }),
    ),
    description: z.string(),
    deployable: z.boolean(),
    relationships: z.object({ app: toOneSchema }),
    metadata: metadataSchema,
    links: z.object({ self: linkSchema, app: linkSchema, environment_variables: linkSchema }),
  })
  .meta({ id: 'Revision' });

export interface RevisionView extends ResourceRow {
  readonly app_guid: string;
  readonly version: number;
  readonly droplet_guid: string;
  readonly commands: string;
  readonly sidecars: string;
  readonly description: string;
}

/** `deployable`: is its droplet still there? */
export function presentRevision(
  row: RevisionView,
  deployable: boolean,
  metadata: Metadata,
  link: Links,
): z.infer<typeof revisionSchema> {
  const self = `/v3/revisions/${row.guid}`;
  const commands = commandsSchema.parse(JSON.parse(row.commands));
  return {
    ...presentResource(row),
    version: row.version,
    droplet: { guid: row.droplet_guid },
    processes: Object.fromEntries(Object.entries(commands).map(([type, command]) => [type, { command }])),
    sidecars: sidecarsSchema.parse(JSON.parse(row.sidecars)).map(({ name, command, memoryMb, types }) => ({
      name,
      command,
      memory_in_mb: memoryMb,
      process_types: types,
    })),
    description: row.description,
    deployable,
    relationships: { app: toOne(row.app_guid) },
    metadata,
    links: {
      self: link(self),
      app: link(`/v3/apps/${row.app_guid}`),
      environment_variables: link(`${self}/environment_variables`),
    },
  };
}
