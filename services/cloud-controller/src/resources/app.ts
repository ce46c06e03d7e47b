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
  toOneOrNone,
  toOneOrNoneSchema,
  toOneSchema,
} from './shapes.ts';

export const dockerLifecycleSchema = z
  .object({ type: z.literal('docker'), data: z.object({}) })
  .meta({ id: 'DockerLifecycle' });
export const dockerLifecycle: z.infer<typeof dockerLifecycleSchema> = { type: 'docker', data: {} };

export const appSchema = resourceSchema
  .extend({
    name: z.string(),
    state: z.enum(['STARTED', 'STOPPED']),
    lifecycle: dockerLifecycleSchema,
    relationships: z.object({ space: toOneSchema, current_droplet: toOneOrNoneSchema }),
    metadata: metadataSchema,
    links: z.object({
      self: linkSchema,
      environment_variables: linkSchema,
      space: linkSchema,
      processes: linkSchema,
      packages: linkSchema,
      current_droplet: linkSchema,
      droplets: linkSchema,
      tasks: linkSchema,
      start: linkSchema,
      stop: linkSchema,
      revisions: linkSchema,
      deployed_revisions: linkSchema,
      features: linkSchema,
    }),
  })
  .meta({ id: 'App' });

export interface AppView extends ResourceRow {
  readonly name: string;
  readonly space_guid: string;
  readonly desired_state: 'STARTED' | 'STOPPED';
  readonly droplet_guid: string | null;
}

export function presentApp(row: AppView, metadata: Metadata, link: Links): z.infer<typeof appSchema> {
  const self = `/v3/apps/${row.guid}`;
  return {
    ...presentResource(row),
    name: row.name,
    state: row.desired_state,
    lifecycle: dockerLifecycle,
    relationships: { space: toOne(row.space_guid), current_droplet: toOneOrNone(row.droplet_guid) },
    metadata,
    links: {
      self: link(self),
      environment_variables: link(`${self}/environment_variables`),
      space: link(`/v3/spaces/${row.space_guid}`),
      processes: link(`${self}/processes`),
      packages: link(`${self}/packages`),
      current_droplet: link(`${self}/droplets/current`),
      droplets: link(`${self}/droplets`),
      tasks: link(`${self}/tasks`),
      start: link(`${self}/actions/start`, 'POST'),
      stop: link(`${self}/actions/stop`, 'POST'),
      revisions: link(`${self}/revisions`),
      deployed_revisions: link(`${self}/revisions/deployed`),
      features: link(`${self}/features`),
    },
  };
}
