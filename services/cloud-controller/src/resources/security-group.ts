import { z } from 'zod';
import type { SecurityGroupRow } from '../adapters/sql/schema.ts';
import type { Lifecycle } from '../adapters/sql/security-group-rows.ts';
import { type Links, linkSchema, presentResource, resourceSchema, toManySchema } from './shapes.ts';

const ruleSchema = z
  .looseObject({
    protocol: z.enum(['tcp', 'udp', 'icmp', 'all']),
    destination: z.string(),
    ports: z.string().nullish(),
    type: z.int().nullish(),
    code: z.int().nullish(),
    description: z.string().nullish(),
    log: z.boolean().nullish(),
  })
  .meta({ id: 'SecurityGroupRule' });

export const securityGroupSchema = resourceSchema
  .extend({
    name: z.string(),
    rules: z.array(ruleSchema),
    globally_enabled: z.object({ running: z.boolean(), staging: z.boolean() }),
    relationships: z.object({ running_spaces: toManySchema, staging_spaces: toManySchema }),
    links: z.object({ self: linkSchema }),
  })
  .meta({ id: 'SecurityGroup' });

/** `spaces`: guids of those that it is bound to, as far as the caller may see them. */
export function presentSecurityGroup(
  row: SecurityGroupRow,
  spaces: Readonly<Record<Lifecycle, readonly string[]>>,
  link: Links,
): z.infer<typeof securityGroupSchema> {
  const many = (guids: readonly string[]): z.infer<typeof toManySchema> => ({ data: guids.map((guid) => ({ guid })) });
  return {
    ...presentResource(row),
    name: row.name,
    rules: JSON.parse(row.rules),
    globally_enabled: { running: row.globally_running === 1, staging: row.globally_staging === 1 },
    relationships: { running_spaces: many(spaces.running), staging_spaces: many(spaces.staging) },
    links: { self: link(`/v3/security_groups/${row.guid}`) },
  };
}
