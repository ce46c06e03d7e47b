import { z } from 'zod';
import { canarySteps } from '../domain/deployment/canary.ts';
import type { Metadata } from '../domain/metadata.ts';
import {
  apiTime,
  apiTimeSchema,
  type Links,
  linkSchema,
  metadataSchema,
  presentResource,
  type ResourceRow,
  resourceSchema,
  toOne,
  toOneSchema,
} from './shapes.ts';

const scaleOptionsSchema = z.object({
  web_instances: z.int().nullable(),
  memory_in_mb: z.int().nullable(),
  disk_in_mb: z.int().nullable(),
  log_rate_limit_in_bytes_per_second: z.int().nullable(),
});

export const deploymentSchema = resourceSchema
  .extend({
    state: z.enum(['DEPLOYING', 'PREPAUSED', 'PAUSED', 'CANCELING', 'DEPLOYED', 'CANCELED']),
    status: z.object({
      value: z.enum(['ACTIVE', 'FINALIZED']),
      reason: z.enum(['DEPLOYING', 'PAUSED', 'CANCELING', 'DEPLOYED', 'CANCELED', 'SUPERSEDED']),
      details: z.object({ last_successful_healthcheck: apiTimeSchema, last_status_change: apiTimeSchema }),
      canary: z.object({ steps: z.object({ current: z.int(), total: z.int() }) }).optional(),
    }),
    strategy: z.enum(['rolling', 'canary']),
    options: scaleOptionsSchema.partial().extend({
      max_in_flight: z.int(),
      canary: z.object({ steps: z.array(z.object({ instance_weight: z.int() })) }).optional(),
    }),
    droplet: z.object({ guid: z.string() }),
    previous_droplet: z.object({ guid: z.string().nullable() }),
    revision: z.object({ guid: z.string(), version: z.int() }).optional(),
    new_processes: z.array(z.object({ guid: z.string(), type: z.string() })),
    relationships: z.object({ app: toOneSchema }),
    metadata: metadataSchema,
    links: z.object({
      self: linkSchema,
      app: linkSchema,
      cancel: linkSchema.optional(),
      continue: linkSchema.optional(),
    }),
  })
  .meta({ id: 'Deployment' });
type Deployment = z.infer<typeof deploymentSchema>;

export interface DeploymentView extends ResourceRow {
  readonly app_guid: string;
  readonly strategy: Deployment['strategy'];
  readonly state: Deployment['state'];
  readonly status_value: Deployment['status']['value'];
  readonly status_reason: Deployment['status']['reason'];
  readonly status_changed_at: string;
  readonly last_healthy_at: string;
  readonly max_in_flight: number;
  readonly canary_weights: string;
  readonly canary_step: number;
  readonly scale_options: string;
  readonly droplet_guid: string;
  readonly previous_droplet_guid: string | null;
  readonly process_guid: string;
}

export function presentDeployment(
  row: DeploymentView,
  revision: { readonly guid: string; readonly version: number } | undefined,
  metadata: Metadata,
  link: Links,
): Deployment {
  const self = `/v3/deployments/${row.guid}`;
  const weights = z.array(z.int()).parse(JSON.parse(row.canary_weights));
  const scale = scaleOptionsSchema.parse(JSON.parse(row.scale_options));
  const asked = Object.fromEntries(Object.entries(scale).filter(([, value]) => value !== null));
  const canary = row.strategy === 'canary';
  const steps = { current: row.canary_step, total: canarySteps(weights) };
  const active = row.status_value === 'ACTIVE';
  return {
    ...presentResource(row),
    state: row.state,
    status: {
      value: row.status_value,
      reason: row.status_reason,
      details: {
        last_successful_healthcheck: apiTime(row.last_healthy_at),
        last_status_change: apiTime(row.status_changed_at),
      },
      ...(canary ? { canary: { steps } } : {}),
    },
    strategy: row.strategy,
    options: {
      max_in_flight: row.max_in_flight,
      ...asked,
      ...(weights.length === 0 ? {} : { canary: { steps: weights.map((weight) => ({ instance_weight: weight })) } }),
    },
    droplet: { guid: row.droplet_guid },
    previous_droplet: { guid: row.previous_droplet_guid },
    ...(revision === undefined ? {} : { revision }),
    new_processes: [{ guid: row.process_guid, type: 'web' }],
    relationships: { app: toOne(row.app_guid) },
    metadata,
    links: {
      self: link(self),
      app: link(`/v3/apps/${row.app_guid}`),
      ...(active ? { cancel: link(`${self}/actions/cancel`, 'POST') } : {}),
      ...(row.state === 'PAUSED' ? { continue: link(`${self}/actions/continue`, 'POST') } : {}),
    },
  };
}
