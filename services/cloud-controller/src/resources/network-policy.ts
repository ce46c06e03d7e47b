import { z } from 'zod';
import type { NetworkPolicyRow } from '../adapters/sql/network-policy-rows.ts';

const policySchema = z
  .object({
    source: z.object({ id: z.string().meta({ description: 'Guid of an app.' }) }),
    destination: z.object({
      id: z.string().meta({ description: 'Guid of an app, which may be the same.' }),
      protocol: z.enum(['tcp', 'udp']),
      ports: z.object({ start: z.int(), end: z.int() }),
    }),
  })
  .meta({ id: 'NetworkPolicy' });

/** The policy server's form of a list: no pages. */
export const networkPoliciesSchema = z
  .object({ total_policies: z.int(), policies: z.array(policySchema) })
  .meta({ id: 'NetworkPolicies' });

/** What is wrong, in the policy server's form. */
export const networkPolicyErrorSchema = z.object({ error: z.string() }).meta({ id: 'NetworkPolicyError' });

export function presentNetworkPolicies(rows: readonly NetworkPolicyRow[]): z.infer<typeof networkPoliciesSchema> {
  return {
    total_policies: rows.length,
    policies: rows.map((row) => ({
      source: { id: row.source_guid },
      destination: {
        id: row.destination_guid,
        protocol: row.protocol,
        ports: { start: row.start_port, end: row.end_port },
      },
    })),
  };
}
